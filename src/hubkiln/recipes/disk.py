"""A checkout's files as bytes: bounded, and never through a link that leaves the checkout."""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path
from typing import Protocol

from hubkiln.errors import RecipeError

MIB = 1024 * 1024

_MOST_ENTRIES, _MOST_FOLDERS = 5000, 200
"""Looked at, and told, where somebody looks for files in folders."""


class Source(Protocol):
    """
    What :class:`hubkiln.recipes.files.Files` reads from; paths are relative to the checkout's root.

    A link out of the checkout is as a folder and a file that exist, and cannot be read.
    """

    def is_folder(self, path: str) -> bool:
        """Whether `path` is a folder or a link to one."""

    def exists(self, path: str) -> bool:
        """Whether `path` exists; a link to nowhere does not."""

    def is_file(self, path: str) -> bool:
        """Whether `path` is a file or a link to one."""

    def leads_nowhere(self, path: str) -> bool:
        """Whether `path` is a link to what does not exist."""

    def inside(self, path: str) -> str | None:
        """Where `path` really is, from the root; None if it leaves the checkout by ``..`` or by a link."""

    def folders_with(self, names: str) -> list[str]:
        """Folders at most two below the root that hold a file called one of `names`, spaces between; the first few."""

    def scripts(self, folder: str) -> list[str]:
        """Programs and notebooks at most two below `folder` that list packages of their own; the first few."""

    def content(self, path: str, largest: int) -> bytes:
        """
        The bytes of the file `path`.

        Raises:
            RecipeError: not a file, outside, or more than `largest`.
        """


class Disk:
    """A checkout on this machine's disk."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))

    def is_folder(self, path: str) -> bool:
        """See :class:`Source`."""
        return self._leaves(path) or self._at(path).is_dir()

    def exists(self, path: str) -> bool:
        """See :class:`Source`."""
        try:
            return self._named(path) and (self._leaves(path) or self._at(path).exists())
        except OSError:
            return False

    def is_file(self, path: str) -> bool:
        """See :class:`Source`."""
        try:
            return self._named(path) and (self._leaves(path) or self._at(path).is_file())
        except OSError:
            return False

    def leads_nowhere(self, path: str) -> bool:
        """See :class:`Source`."""
        return self._named(path) and not self.exists(path)

    def inside(self, path: str) -> str | None:
        """See :class:`Source`."""
        if "\0" in path or path.startswith("/"):
            return None
        target = Path(os.path.realpath(self._root / path))
        return target.relative_to(self._root).as_posix() if target.is_relative_to(self._root) else None

    def folders_with(self, names: str) -> list[str]:
        """See :class:`Source`."""
        wanted, found, left = set(names.split()), list[str](), _MOST_ENTRIES
        folders = [""]
        for depth in range(3):
            below = list[str]()
            for folder in folders:
                entries = _entries(self._root / folder, left)
                left -= len(entries)
                if depth and any(entry.name in wanted and entry.is_file(follow_symlinks=False) for entry in entries):
                    found.append(folder)
                    continue
                inner = (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
                below += [f"{folder}/{name}".strip("/") for name in inner if _is_plain(name)]
            folders = sorted(below)
        return sorted(found)[:_MOST_FOLDERS]

    def scripts(self, folder: str) -> list[str]:
        """See :class:`Source`."""
        found, left = list[str](), _MOST_ENTRIES
        folders = [folder] if self.inside(folder) is not None else []
        for _ in range(3):
            below = list[str]()
            for one in folders:
                entries = _entries(self._root / one, left)
                left -= len(entries)
                plain = [entry for entry in entries if _is_plain(entry.name)]
                below += [f"{one}/{entry.name}".strip("/") for entry in plain if entry.is_dir(follow_symlinks=False)]
                found += sorted(f"{one}/{entry.name}".strip("/") for entry in plain if _lists_packages(entry))
            folders = sorted(below)
        return found[:_MOST_FOLDERS]

    def content(self, path: str, largest: int) -> bytes:
        """See :class:`Source`."""
        if (real := self.inside(path)) is None:
            raise RecipeError(f"`{path}` is a link that leaves the repository.", hint="Replace it by the file itself.")
        file = self._root / real
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "does not exist" if not file.exists() else "is not a file"
            raise RecipeError(f"`{path}` {what}.", hint="It should be a text file of the repository.")
        try:
            with file.open("rb") as stream:
                content = stream.read(largest + 1)
        except OSError as error:
            raise RecipeError(f"`{path}` cannot be read ({error.strerror}).", hint="Check its permissions.") from error
        if len(content) > largest:
            raise RecipeError(
                f"`{path}` is larger than {largest // MIB} MiB.", hint="A file of this kind is a short list."
            )
        return content

    def _named(self, path: str) -> bool:
        """Whether there is anything by that name, wherever it leads: of a hundred that are looked for few are there."""
        if _is_odd(path) and self.inside(path) is None:
            return False
        return os.path.lexists(f"{self._root}/{path}")

    def _leaves(self, path: str) -> bool:
        """Whether a link leads out of the checkout: what is there, if anything is, is nobody's to learn from us."""
        return not _is_odd(path) and self.inside(path) is None

    def _at(self, path: str) -> Path:
        """Where to look whether something is at `path`: nothing is for one that goes up or is no path."""
        real = self.inside(path)
        return self._root / ("\n/nowhere" if real is None else real)


def _is_odd(path: str) -> bool:
    """Whether `path` goes up, or is none; what it is called may lead out without a link."""
    return "\0" in path or path.startswith("/") or ".." in path.split("/")


def _is_plain(name: str) -> bool:
    """Whether a folder's name may stand in a sentence; hidden ones hold nothing that somebody would choose."""
    return name.isprintable() and "`" not in name and not name.startswith(".") and len(name) <= 100


def _lists_packages(entry: os.DirEntry[str]) -> bool:
    """Whether a program, or a notebook's first cell, begins with what Python's packagers call script metadata."""
    if not entry.name.endswith((".py", ".ipynb")) or not entry.is_file(follow_symlinks=False):
        return False
    try:
        with Path(entry.path).open("rb") as file:
            return _OWN_LIST.search(file.read(_FIRST_BYTES)) is not None
    except OSError:
        return False


_FIRST_BYTES = 8192
_OWN_LIST = re.compile(rb'^(?:\s*")?# /// script(?:\\n"?,?)?\r?$', re.MULTILINE)
"""As a line of a program, or of a notebook's JSON."""


def _entries(folder: Path, most: int) -> list[os.DirEntry[str]]:
    """What is in `folder`, of many as many as may be looked at."""
    try:
        with os.scandir(folder) as entries:
            return list(islice(entries, most))
    except OSError:
        return []

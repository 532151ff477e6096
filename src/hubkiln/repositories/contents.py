"""What a commit will put on disk, read from its trees before anything is written."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.beneath import DEEPEST, Beneath
from hubkiln.errors import TooLarge
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.git_command import git

_ENTRY = re.compile(r"(?P<mode>\d{6}) \w+ (?P<object>[0-9a-f]+)\t(?P<path>.+)", re.DOTALL)

_MOST_LINKS = 1000
"""Links that are looked at to warn of those that lead out."""


@dataclass(slots=True)
class Contents:
    """Links and submodules of a commit; its files are only counted."""

    links: list[str] = field(default_factory=list)
    """Paths of symbolic links, the first thousand."""

    submodules: list[tuple[str, str]] = field(default_factory=list)
    """Path and commit."""

    attributes: list[str] = field(default_factory=list)
    """Paths of ``.gitattributes`` files."""

    def leaving(self, root: Path) -> list[str]:
        """The links of the checkout at `root` that lead out of it, for people: at most ten."""
        return leaving(root, self.links)

    def uses_lfs(self, root: Path) -> bool:
        """Whether files are kept in Git LFS."""
        with Beneath(root) as beneath:
            return any(_mentions_lfs(beneath, path) for path in self.attributes[:20])


def leaving(root: Path, links: list[str], most: int = 10) -> list[str]:
    """Those of `links` below `root` that lead out of it."""
    inside = os.path.realpath(root) + os.sep
    found = [link for link in links if not (os.path.realpath(root / link) + os.sep).startswith(inside)]
    return [ascii(link) for link in found[:most]]


def _mentions_lfs(root: Beneath, path: str) -> bool:
    if not root.is_file(path):
        return False
    with os.fdopen(root.open(path), "rb") as file:
        return b"filter=lfs" in file.read(65536)


async def measure(url: str, commit: str, folder: Path, allowance: Allowance, wall: Sequence[str] = ()) -> Contents:
    """
    Count what `commit` would write; stops as soon as it is too much, so that a bomb of nested trees ends early.

    Raises:
        TooLarge.
    """
    contents = Contents()
    blobs: Counter[str] = Counter()
    folders, rest = 0, ""

    def read(text: str) -> None:
        nonlocal rest, folders
        *whole, rest = (rest + text).split("\0")
        for line in whole:
            folders += _count(line, contents, blobs, allowance)
        if folders > allowance.settings.max_files:
            raise TooLarge("The repository holds more folders than files may be.", hint="Remove empty ones.")

    listing = ("ls-tree", "-r", "-t", "-z", "--full-tree", commit)
    finished = await git(*listing, cwd=folder, say=read, keep=4096, wall=wall)
    if finished.code != 0:
        raise explain(finished.output, url)
    await _weigh(blobs, folder, allowance, wall)
    return contents


def _count(line: str, contents: Contents, blobs: Counter[str], allowance: Allowance) -> bool:
    """Count one entry; tells whether it is a folder."""
    if (entry := _ENTRY.fullmatch(line)) is None:
        return False
    if entry["path"].count("/") >= DEEPEST:
        raise TooLarge(
            f"The repository has folders over {DEEPEST} deep in one another.", hint="Put fewer into one another."
        )
    if entry["mode"] == "040000":
        return True
    allowance.take(files=1)
    if entry["mode"] == "160000":
        contents.submodules.append((entry["path"], entry["object"]))
        return False
    blobs[entry["object"]] += 1
    if entry["mode"] == "120000" and len(contents.links) < _MOST_LINKS:
        contents.links.append(entry["path"])
    elif entry["path"].rsplit("/", 1)[-1] == ".gitattributes":
        contents.attributes.append(entry["path"])
    return False


async def _weigh(blobs: Counter[str], folder: Path, allowance: Allowance, wall: Sequence[str]) -> None:
    """Count the bytes of `blobs`, each as often as it is written; git looks each up once."""
    rest = ""

    def read(text: str) -> None:
        nonlocal rest
        *whole, rest = (rest + text).split("\n")
        for line in whole:
            name, _, size = line.partition(" ")
            if size.isdecimal():
                allowance.take(size_bytes=int(size) * blobs[name])

    asked = "".join(f"{name}\n" for name in blobs).encode()
    look_up = ("cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer")
    await git(*look_up, cwd=folder, say=read, keep=4096, input=asked, wall=wall)

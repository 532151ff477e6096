"""An environment as layers that other environments have, too: a large package is one, small ones share a few.

Steps' images all go to one repository, so what is sent of an environment is what no step there had before. Which files
belong together is read from the packages' own lists, which may lie; so a layer is named by what its files hold.
"""

from __future__ import annotations

import csv
import hashlib
import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hubkiln.keys import digest
from hubkiln.trees import Entry, Tree
from hubkiln.values import FORMAT

LARGE = 512 * 1024
"""Bytes from which a package is a layer of its own."""
MOST_LARGE, BUCKETS = 56, 8
"""With the base's layers, the steps' and those that a room has for itself: well below 127, where engines fail."""
_RECORD = ".dist-info/RECORD"


@dataclass(frozen=True, slots=True)
class Part:
    """One layer."""

    key: str
    title: str
    tree: Tree

    def entries(self) -> Tree:
        """What it holds."""
        return self.tree


def parts(tree: Tree) -> list[Part]:
    """`tree` in parts, each file in one, with the folders above it; what no package lists comes first."""
    owners = _owners(tree)
    folders = {entry.path: entry for entry in tree if _is_folder(entry)}
    packages: dict[str, list[Entry]] = {}
    for entry in tree:
        packages.setdefault(owners.get(entry.path, ""), []).append(entry)
    rest = packages.pop("", [])
    sizes = {name: sum(entry.size for entry in entries) for name, entries in packages.items()}
    large = sorted((name for name in packages if sizes[name] >= LARGE), key=lambda name: (-sizes[name], name))
    large = sorted(large[:MOST_LARGE])
    buckets: dict[int, list[str]] = {}
    for name in sorted(packages.keys() - set(large)):
        buckets.setdefault(hashlib.sha256(name.encode()).digest()[0] % BUCKETS, []).append(name)
    found = [_part("what no package lists", rest, folders)] if rest else []
    found += [_part(name, packages[name], folders) for name in large]
    for names in buckets.values():
        together = [entry for name in names for entry in packages[name]]
        found.append(_part(names[0] if len(names) == 1 else f"{len(names)} packages", together, folders))
    return found


def _owners(tree: Tree) -> dict[str, str]:
    """The package of each file, by its path; byte code belongs to what it was made from."""
    owners: dict[str, str] = {}
    for entry in tree:
        if entry.path.endswith(_RECORD) and isinstance(entry.source, Path):
            above, _, name = entry.path.removesuffix(_RECORD).rpartition("/")
            for path in _listed(entry.source):
                owners.setdefault(posixpath.normpath(posixpath.join(above, path)), name.partition("-")[0])
    for entry in tree:
        folder, _, file = entry.path.rpartition("/__pycache__/")
        if folder and entry.path not in owners and (owner := owners.get(f"{folder}/{file.partition('.')[0]}.py")):
            owners[entry.path] = owner
    return {entry.path: owners[entry.path] for entry in tree if entry.path in owners and not _is_folder(entry)}


def _listed(record: Path) -> Iterator[str]:
    text = record.read_text(errors="replace")
    for row in csv.reader(io.StringIO(text)):
        if row:
            yield row[0]


def _is_folder(entry: Entry) -> bool:
    return entry.source is None and entry.link is None


def _part(title: str, entries: Iterable[Entry], folders: Mapping[str, Entry]) -> Part:
    whole = {entry.path: entry for entry in entries}
    for path in list(whole):
        while (path := path.rpartition("/")[0]) and path not in whole:
            whole[path] = folders[path]
    tree = Tree(tuple(whole[path] for path in sorted(whole)))
    named = [(one.path, one.mode, one.uid, one.gid, one.mtime, one.link, content(one)) for one in tree]
    return Part(digest([FORMAT, "package of a room", named]), title, tree)


def content(entry: Entry) -> str:
    """The hash of what `entry` holds; empty for folders and links."""
    if entry.link is not None or entry.source is None:
        return ""
    if isinstance(entry.source, Path):
        with entry.source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    assert isinstance(entry.source, bytes)
    return hashlib.sha256(entry.source).hexdigest()

"""An installed prefix falls into parts, one per package: what one image layer each can hold."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from pathlib import Path

from hubkiln.packages.conda_values import CondaPart, part_key
from hubkiln.trees import Entry, Tree
from hubkiln.values import PREFIX

_METADATA = re.compile(
    r"lib/python3\.\d+/site-packages/([^/]+?)-([^/-]+)(?:\.dist-info/METADATA|(?:-[^/]*)?\.egg-info(?:/PKG-INFO)?)"
)

_SOURCE = re.compile(r"(?P<folder>lib/python3\.(?P<minor>\d+)/(?:[^/]+/)*)(?P<stem>[^/]+)\.py")


def partition(prefix: Path, *, target: str = f"/{PREFIX}") -> list[CondaPart]:
    """
    The parts of `prefix` by name, what no package owns last (if there is any).

    A part's key is made from its ``conda-meta`` record, which holds the hash of every file as placed; so the prefix
    must be as :class:`~hubkiln.packages.conda_prefixes.CondaPrefixes` keeps it: nothing changed but byte code.
    """
    sizes = _files(prefix)
    parts: list[CondaPart] = []
    for record in sorted((prefix / "conda-meta").glob("*.json")):
        text = record.read_text()
        document = json.loads(text)
        owned = [*document["files"], f"conda-meta/{record.name}"]
        owned += [compiled for path in document["files"] if (compiled := byte_code(path)) is not None]
        mine = sorted({path for path in owned if path in sizes})
        parts.append(
            CondaPart(
                name=document["name"],
                version=document["version"],
                key=part_key(target, text, *mine),
                files=tuple(mine),
                size_bytes=sum(sizes.pop(path) for path in mine),
            )
        )
    if sizes:
        rest = sorted(sizes)
        contents = [f"{path} {_digest(prefix / path)}" for path in rest]
        key = part_key(target, *contents)
        parts.append(CondaPart(name="", version="", key=key, files=tuple(rest), size_bytes=sum(sizes.values())))
    return parts


def byte_code(path: str) -> str | None:
    """Where the byte code of the Python file `path` lies, if it is one that can be imported."""
    match = _SOURCE.fullmatch(path)
    return f"{match['folder']}__pycache__/{match['stem']}.cpython-3{match['minor']}.pyc" if match else None


def python_distributions(prefix: Path) -> dict[str, str]:
    """
    Python distributions that the conda packages of `prefix` brought, normalised name to version.

    Wheels laid on top must not bring these again: constrain the lock to them, then leave them out.
    """
    found: dict[str, str] = {}
    for record in (prefix / "conda-meta").glob("*.json"):
        for path in json.loads(record.read_text())["files"]:
            if match := _METADATA.fullmatch(path):
                found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return dict(sorted(found.items()))


def part_tree(prefix: Path, part: CondaPart, *, at: str = PREFIX, uid: int = 1000, gid: int = 1000) -> Tree:
    """The files of `part` as the tree of a layer: below `at` they are `uid`'s, folders above the environment root's."""
    found: dict[str, Entry] = {}
    for name in part.files:
        path, full = prefix / name, f"{at}/{name}"
        if path.is_symlink():
            found[full] = Entry(path=full, mode=0o777, link=str(path.readlink()), uid=uid, gid=gid)
        else:
            stat = path.stat()
            mode = 0o755 if stat.st_mode & 0o100 else 0o644
            found[full] = Entry(path=full, mode=mode, size=stat.st_size, source=path, uid=uid, gid=gid)
        while (full := posixpath.dirname(full)) and full not in found:
            ours = f"{full}/".startswith((f"{at}/", f"{PREFIX}/"))
            found[full] = Entry(path=full, mode=0o755, uid=uid if ours else 0, gid=gid if ours else 0)
    return Tree(tuple(found[path] for path in sorted(found)))


def _files(prefix: Path) -> dict[str, int]:
    """Size of every file and link below `prefix` by POSIX path."""
    sizes: dict[str, int] = {}
    for folder, folders, files in os.walk(prefix):
        here = Path(folder)
        for name in [*files, *(name for name in folders if (here / name).is_symlink())]:
            path = here / name
            sizes[path.relative_to(prefix).as_posix()] = 0 if path.is_symlink() else path.stat().st_size
    return sizes


def _digest(path: Path) -> str:
    data = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(data).hexdigest()

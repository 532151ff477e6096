"""Plans where each file of a wheel goes; pure but for reading the wheel, and nothing of it is run.

The plan is a :class:`hubkiln.trees.Tree` whose files point into the archive, so the store can unpack it and an image
layer can splice it without inflating. Byte code is added when the store unpacks (:mod:`hubkiln.packages.unpack`).
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.parser import HeaderParser
from itertools import islice
from pathlib import Path

from installer.scripts import Script
from installer.utils import parse_entrypoints
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from hubkiln.packages.archive import USUAL, BadWheel, Bounds, Packed, check_path, chunks, read, read_directory
from hubkiln.packages.interface import Layout
from hubkiln.trees import Entry, Source, Tree

INSTALLER = b"hubkiln\n"
_LEFT_OUT = ("RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files of a dist-info folder that only whoever installs may write."""

_PROTECTED = re.compile(r"pyvenv\.cfg|lib64(/.*)?|bin/python[0-9.]*[a-z]?|bin")
"""Paths below the prefix that make it an environment."""


@dataclass
class _Plan:
    """The tree as it grows."""

    wheel: str
    layout: Layout
    known: Mapping[str, str]
    """Hashes of the wheel's own RECORD by name in the archive."""

    entries: dict[str, Entry] = field(default_factory=dict)
    """By path below the prefix."""

    record: list[tuple[str, str, str]] = field(default_factory=list)

    def put(self, path: str, source: Source, size: int, *, executable: bool, digest: str) -> None:
        """Plan a file at `path` (below the prefix)."""
        check_path(self.wheel, path)
        if _PROTECTED.fullmatch(path):
            raise BadWheel(self.wheel, f"it would replace {path!r} of the environment itself")
        if path in self.entries:
            raise BadWheel(self.wheel, f"two of its files would lie at {path!r}")
        mode = 0o755 if executable else 0o644
        full = f"{self.layout.prefix}/{path}"
        self.entries[path] = Entry(
            path=full, mode=mode, size=size, source=source, uid=self.layout.uid, gid=self.layout.gid
        )
        self.record.append((from_site(path, self.layout), digest, str(size)))

    def put_bytes(self, path: str, data: bytes, *, executable: bool = False) -> None:
        """Plan a file that we made."""
        self.put(path, data, len(data), executable=executable, digest=_digest([data]))

    def put_packed(self, path: str, name: str, packed: Packed, *, executable: bool) -> None:
        """Plan a file that goes in as it is."""
        digest = self.known.get(name) or _digest(chunks(packed.member))
        self.put(path, packed.member, packed.member.size, executable=executable, digest=digest)


def plan_wheel(path: Path, layout: Layout, bounds: Bounds = USUAL) -> Tree:
    """
    Every file of the wheel at `path` with its place, its RECORD rewritten, its console scripts made.

    Raises:
        BadWheel: it is damaged, contradicts itself, or reaches outside its place; the message names it.
        TooLarge: beyond `bounds`.
    """
    files = read_directory(path, bounds)
    info = _dist_info(path, files)
    _check_metadata(path, files, info, bounds)
    plan = _Plan(path.name, layout, _hashes(path, files, info, bounds))
    for name, packed in files.items():
        if not _is_left_out(name, info):
            _place(plan, name, packed, info, bounds)
    _console_scripts(plan, files, info, bounds)
    plan.put_bytes(f"{_site(layout)}/{info}.dist-info/INSTALLER", INSTALLER)
    _write_record(plan, info)
    return tree(plan.entries.values(), layout, path.name)


def tree(entries: Iterable[Entry], layout: Layout, wheel: str) -> Tree:
    """`entries` sorted, every parent folder included; raises BadWheel where a file is also a folder."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        while path := path.rpartition("/")[0]:
            if path in found:
                if found[path].source is not None:
                    raise BadWheel(wheel, f"{path!r} is a file and a folder")
                break
            ours = path == layout.prefix or path.startswith(f"{layout.prefix}/")
            found[path] = Entry(path=path, mode=0o755, uid=layout.uid if ours else 0, gid=layout.gid if ours else 0)
    return Tree(tuple(found[path] for path in sorted(found)))


def record_text(rows: Iterable[tuple[str, str, str]]) -> bytes:
    """A RECORD file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue().encode()


def from_site(path: str, layout: Layout) -> str:
    """`path` (below the prefix) as a RECORD names it: relative to the folder of packages."""
    site = f"{_site(layout)}/"
    return path.removeprefix(site) if path.startswith(site) else f"../../../{path}"


def _site(layout: Layout) -> str:
    return layout.site.removeprefix(f"{layout.prefix}/")


def _dist_info(path: Path, files: Mapping[str, Packed]) -> str:
    """``name-version`` of the one dist-info folder, checked against the file name."""
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except (InvalidWheelFilename, InvalidVersion) as error:
        raise BadWheel(path.name, f"its name is not that of a wheel ({error})") from error
    stems = {top.removesuffix(".dist-info") for top in (n.split("/")[0] for n in files) if top.endswith(".dist-info")}
    if len(stems) != 1:
        raise BadWheel(path.name, f"it has {len(stems)} dist-info folders instead of one")
    stem = stems.pop()
    said, _, number = stem.partition("-")
    try:
        fits = canonicalize_name(said) == name and Version(number) == version
    except InvalidVersion:
        fits = False
    if not fits:
        raise BadWheel(path.name, f"its content says that it is {stem!r}")
    return stem


def _check_metadata(path: Path, files: Mapping[str, Packed], info: str, bounds: Bounds) -> None:
    for needed in ("WHEEL", "METADATA", "RECORD"):
        if f"{info}.dist-info/{needed}" not in files:
            raise BadWheel(path.name, f"it has no {needed} file")
    head = HeaderParser().parsestr(_text(path, files[f"{info}.dist-info/WHEEL"], bounds))
    if not str(head["Wheel-Version"] or "").startswith("1."):
        raise BadWheel(path.name, "its wheel format version is not 1")


def _text(path: Path, packed: Packed, bounds: Bounds) -> str:
    try:
        return read(packed.member, bounds).decode()
    except UnicodeDecodeError as error:
        raise BadWheel(path.name, "a description in it is not UTF-8") from error


def _hashes(path: Path, files: Mapping[str, Packed], info: str, bounds: Bounds) -> dict[str, str]:
    """sha256 by file name as the wheel's RECORD has them; the archive's own checksums are what unpacking enforces."""
    text = _text(path, files[f"{info}.dist-info/RECORD"], bounds)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadWheel(path.name, "its RECORD file cannot be read") from error
    return {row[0]: row[1] for row in rows if len(row) == 3 and re.fullmatch(r"sha256=[\w-]{43}", row[1])}


def _is_left_out(name: str, info: str) -> bool:
    folder, _, rest = name.partition("/")
    return (folder == f"{info}.dist-info" and rest in _LEFT_OUT) or "__pycache__" in name.split("/")


def _place(plan: _Plan, name: str, packed: Packed, info: str, bounds: Bounds) -> None:
    """Plan one file of the archive where its scheme says."""
    if not name.startswith(f"{info}.data/"):
        plan.put_packed(f"{_site(plan.layout)}/{name}", name, packed, executable=packed.executable)
        return
    _, scheme, rest = [*name.split("/", 2), ""][:3]
    folder = _schemes(plan.layout, info).get(scheme)
    if folder is None or not rest:
        raise BadWheel(plan.wheel, f"{name!r} belongs to no known scheme")
    target = f"{folder}/{rest}".lstrip("/")
    if scheme != "scripts":
        plan.put_packed(target, name, packed, executable=packed.executable)
    elif next(chunks(packed.member), b"")[:8] == b"#!python":
        _, newline, body = read(packed.member, bounds).partition(b"\n")
        plan.put_bytes(target, f"#!{plan.layout.executable}".encode() + newline + body, executable=True)
    else:
        plan.put_packed(target, name, packed, executable=True)


def _schemes(layout: Layout, info: str) -> dict[str, str]:
    site, name = _site(layout), info.partition("-")[0]
    return {
        "purelib": site,
        "platlib": site,
        "scripts": "bin",
        "data": "",
        "headers": f"include/site/python{layout.minor}/{name}",
    }


def _console_scripts(plan: _Plan, files: Mapping[str, Packed], info: str, bounds: Bounds) -> None:
    packed = files.get(f"{info}.dist-info/entry_points.txt")
    if packed is None:
        return
    try:
        found = list(islice(parse_entrypoints(read(packed.member, bounds).decode()), bounds.scripts + 1))
    except (configparser.Error, AssertionError, UnicodeDecodeError) as error:
        raise BadWheel(plan.wheel, "its entry points cannot be read") from error
    if len(found) > bounds.scripts:
        raise BadWheel(plan.wheel, f"it asks for more than {bounds.scripts} commands")
    for name, module, attribute, section in found:
        if "/" in name or name in ("", ".", ".."):
            raise BadWheel(plan.wheel, f"the script name {name!r} leads elsewhere")
        _, body = Script(name, module, attribute, section).generate(plan.layout.executable, "posix")
        if f"bin/{name}" not in plan.entries:
            plan.put_bytes(f"bin/{name}", body, executable=True)


def _write_record(plan: _Plan, info: str) -> None:
    path = f"{_site(plan.layout)}/{info}.dist-info/RECORD"
    data = record_text([*plan.record, (from_site(path, plan.layout), "", "")])
    plan.put(path, data, len(data), executable=False, digest="")


def _digest(pieces: Iterable[bytes]) -> str:
    sha = hashlib.sha256()
    for piece in pieces:
        sha.update(piece)
    return "sha256=" + base64.urlsafe_b64encode(sha.digest()).rstrip(b"=").decode()

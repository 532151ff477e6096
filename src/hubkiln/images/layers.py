"""A tree becomes a layer: a gzipped tar that is the same for the same tree, lazily pullable, written as a stream.

Every folder above an entry must be in the tree: engines invent missing ones as root's, and then nobody can install
a package there. Deletion marks (``.wh.…``) come only from captured run steps; from a wheel or a repository they
would delete files of other layers.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from hubkiln.errors import BuildFailed
from hubkiln.images import estargz, failures
from hubkiln.images.interface import Descriptor, Layer
from hubkiln.images.media_types import OCI_LAYER_GZIP
from hubkiln.images.splice import Members
from hubkiln.images.tar_headers import END, Kind, header, padding
from hubkiln.trees import Entry

_WHITEOUT = ".wh."
_ODD = re.compile(r"\A\Z|\A/|//|/\Z|\0|(?:\A|/)\.")
"""Whatever could be wrong with a path, and much that is not."""


def write_layer(entries: Iterable[Entry], out: Path | BinaryIO, *, whiteouts: bool = False, lazy: bool = True) -> Layer:
    """
    Write `entries` (in any order, each path once, parents included) as a layer.

    A path is written beside itself and renamed when whole; a file object stays open. Memory needed does not grow with
    the files' sizes. Blocking: call it in a thread.

    Args:
        whiteouts: whether ``.wh.`` names may occur; only for captured run steps.
        lazy: whether to add the eStargz table of contents.

    Raises:
        BuildFailed: a path that must not be in an image, or a damaged archive.
        DiskFull: no space left for the layer.
        ValueError: a path twice, or a folder missing.
    """
    ordered = sorted(entries, key=lambda entry: entry.path)
    _check(ordered, whiteouts)
    if not isinstance(out, Path):
        with failures.disk("image layers"):
            return _write(ordered, out, lazy)
    handle, temporary = tempfile.mkstemp(dir=out.parent, prefix=".layer-")
    try:
        with failures.disk("image layers"):
            with os.fdopen(handle, "wb", buffering=1024**2) as file:
                layer = _write(ordered, file, lazy)
            Path(temporary).replace(out)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return layer


def pack_layer(tar: Path, out: Path) -> Layer:
    """
    Write the tar that somebody else made as a layer, its bytes as they are. Blocking: call it in a thread.

    Raises:
        DiskFull: no space left for the layer.
    """
    with failures.disk("image layers"), out.open("xb", buffering=1024**2) as file, Members(file) as members:
        members.file(tar, tar.stat().st_size)
        descriptor = Descriptor(media_type=OCI_LAYER_GZIP, digest=members.digest, size=members.offset)
        return Layer(descriptor=descriptor, diff_id=members.diff_id)


def _write(entries: list[Entry], out: BinaryIO, lazy: bool) -> Layer:
    lazy = lazy and all(_is_text(entry) for entry in entries)
    contents = estargz.Contents()
    with Members(out) as members:
        if lazy:
            mark = estargz.LANDMARK_CONTENT
            _add(Entry(path=estargz.LANDMARK, mode=0o644, size=len(mark), source=mark), members, contents, lazy)
        for entry in entries:
            _add(entry, members, contents, lazy)
        notes = _finish(members, contents, lazy)
        descriptor = Descriptor(
            media_type=OCI_LAYER_GZIP, digest=members.digest, size=members.offset, annotations=notes
        )
        return Layer(descriptor=descriptor, diff_id=members.diff_id)


def _add(entry: Entry, members: Members, contents: estargz.Contents, lazy: bool) -> None:
    if entry.link is not None:
        members.add(_header(Kind.LINK, entry))
        contents.link(entry)
    elif entry.source is None:
        members.add(_header(Kind.FOLDER, entry))
        contents.folder(entry)
    else:
        members.add(_header(Kind.FILE, entry))
        if entry.size:
            members.flush()
        offset = members.offset
        digest = members.file(entry.source, entry.size) if entry.size else estargz.EMPTY
        members.add(padding(entry.size))
        contents.file(entry, digest, offset)


def _finish(members: Members, contents: estargz.Contents, lazy: bool) -> dict[str, str]:
    if not lazy:
        members.add(END)
        members.flush()
        return {}
    toc = contents.json()
    members.flush()
    offset = members.offset
    about = Entry(path=estargz.TOC, mode=0o444, size=len(toc), source=toc)
    members.whole(_header(Kind.FILE, about) + toc + padding(len(toc)) + END)
    members.trailer(estargz.footer(offset))
    return estargz.notes(toc, members.plain_size)


def _header(kind: Kind, entry: Entry) -> bytes:
    size = entry.size if kind is Kind.FILE else 0
    mode = 0o777 if kind is Kind.LINK else entry.mode
    return header(
        kind, entry.path, mode=mode, uid=entry.uid, gid=entry.gid, mtime=entry.mtime, size=size, link=entry.link or ""
    )


def _check(entries: list[Entry], whiteouts: bool) -> None:
    folders = {""}
    before = None
    for entry in entries:
        _check_path(entry.path, whiteouts)
        if entry.path == before:
            raise ValueError(f"{entry.path} is in the tree twice")
        if entry.path.rpartition("/")[0] not in folders:
            raise ValueError(f"the folder of {entry.path} is not in the tree")
        if entry.source is None and entry.link is None:
            folders.add(entry.path)
        before = entry.path


def _check_path(path: str, whiteouts: bool) -> None:
    if _ODD.search(path) is None and path not in estargz.RESERVED:
        return
    parts = path.split("/")
    shown = path[:200].encode("utf-8", "replace").decode()
    if any(part in ("", ".", "..") for part in parts) or "\0" in path or path in estargz.RESERVED:
        raise BuildFailed(f"The path “{shown}” must not be in an image.", hint="Rename or remove the file.")
    if not whiteouts and any(part.startswith(_WHITEOUT) for part in parts):
        hint = "Rename the file: in images, names that begin with `.wh.` delete other files."
        raise BuildFailed(f"The name “{shown}” must not be in an image.", hint=hint)


def _is_text(entry: Entry) -> bool:
    """False for names that are not UTF-8: a table of contents, being JSON, cannot hold them."""
    try:
        (entry.path + (entry.link or "")).encode()
    except UnicodeEncodeError:
        return False
    return True

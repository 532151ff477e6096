"""What a layer's tar says of one member: its bytes, its mode, and a path that leads nowhere else."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator

from hubkiln.beneath import DEEPEST
from hubkiln.errors import Unsupported

PIECE = 64 * 1024


def pieces(member: tarfile.TarInfo, archive: tarfile.TarFile) -> Iterator[bytes]:
    """What a file holds. The archive stands at its beginning; :meth:`tarfile.TarFile.extractfile` copies it twice."""
    content = archive.extractfile(member) if member.issparse() else archive.fileobj
    assert content is not None
    left = member.size
    while left:
        piece = content.read(min(left, PIECE))
        if not piece:
            raise tarfile.ReadError("unexpected end of data")
        left -= len(piece)
        yield piece


def mode_of(member: tarfile.TarInfo) -> int:
    """Its permissions."""
    return member.mode & 0o7777


def checked(name: str) -> str:
    """
    `name` relative to the root, normalised; ``""`` for the root itself.

    Raises:
        Unsupported: it leads outside.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise Unsupported(f"That image has a layer with an unsafe path: {name}.", hint="Do not use that image.")
    if len(parts) > DEEPEST:
        raise Unsupported("That image has a layer with endless folders in one another.", hint="Do not use that image.")
    return "/".join(parts)

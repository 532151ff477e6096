"""Gzip members, written one after another: a wheel's own deflate streams are copied, not compressed again.

A gzip file may be many members in a row, and a member is a deflate stream between a header and a trailer. A wheel is
a zip, so each of its files already *is* a deflate stream: putting one into a layer costs a copy and one inflate pass,
which the digest of the uncompressed layer needs anyway and which checks the wheel's checksums.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from hubkiln.errors import BuildFailed, ServiceError
from hubkiln.trees import Member, Source

fast: Any
try:
    from isal import isal_zlib as fast
except ImportError:  # where there is no wheel of isal; slower, and other bytes for the same contents
    import zlib as fast

_LEVEL = 3 if fast.__name__.startswith("isal") else 6
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_PIECE = 256 * 1024
_PENDING = 1024**2  # inflated bytes gathered into one member, and the most inflated at a time: what memory is needed


class Members:
    """Writes a gzip file to `out`, which the caller closes; counts and hashes both sides."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._pending = bytearray()
        self._written = bytearray()
        self._archive: tuple[Path, BinaryIO] | None = None
        self._compressed = hashlib.sha256()
        self._plain = hashlib.sha256()
        self.offset = 0
        """Compressed bytes written so far."""
        self.plain_size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._archive is not None:
            self._archive[1].close()
        if error is None:
            self._settle()

    @property
    def digest(self) -> str:
        """Of the compressed bytes."""
        self._settle()
        return f"sha256:{self._compressed.hexdigest()}"

    @property
    def diff_id(self) -> str:
        """Of the uncompressed bytes."""
        return f"sha256:{self._plain.hexdigest()}"

    def add(self, data: bytes) -> None:
        """Bytes that need no member of their own: headers, padding."""
        self._pending += data
        if len(self._pending) >= _PENDING:
            self.flush()

    def flush(self) -> None:
        """End the member at hand, so that the next byte begins a new one at :attr:`offset`."""
        if self._pending:
            data = bytes(self._pending)
            self._pending.clear()
            deflate = fast.compressobj(_LEVEL, fast.DEFLATED, -15)
            packed = (_HEADER, deflate.compress(data), deflate.flush(), _trailer(fast.crc32(data), len(data)))
            self._hash(data)
            self._write(b"".join(packed))

    def file(self, source: Source, size: int) -> str:
        """
        A file's `size` bytes as a member of its own, beginning at :attr:`offset`; returns their digest.

        Raises:
            BuildFailed: the archive it lies in is damaged or lies about it.
            ServiceError: a file on disk changed while it was read.
        """
        if isinstance(source, Member) and source.deflated and max(source.compressed_size, source.size) < _PIECE:
            return f"sha256:{hashlib.sha256(self._copy_whole(source)).hexdigest()}"
        own = hashlib.sha256()
        if isinstance(source, Member) and source.deflated:
            self._copy(source, own.update)
        else:
            self._deflate(_checked(self._pieces(source), size, source), own.update)
        return f"sha256:{own.hexdigest()}"

    def whole(self, data: bytes) -> None:
        """Bytes that must be one member, however many."""
        self.flush()
        self._deflate(iter((data,)), lambda piece: None)

    def trailer(self, data: bytes) -> None:
        """Bytes that are gzip already and inflate to nothing."""
        self._write(data)

    def _copy_whole(self, member: Member) -> bytes:
        """As :meth:`_copy`, for the many that are small; returns the file."""
        inflate = fast.decompressobj(-15)
        packed = os.pread(self._open(member.archive).fileno(), member.compressed_size, member.offset)
        try:
            plain: bytes = inflate.decompress(packed, member.size + 1)
        except fast.error as error:
            raise _damaged(member) from error
        crc = fast.crc32(plain)
        if not inflate.eof or inflate.unused_data or (len(plain), crc) != (member.size, member.crc):
            raise _damaged(member)
        self._hash(plain)
        self._write(b"".join((_HEADER, packed, _trailer(crc, len(plain)))))
        return plain

    def _copy(self, member: Member, also: Callable[[bytes], object]) -> None:
        inflate, crc, seen = fast.decompressobj(-15), 0, 0
        self._write(_HEADER)
        for piece in self._pieces(member):
            self._write(piece)
            while piece and not inflate.eof:
                try:
                    plain = inflate.decompress(piece, _PENDING)
                except fast.error as error:
                    raise _damaged(member) from error
                seen += len(plain)
                if seen > member.size:
                    raise _damaged(member)
                crc = fast.crc32(plain, crc)
                self._hash(plain)
                also(plain)
                piece = inflate.unconsumed_tail
            if piece:
                raise _damaged(member)
        if not inflate.eof or inflate.unused_data or (seen, crc) != (member.size, member.crc):
            raise _damaged(member)
        self._write(_trailer(crc, seen))

    def _deflate(self, pieces: Iterator[bytes], also: Callable[[bytes], object]) -> None:
        deflate, crc, seen = fast.compressobj(_LEVEL, fast.DEFLATED, -15), 0, 0
        self._write(_HEADER)
        for piece in pieces:
            crc = fast.crc32(piece, crc)
            seen += len(piece)
            self._hash(piece)
            also(piece)
            self._write(deflate.compress(piece))
        self._write(deflate.flush())
        self._write(_trailer(crc, seen))

    def _pieces(self, source: Source) -> Iterator[bytes]:
        if isinstance(source, bytes):
            yield source
            return
        if isinstance(source, Member):
            archive = self._open(source.archive)
            archive.seek(source.offset)
            yield from _read(archive, source.compressed_size)
            return
        try:
            handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise ServiceError(f"{source.name} changed while it was being read.", hint="Try again.") from error
        with os.fdopen(handle, "rb") as file:
            yield from _read(file, None)

    def _open(self, archive: Path) -> BinaryIO:
        """The wheel, kept open from one of its files to the next."""
        if self._archive is None or self._archive[0] != archive:
            if self._archive is not None:
                self._archive[1].close()
            self._archive = (archive, archive.open("rb"))
        return self._archive[1]

    def _write(self, data: bytes) -> None:
        self._written += data
        self.offset += len(data)
        if len(self._written) >= _PENDING:
            self._settle()

    def _settle(self) -> None:
        """Hash and write what has gathered: many files are smaller than a call is worth."""
        self._compressed.update(self._written)
        self._out.write(self._written)
        self._written = bytearray()

    def _hash(self, data: bytes) -> None:
        self._plain.update(data)
        self.plain_size += len(data)


def _trailer(crc: int, size: int) -> bytes:
    """What ends a member of `size` bytes."""
    return struct.pack("<II", crc, size & 0xFFFFFFFF)


def _read(file: BinaryIO, size: int | None) -> Iterator[bytes]:
    while size is None or size > 0:
        piece = file.read(_PIECE if size is None else min(_PIECE, size))
        if not piece:
            return
        size = None if size is None else size - len(piece)
        yield piece


def _checked(pieces: Iterator[bytes], size: int, source: Source) -> Iterator[bytes]:
    """The same pieces; raises at the end, or as soon as there are too many, if they are not `size` bytes."""
    seen, crc = 0, 0
    for piece in pieces:
        seen += len(piece)
        if seen > size:
            break
        if isinstance(source, Member):
            crc = fast.crc32(piece, crc)
        yield piece
    if isinstance(source, Member):
        if (seen, crc) != (size, source.crc):
            raise _damaged(source)
    elif seen != size:
        name = "A file" if isinstance(source, bytes) else source.name
        raise ServiceError(f"{name} changed while it was being read.", hint="Try again.")


def _damaged(member: Member) -> BuildFailed:
    hint = "Ask for another version of it, or refresh the lock."
    return BuildFailed(f"{member.archive.name} is damaged: its files do not match their checksums.", hint=hint)

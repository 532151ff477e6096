"""What strangers' archives may put on disk: files, folders and links below one folder, and no more than was allowed.

Refused are names that lead elsewhere, devices, secrets that nobody has (encrypted entries), and what grows beyond the
bounds while it is unpacked, whatever its headers say. Links are kept as they are and never followed.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO

from hubkiln.beneath import DEEPEST, Beneath, LeadsAway
from hubkiln.errors import BadSpec, TooLarge

_PIECE = 1 << 18
_LONGEST_LINK = 4096
_LARGEST_HEADER = 1 << 20
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LEFT_OUT = ("__MACOSX", ".DS_Store")
"""What one maker of archives adds for itself."""


class BadArchive(BadSpec):
    """An archive is damaged, or holds what no repository has."""

    code = "bad_archive"

    def __init__(self, why: str) -> None:
        super().__init__(f"The archive was refused: {why}.", hint="Tell its owner, or pack it anew.")


@dataclass(slots=True)
class Room:
    """How much may still be written."""

    bytes_left: int
    files_left: int
    seen_left: int = field(init=False)
    """Entries of any kind."""

    def __post_init__(self) -> None:
        self.seen_left = self.files_left * 2 + 1000

    def take(self, *, entries: int = 0, files: int = 0, size: int = 0) -> None:
        """Count what is about to be written; raises TooLarge."""
        self.seen_left -= entries
        self.files_left -= files
        self.bytes_left -= size
        if min(self.seen_left, self.files_left) < 0:
            raise TooLarge("The archive holds more files than allowed.", hint="Ask an admin to raise the limit.")
        if self.bytes_left < 0:
            raise TooLarge("The archive is larger than allowed.", hint="Ask an admin to raise the limit.")


def is_archive(file: IO[bytes]) -> bool:
    """Whether `file` begins as one of the archives that can be unpacked do; it is left at its beginning."""
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    tar = len(head) == 512 and head[257:262] == b"ustar"
    return tar or head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"))


def unpack(file: IO[bytes], into: Beneath, room: Room) -> list[str]:
    """
    Unpack the archive `file` (zip, or tar in any of its packings) into the empty folder `into`.

    A single folder at its top is left out, as whoever packed a folder meant what is in it. Returns what to say.

    Raises:
        BadArchive: it is damaged, or holds what no repository has. TooLarge. OSError.
    """
    told: list[str] = []
    try:
        with_zip = file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        file.seek(0)
        (_zip if with_zip else _tar)(file, _Writer(into, room, told))
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, ValueError, NotImplementedError) as error:
        if isinstance(error, BadSpec):
            raise
        raise BadArchive(f"it is damaged ({type(error).__name__})") from error
    except RuntimeError as error:  # zipfile's word for what is encrypted
        raise BadArchive("a password is needed to unpack it") from error
    except LeadsAway as error:
        raise BadArchive("a file in it lies below something that is no folder") from error
    _lift(into)
    return told


def path_of(name: str) -> str:
    """
    A relative path as it may be written.

    Raises:
        BadArchive: it leads elsewhere, or cannot be a path.
    """
    if re.search(r"[\x00-\x1f\x7f]", name) or len(os.fsencode(name)) > 4000:
        raise BadArchive("a name in it holds control characters or is too long")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts:
        raise BadArchive(f"a name in it leads out of it ({ascii(name)[1:-1][:80]})")
    if len(parts) > DEEPEST or any(len(os.fsencode(part)) > 255 for part in parts):
        raise BadArchive("a name in it is too long, or its folders lie too deep in one another")
    return "/".join(parts)


@dataclass(slots=True)
class _Writer:
    into: Beneath
    room: Room
    told: list[str]
    links: int = 0

    def place(self, name: str) -> str | None:
        """Where an entry belongs; None if it is left out."""
        self.room.take(entries=1)
        path = path_of(name)
        parts = path.split("/")
        if any(part.lower() == ".git" for part in parts):
            if not self.told:
                self.told.append("The archive's own .git is left out.\n")
            return None
        return path if path and parts[0] not in _LEFT_OUT and parts[-1] != ".DS_Store" else None

    def folder(self, path: str) -> None:
        self.into.folder(path, make=True).__exit__(None, None, None)

    def file(self, path: str, pieces: Iterator[bytes], executable: bool) -> None:
        self.room.take(files=1)
        parent, name = self._parent(path)
        with parent, os.fdopen(self._new(parent, name), "wb") as target:
            for piece in pieces:
                self.room.take(size=len(piece))
                target.write(piece)
            os.fchmod(target.fileno(), 0o755 if executable else 0o644)

    def link(self, path: str, to: str) -> None:
        self.room.take(files=1)
        if not to or len(os.fsencode(to)) > _LONGEST_LINK or "\0" in to:
            raise BadArchive("a link in it leads nowhere")
        parent, name = self._parent(path)
        with parent:
            self._clear(parent, name)
            os.symlink(to, name, dir_fd=parent.handle)

    def same(self, path: str, as_path: str) -> None:
        """A further name of a file that is there already: a copy, for nothing of ours may have two names."""
        status = self.into.status(as_path)
        if status is None or not stat.S_ISREG(status.st_mode):
            raise BadArchive("a link in it is to a file that is not in it")
        if path != as_path:
            with os.fdopen(self.into.open(as_path), "rb") as source:
                self.file(path, iter(lambda: source.read(_PIECE), b""), bool(status.st_mode & 0o100))

    def _parent(self, path: str) -> tuple[Beneath, str]:
        parent, _, name = path.rpartition("/")
        return self.into.folder(parent, make=True), name

    def _new(self, parent: Beneath, name: str) -> int:
        self._clear(parent, name)
        return parent.create(name)

    def _clear(self, parent: Beneath, name: str) -> None:
        """Of two entries of one name the later counts."""
        try:
            os.unlink(name, dir_fd=parent.handle)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise BadArchive("a name in it is that of a file and of a folder") from error


def _zip(file: IO[bytes], writer: _Writer) -> None:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = _name(info)
            mode = info.external_attr >> 16
            if (path := writer.place(name)) is None:
                continue
            if info.is_dir() or name.endswith("/"):
                writer.folder(path)
                continue
            kind = stat.S_IFMT(mode)
            if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
                raise BadArchive("it holds a device or another thing that is no file")
            with archive.open(info) as packed:
                if kind == stat.S_IFLNK:
                    writer.link(path, os.fsdecode(packed.read(_LONGEST_LINK + 1)))
                else:
                    writer.file(path, _pieces(packed.read), bool(mode & 0o111))


def _name(info: zipfile.ZipInfo) -> str:
    """UTF-8 by its flag or because it is some; backslashes are what DOS has for slashes."""
    name = info.filename
    if not info.flag_bits & 0x800:
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/") if info.create_system == 0 else name


class _Header(tarfile.TarInfo):
    """Headers that say how long they are before they are read into memory, and kinds that need more of it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _HEADERS and header.size > _LARGEST_HEADER:
            raise BadArchive("a header in it is too long")
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise BadArchive("it holds files with holes")
        return header


def _tar(file: IO[bytes], writer: _Writer) -> None:
    with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Header, errors="surrogateescape") as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            if (path := writer.place(member.name)) is None:
                writer.room.take(size=member.size)  # skipping it costs as much
            elif member.isdir():
                writer.folder(path)
            elif member.issym():
                writer.link(path, member.linkname)
            elif member.islnk():
                writer.same(path, path_of(member.linkname))
            elif member.isreg() and not member.issparse() and (packed := archive.extractfile(member)) is not None:
                writer.file(path, _pieces(packed.read), bool(member.mode & 0o111))
            else:
                raise BadArchive("it holds a device or another thing that is no file")


def _pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    return iter(lambda: read(_PIECE), b"")


def _lift(into: Beneath) -> None:
    """Where there is one folder and nothing else, put what is in it in its place."""
    names = into.names()
    if len(names) != 1 or (status := into.status(names[0])) is None or not stat.S_ISDIR(status.st_mode):
        return
    with into.folder(names[0]) as inner:
        if (aside := f".{os.urandom(8).hex()}") in inner.names():
            return
        os.rename(names[0], aside, src_dir_fd=into.handle, dst_dir_fd=into.handle)
        for name in inner.names():
            os.rename(name, name, src_dir_fd=inner.handle, dst_dir_fd=into.handle)
    os.rmdir(aside, dir_fd=into.handle)

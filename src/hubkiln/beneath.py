"""Folders whose content came from elsewhere, worked in name by name: nothing here ever goes through a link.

A path such as ``prefix/bin/tool`` means what it says only as long as ``bin`` is a folder. In what a package, a layer,
a repository or a step brought it may be a link to anywhere, or become one between a look and a write. So a folder is
held open, the next is opened *in it*, and a link where a folder should be is an error.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

DEEPEST = 200
"""Folders inside one another: several times what real packages have, and as many files as a process may hold open."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class LeadsAway(OSError):
    """A link, or something else that is no folder, where only a folder may be."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something in a folder that is being walked through."""

    folder: int
    """The open folder it lies in, open until the walk goes on."""
    name: str
    path: str
    """From where the walk began."""
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        """A real one, no link."""
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """An ordinary one."""
        return stat.S_ISREG(self.status.st_mode)

    def open(self) -> int:
        """A handle to read this file; raises LeadsAway if it is none any more, and tells its path with any error."""
        try:
            return open_file(self.name, self.folder)
        except OSError as error:
            error.filename = self.path
            raise

    def link(self) -> str:
        """What this link names."""
        return os.readlink(self.name, dir_fd=self.folder)


class Beneath:
    """An open folder; paths are relative to it, and lead through real folders alone. Close it, or use ``with``."""

    def __init__(self, folder: Path | int) -> None:
        """`folder` itself, or a handle of it, which is closed with this; raises LeadsAway if it is no real folder."""
        self.handle = folder if isinstance(folder, int) else open_folder(str(folder), None)

    def __enter__(self) -> Beneath:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.handle)

    def names(self) -> list[str]:
        """What lies in it, in order."""
        return _listed(self.handle)

    def folder(self, path: str, *, make: bool = False) -> Beneath:
        """
        The folder `path`, opened; `make` it and its parents where they are missing.

        Raises:
            LeadsAway: a link or a file is on the way.
            FileNotFoundError.
        """
        handle = os.dup(self.handle)
        for name in _names(path):
            outer = handle
            try:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=outer)
                handle = open_folder(name, outer)
            finally:
                os.close(outer)
        return Beneath(handle)

    def status(self, path: str) -> os.stat_result | None:
        """What is at `path`, links not followed; None if nothing is, or something else than folders leads there."""
        parent, name = _split(path)
        try:
            with self.folder(parent) as folder:
                return os.stat(name, dir_fd=folder.handle, follow_symlinks=False)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise

    def is_file(self, path: str) -> bool:
        """Whether an ordinary file is at `path`."""
        return (found := self.status(path)) is not None and stat.S_ISREG(found.st_mode)

    def open(self, path: str) -> int:
        """
        A handle to read the ordinary file `path`.

        Raises:
            LeadsAway: it is something else.
            FileNotFoundError.
        """
        parent, name = _split(path)
        with self.folder(parent) as folder:
            return open_file(name, folder.handle)

    def read(self, path: str, most_bytes: int) -> bytes | None:
        """The bytes of the ordinary file `path`, at most `most_bytes` of them; None if there is none."""
        try:
            handle = self.open(path)
        except OSError as error:
            if error.errno in _NOT_THERE:
                return None
            raise
        with os.fdopen(handle, "rb") as file:
            return file.read(most_bytes)

    def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """The new file `path`, whose folder is made where it is missing; whatever was there makes way, but a folder."""
        parent, name = _split(path)
        with self.folder(parent, make=True) as folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder.handle)
            with os.fdopen(folder.create(name), "wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), mode)

    def link(self, path: str, to: str) -> None:
        """The new link `path`, which says `to`; otherwise as :meth:`write`."""
        parent, name = _split(path)
        with self.folder(parent, make=True) as folder:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder.handle)
            os.symlink(to, name, dir_fd=folder.handle)

    def create(self, name: str) -> int:
        """A handle to write the new file `name`, so far for its owner alone; raises FileExistsError."""
        return os.open(name, _NEW, 0o600, dir_fd=self.handle)

    def walk(self, path: str = "", skip: Collection[str] = (), *, forgiving: bool = False) -> Iterator[Found]:
        """
        Everything below the folder `path`, in the order of names, folders before what is in them; without the paths
        `skip` and what is below them. If `forgiving`, a folder that cannot be opened counts as empty.

        Raises:
            LeadsAway: `path` is no folder, or folders lie too deep in one another.
            FileNotFoundError.
        """
        with self.folder(path) as folder:
            yield from _walk(folder.handle, f"{path}/" if path else "", skip, forgiving)


def walk(folder: Path, skip: Collection[str] = (), *, forgiving: bool = False) -> Iterator[Found]:
    """As :meth:`Beneath.walk`, of all below `folder`."""
    with Beneath(folder) as opened:
        yield from opened.walk(skip=skip, forgiving=forgiving)


def open_file(name: str, folder: int) -> int:
    """A handle to read the ordinary file `name` in the open `folder`; raises LeadsAway if it is something else."""
    try:
        handle = os.open(name, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _leads_away(name) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _leads_away(name)
    return handle


def change_mode(name: str, folder: int, mode: int) -> None:
    """Give `name` in the open `folder` these permissions; a link stays as it is, and so does what it names."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if not stat.S_ISLNK(os.fstat(handle).st_mode):
            os.chmod(f"/proc/self/fd/{handle}", mode)  # noqa: PTH101  (also what may not be opened)
    finally:
        os.close(handle)


def _walk(handle: int, prefix: str, skip: Collection[str], forgiving: bool) -> Iterator[Found]:
    """Depth first with one open folder for each level, never by calling itself: nesting is the other side's choice."""
    levels = [(os.dup(handle), prefix, iter(_listed(handle)))]
    try:
        while levels:
            folder, path, names = levels[-1]
            if (name := next(names, None)) is None:
                os.close(levels.pop()[0])
                continue
            if f"{path}{name}" in skip:
                continue
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                continue
            found = Found(folder, name, f"{path}{name}", status)
            yield found
            if found.is_folder:
                if len(levels) >= DEEPEST:
                    raise LeadsAway(errno.ELOOP, f"folders lie over {DEEPEST} deep in one another", found.path)
                try:
                    inner = _inner(found)
                except OSError:
                    if not forgiving:
                        raise
                    continue
                levels.append((inner, f"{found.path}/", iter(_listed(inner))))
    finally:
        for folder, _, _ in levels:
            os.close(folder)


def _listed(folder: int) -> list[str]:
    return sorted(os.listdir(folder))


def _inner(found: Found) -> int:
    try:
        return open_folder(found.name, found.folder)
    except OSError as error:
        error.filename = found.path
        raise


def open_folder(name: str, folder: int | None) -> int:
    """A handle of the real folder `name`, in the open `folder` if there is one; raises LeadsAway if it is none."""
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise _leads_away(name) from error
        raise


def _leads_away(name: str) -> LeadsAway:
    return LeadsAway(errno.ELOOP, "it is not what may be there", name)


def _names(path: str) -> list[str]:
    """The parts of a relative path; raises LeadsAway for one that goes up."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise _leads_away(path)
    return names


def _split(path: str) -> tuple[str, str]:
    *parents, name = _names(path) or [""]
    if not name:
        raise _leads_away(path)
    return "/".join(parents), name

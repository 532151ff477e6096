"""The store: unpacked wheels, each once for all environments, never changed after they were put there.

A tree is made in ``work/`` and renamed into place, so it is there whole or not at all, whoever else is making it.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from packaging.utils import parse_wheel_filename

from hubkiln.data_dir import OwnFolder
from hubkiln.folders import settle
from hubkiln.keys import digest
from hubkiln.packages.archive import USUAL, BadWheel, Bounds
from hubkiln.packages.download import Downloads
from hubkiln.packages.interface import Layout, PackageSettings, Progress, Wheel, layout_for
from hubkiln.packages.stack import stacked
from hubkiln.packages.unpack import Owner, stored_tree
from hubkiln.packages.unpacker import Unpacker
from hubkiln.packages.wheels import plan_wheel
from hubkiln.sandbox import walled
from hubkiln.stores import use
from hubkiln.trees import Tree
from hubkiln.values import BYTECODE, FORMAT, Interpreter, Say

AT_ONCE = 2
"""Wheels unpacked at the same time, each in a process."""


class WheelStore:
    """
    Unpacked wheels, and the `wheels` that were downloaded for them or built here.

    `owner` gets the files where we are root and servers run as somebody else.
    """

    def __init__(
        self,
        own: OwnFolder,
        wheels: OwnFolder,
        settings: PackageSettings,
        *,
        owner: Owner | None = None,
        bounds: Bounds = USUAL,
    ) -> None:
        self._own, self._wheels, self._owner, self._bounds = own, wheels, owner, bounds
        self.downloads = Downloads(wheels, settings)

    async def ensure(
        self, wheels: Sequence[Wheel], python: Interpreter, say: Say, progress: Progress | None = None
    ) -> dict[Wheel, Path]:
        """
        The unpacked tree of each of `wheels` for `python`; what is missing is fetched and unpacked.

        Byte code is made where `python` has a path on this machine.

        Raises:
            BadWheel, TooLarge, LockFailed: a package's file is at fault.
            Unreachable, DiskFull: safe to try again.
        """
        trees = {wheel: self.path(wheel, python) for wheel in wheels}
        use(self._own.root, *trees.values())
        missing = [wheel for wheel in wheels if not trees[wheel].exists()]
        if missing:
            say(f"{len(missing)} of {len(wheels)} packages are new here ({_megabytes(missing)}).\n")
            await self._make(missing, python, progress)
        return trees

    def path(self, wheel: Wheel, python: Interpreter) -> Path:
        """Where the tree of `wheel` for `python` is or will be."""
        return self._own.path / tree_key(wheel, layout_for(python.minor), self._owner, compiled=compiles(python))

    async def tree(self, wheel: Wheel, python: Interpreter) -> Tree:
        """
        The files of a stored `wheel` for an image layer: the same as on disk, read from the wheel where possible.

        Call it after :meth:`ensure`; it reads and does not change anything.
        """
        await self.downloads.ensure([wheel])
        return await asyncio.to_thread(self.tree_here, wheel, python)

    def tree_here(self, wheel: Wheel, python: Interpreter, planned: Tree | None = None) -> Tree:
        """As :meth:`tree`, for a thread, where the wheel's file is there too and perhaps `planned` already."""
        layout = layout_for(python.minor)
        planned = planned or plan_wheel(self.downloads.path(wheel), layout, self._bounds)
        return stored_tree(planned, layout, self.path(wheel, python))

    def add_built(self, built: Path) -> Wheel:
        """
        Take in a wheel that was built in a sandbox from an sdist; its bytes are copied, then checked. Blocks.

        Raises:
            BadWheel: it is not a wheel, or a link to something else.
        """
        self._own.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._own.work, prefix="built-") as folder:
            part = Path(folder) / built.name
            _copy_file(built, part)
            plan_wheel(part, Layout(minor="3.0"), self._bounds)
            name, version, _, _ = parse_wheel_filename(part.name)
            with part.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            final = self._wheels.path / sha256 / built.name
            wheel = Wheel(
                name=str(name),
                version=str(version),
                filename=built.name,
                url=final.as_uri(),
                sha256=sha256,
                size=part.stat().st_size,
            )
            use(self._own.root, final.parent)
            final.parent.mkdir(parents=True, exist_ok=True)
            part.replace(final)
        return wheel

    async def _make(self, missing: Sequence[Wheel], python: Interpreter, progress: Progress | None) -> None:
        """Fetch and unpack side by side; each worker thread has its own compiling process, ended here."""
        compiler = python if compiles(python) else None
        workers = _Workers(lambda: Unpacker(compiler, self._owner, self._bounds, self._wall(compiler)))
        loop = asyncio.get_running_loop()
        jobs: dict[Wheel, asyncio.Future[bool]] = {}

        def start(wheel: Wheel, path: Path, wait: bool = False) -> None:
            jobs[wheel] = loop.run_in_executor(workers.pool, self._unpack, wheel, path, python, workers, wait)

        try:
            await self.downloads.ensure(missing, progress, start)
            left = [wheel for wheel, job in list(jobs.items()) if not await job]
            for wheel in left:  # another build is at it: what it does not finish is ours
                start(wheel, self.downloads.path(wheel), wait=True)
            await asyncio.gather(*(jobs[wheel] for wheel in left))
        finally:
            for job in jobs.values():
                job.cancel()
            await asyncio.shield(loop.run_in_executor(None, workers.close))
            await asyncio.gather(*jobs.values(), return_exceptions=True)

    def _wall(self, compiler: Interpreter | None) -> tuple[str, ...]:
        """What an unpacking process sees: the wheels, and where unfinished things lie."""
        for folder in (self._wheels.path, self._own.work):
            folder.mkdir(parents=True, exist_ok=True)
        programs = [compiler.path, *compiler.roots] if compiler else []
        return walled(self._own.root, readable=[self._wheels.path], writable=[self._own.work], programs=programs)

    def _unpack(self, wheel: Wheel, path: Path, python: Interpreter, workers: _Workers, wait: bool) -> bool:
        """Unpack `wheel`; False, at once, if somebody else is doing so and we are not to `wait`."""
        final = self.path(wheel, python)
        with claimed(self._own.work / f"{final.name}.claim", wait) as ours:
            workers.check()
            if final.exists():
                return True
            if not ours:
                return False
            with tempfile.TemporaryDirectory(dir=self._own.work, prefix="tree-", ignore_cleanup_errors=True) as work:
                made = Path(work) / "tree"
                listed = stacked(wheel.name, python.minor)
                workers.unpacker().unpack(path, layout_for(python.minor), made, listed=listed)
                workers.check()
                settle(made, final)
        return True


@contextmanager
def claimed(file: Path, wait: bool) -> Iterator[bool]:
    """Whether we, of all threads and processes, hold `file` now; a dead holder's claim ends with it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as claim:
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        try:
            yield True
        finally:
            file.unlink(missing_ok=True)


class _Workers:
    """Threads that unpack, each with its process; closing waits for them and ends the processes."""

    def __init__(self, make: Callable[[], Unpacker]) -> None:
        self.pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="unpack")
        self._make, self._local = make, threading.local()
        self._unpackers: list[Unpacker] = []
        self._closed = False

    def unpacker(self) -> Unpacker:
        """The calling thread's own."""
        if not hasattr(self._local, "unpacker"):
            self._local.unpacker = self._make()
            self._unpackers.append(self._local.unpacker)
        unpacker: Unpacker = self._local.unpacker
        return unpacker

    def check(self) -> None:
        """Raises CancelledError in a thread whose work nobody waits for any more."""
        if self._closed:
            raise asyncio.CancelledError

    def close(self) -> None:
        """Wait until the threads are done or notice that they are not wanted."""
        self._closed = True
        self.pool.shutdown(cancel_futures=True)
        for unpacker in self._unpackers:
            unpacker.close()


def compiles(python: Interpreter) -> bool:
    """Whether `python` is on this machine, so that it can compile."""
    return python.path.is_absolute()


def tree_key(wheel: Wheel, layout: Layout, owner: Owner | None, *, compiled: bool = True) -> str:
    """Name of an unpacked wheel: everything that decides its bytes and owner."""
    named = [FORMAT, wheel.sha256, layout.prefix, layout.minor, BYTECODE if compiled else "py", owner]
    return digest(named)


def _copy_file(source: Path, target: Path) -> None:
    """Copy an ordinary file; a sandbox may have put a link to one of the host's there instead."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BadWheel(source.name, "it is not an ordinary file") from error
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise BadWheel(source.name, "it is not an ordinary file")
        with target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
    target.chmod(0o644)


def _megabytes(wheels: Sequence[Wheel]) -> str:
    return f"{sum(wheel.size or 0 for wheel in wheels) / 1e6:.1f} MB"

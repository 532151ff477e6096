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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from packaging.utils import parse_wheel_filename

from hubkiln.confined import Owners
from hubkiln.data_dir import OwnFolder
from hubkiln.folders import settle
from hubkiln.keys import digest
from hubkiln.packages.archive import USUAL, BadWheel, Bounds
from hubkiln.packages.bytecode import Compiler
from hubkiln.packages.compiled import compile_tree, with_byte_code
from hubkiln.packages.download import Downloads
from hubkiln.packages.interface import Layout, PackageSettings, Progress, Wheel, layout_for
from hubkiln.packages.stack import stacked
from hubkiln.packages.start_list import start_list
from hubkiln.packages.unpack import Owner
from hubkiln.packages.unpacker import Unpacker
from hubkiln.packages.wheels import plan_wheel
from hubkiln.packages.workers import AT_ONCE, Workers
from hubkiln.removal import remove
from hubkiln.sandbox import alone, walled
from hubkiln.stores import use
from hubkiln.trees import Tree
from hubkiln.values import BYTECODE, FORMAT, Interpreter, Say

_BEHIND_OTHERS = ("nice", "-n", "19")


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

        Raises:
            BadWheel, TooLarge, LockFailed: a package's file is at fault.
            Unreachable, DiskFull: safe to try again.
        """
        trees = {wheel: self.path(wheel, python) for wheel in wheels}
        use(self._own.root, *trees.values())
        missing = [wheel for wheel in wheels if not trees[wheel].exists()]
        if missing:
            say(f"{len(missing)} of {len(wheels)} packages are new here ({_megabytes(missing)}).\n")
            await self._unpack_all(missing, python, progress)
        return trees

    async def compiled(self, wheels: Sequence[Wheel], python: Interpreter, *, hurry: bool = True) -> dict[Wheel, Path]:
        """
        The byte code of each of `wheels`, as a tree of its own; what is missing is made, where `python` has a path on
        this machine. Call it after :meth:`ensure`. Without `hurry` everybody else's work goes first.

        Raises:
            BuildFailed: the compiler is another Python than it was.
        """
        if not compiles(python):
            return {}
        trees = {wheel: self.byte_code(wheel, python) for wheel in wheels}
        use(self._own.root, *trees.values())
        missing = [wheel for wheel in wheels if not trees[wheel].exists()]
        if not missing:
            return trees
        before = () if hurry else _BEHIND_OTHERS
        room = self._room("compile-", [self._own.path])
        try:
            behind = partial(alone, readable=[self._own.path], writable=[room], programs=python.roots)
            wall = await asyncio.to_thread(behind, python.path, self._own.root)
            workers = Workers(lambda: Compiler(python, (*before, *wall)), AT_ONCE if hurry else 1)
            async with workers.open():
                jobs = [workers.start(self._compile, wheel, python, workers, room) for wheel in missing]
                await asyncio.gather(*jobs)
        finally:
            await asyncio.shield(asyncio.to_thread(remove, room))
        return trees

    def path(self, wheel: Wheel, python: Interpreter) -> Path:
        """Where the tree of `wheel` for `python` is or will be."""
        return self._own.path / tree_key(wheel, layout_for(python.minor), self._owner)

    def byte_code(self, wheel: Wheel, python: Interpreter) -> Path:
        """Where the byte code of `wheel` for `python` is or will be."""
        return self._own.path / tree_key(wheel, layout_for(python.minor), self._owner, BYTECODE)

    async def tree(self, wheel: Wheel, python: Interpreter) -> Tree:
        """
        The files and the byte code of a stored `wheel` for an image layer: the same as on disk, read from the wheel
        where possible.

        Call it after :meth:`compiled`; it reads and does not change anything.
        """
        await self.downloads.ensure([wheel])
        return await asyncio.to_thread(self.tree_here, wheel, python)

    def tree_here(self, wheel: Wheel, python: Interpreter, planned: Tree | None = None) -> Tree:
        """As :meth:`tree`, for a thread, where the wheel's file is there too and perhaps `planned` already."""
        layout = layout_for(python.minor)
        planned = planned or plan_wheel(self.downloads.path(wheel), layout, self._bounds)
        return with_byte_code(planned, layout, self.byte_code(wheel, python))

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

    async def _unpack_all(self, missing: Sequence[Wheel], python: Interpreter, progress: Progress | None) -> None:
        """Fetch and unpack side by side."""
        workers = Workers(self._unpacker)
        jobs: dict[Wheel, asyncio.Future[bool]] = {}

        def start(wheel: Wheel, path: Path, wait: bool = False) -> None:
            jobs[wheel] = workers.start(self._unpack, wheel, path, python, workers, wait)

        async with workers.open():
            await self.downloads.ensure(missing, progress, start)
            left = [wheel for wheel, job in list(jobs.items()) if not await job]
            for wheel in left:  # another build is at it: what it does not finish is ours
                start(wheel, self.downloads.path(wheel), wait=True)
            await asyncio.gather(*(jobs[wheel] for wheel in left))

    def _unpacker(self) -> Unpacker:
        """A process that sees the wheels, and a folder of its own."""
        room = self._room("unpack-", [self._wheels.path])
        owners = [Owners(one) for one in dict.fromkeys(self._owner or ())]
        wall = walled(self._own.root, readable=[self._wheels.path], writable=[room], owners=owners)
        return Unpacker(self._owner, self._bounds, room, wall)

    def _room(self, prefix: str, readable: Sequence[Path]) -> Path:
        """A new folder for a process of ours to write to, which reads `readable`."""
        for folder in (*readable, self._own.work):
            folder.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self._own.work, prefix=prefix))

    def _unpack(self, wheel: Wheel, path: Path, python: Interpreter, workers: Workers[Unpacker], wait: bool) -> bool:
        """Unpack `wheel`; False, at once, if somebody else is doing so and we are not to `wait`."""
        layout = layout_for(python.minor)

        def make(into: Path) -> None:
            path.parent.chmod(0o755)  # the data folder keeps others out
            workers.own().unpack(path, layout, into)

        return self._make(self.path(wheel, python), make, workers.check, wait)

    def _compile(self, wheel: Wheel, python: Interpreter, workers: Workers[Compiler], room: Path) -> None:
        layout = layout_for(python.minor)
        unpacked = self.path(wheel, python)
        wanted = start_list() if stacked(wheel.name, python.minor) else None

        def make(into: Path) -> None:
            compile_tree(unpacked, layout, into, workers.own(), self._owner, wanted, room, workers.check)

        self._make(self.byte_code(wheel, python), make, workers.check, wait=True)

    def _make(self, final: Path, make: Callable[[Path], None], check: Callable[[], None], wait: bool) -> bool:
        """Let `make` fill a folder that becomes `final`; False, at once, if somebody else does and we do not `wait`."""
        with claimed(self._own.claims / f"{final.name}.claim", wait) as ours:
            check()
            if final.exists():
                return True
            if not ours:
                return False
            with tempfile.TemporaryDirectory(dir=self._own.work, prefix="tree-", ignore_cleanup_errors=True) as work:
                made = Path(work) / "tree"
                make(made)
                check()
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


def compiles(python: Interpreter) -> bool:
    """Whether `python` is on this machine, so that it can compile."""
    return python.path.is_absolute()


def tree_key(wheel: Wheel, layout: Layout, owner: Owner | None, what: str = "py") -> str:
    """Name of an unpacked wheel, or of `what` was made of it: everything that decides its bytes and owner."""
    return digest([FORMAT, wheel.sha256, layout.prefix, layout.minor, what, owner])


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

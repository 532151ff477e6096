"""Everything about packages behind one object: interpreters, locks, the store, merged environments."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, LockFailed, Unreachable, Unsupported
from hubkiln.keys import digest
from hubkiln.packages import interpreters, stack
from hubkiln.packages.bringing import bring
from hubkiln.packages.conda_parts import python_distributions
from hubkiln.packages.conda_prefixes import CondaPrefixes
from hubkiln.packages.conda_values import CondaLock, CondaSettings
from hubkiln.packages.cpython import OLDEST_BROUGHT, RELEASED, is_kernel, number
from hubkiln.packages.index_versions import NamingVersions
from hubkiln.packages.interface import (
    EnvironmentOnDisk,
    Lock,
    Locker,
    LockRequest,
    NeedsBuilding,
    PackageSettings,
    PostLink,
    Progress,
    Wheel,
)
from hubkiln.packages.kernels import kernel_of
from hubkiln.packages.lockfile import parse_lock
from hubkiln.packages.merge import NamedTree, environment_key, merge
from hubkiln.packages.old_locker import ByPython, OldLocker
from hubkiln.packages.over_conda import conda_of, conda_python, is_condas, over, stand_ins, usable
from hubkiln.packages.python_choice import Choice, PythonChooser
from hubkiln.packages.simple_index import Index, SimpleIndex
from hubkiln.packages.store import WheelStore, compiles
from hubkiln.packages.stores import keep_parts
from hubkiln.packages.tools import index_address
from hubkiln.packages.unpack import Owner
from hubkiln.packages.uv_locker import UvLocker
from hubkiln.stores import use
from hubkiln.values import FORMAT, Interpreter, Say


def _quiet(text: str) -> None:
    """Say nothing."""


class Packages:
    """Locks requirements and puts environments together in `data`; as many at the same time as asked."""

    def __init__(
        self,
        data: DataDir,
        settings: PackageSettings | None = None,
        *,
        owner: Owner | None = None,
        locker: Locker | None = None,
        index: Index | None = None,
        conda: CondaSettings | None = None,
    ) -> None:
        self._data, self._owner = data, owner
        self.conda = CondaPrefixes(data.own("trees"), data.own("cache/conda"), conda or CondaSettings(), owner)
        self._settings = settings or PackageSettings()
        self._index: Index = index or SimpleIndex(index_address(self._settings.index_url))
        usual = NamingVersions(UvLocker(self._settings, data.cache, hidden=(data.root,)), self._index)
        self._locker: Locker = locker or ByPython(usual, OldLocker(self._settings, self._index))
        self.store = WheelStore(data.own("trees"), data.own("wheels"), self._settings, owner=owner)

    @property
    def platform(self) -> str:
        """Of every lock made here; see :class:`hubkiln.packages.interface.PackageSettings`."""
        return self._settings.platform

    async def here(self, minor: str) -> str | None:
        """`minor`, if this machine has it."""
        try:
            return (await interpreters.find(minor, self._data.pythons)).minor
        except (LockFailed, Unsupported):
            return None

    async def lacks(self, minor: str) -> bool:
        """Whether this machine has no `minor`, and uv none to bring."""
        return number(minor)[:2] < OLDEST_BROUGHT and await self.here(minor) is None

    async def choose_python(self, request: LockRequest, candidates: Sequence[str], say: Say) -> Choice:
        """See :meth:`hubkiln.packages.python_choice.PythonChooser.choose`; needs none of `candidates` to be here."""
        return await PythonChooser(self.lock, self._index, self.platform).choose(request, candidates, say)

    async def all_in_index(self, names: Sequence[str]) -> bool:
        """Whether the package index has a package of each of `names`; False also where it does not answer."""
        try:
            found = await asyncio.gather(*(self._index.files(name) for name in names))
        except (LockFailed, Unreachable):
            return False
        return all(found)

    async def interpreter(self, minor: str | None, say: Say = _quiet) -> Interpreter:
        """
        An interpreter of this machine; see :func:`hubkiln.packages.interpreters.find`. One that is missing is brought.

        Raises:
            Unsupported: there is no such version, or it is too old.
            LockFailed: it is not here and cannot be brought.
        """
        try:
            return await interpreters.find(minor, self._data.pythons)
        except LockFailed:
            if minor not in RELEASED:
                raise
        await bring(minor, self._data.pythons, say, work=self._data.work, hidden=(self._data.root,))
        return await interpreters.find(minor, self._data.pythons)

    async def worker(self, python: Interpreter) -> Interpreter:
        """
        The interpreter of this machine that stands in for `python`, which may lie in an image: it has the same version
        if one has, else the same minor version, so it compiles to byte code that `python` reads. For conda's it may be
        one without a path, which compiles nothing.

        Raises:
            LockFailed, Unsupported: there is none.
        """
        if not is_condas(python):
            return await interpreters.like(python, self._data.pythons) or await self.interpreter(python.minor)
        try:
            return await interpreters.find(python.minor, self._data.pythons)
        except (LockFailed, Unsupported):
            return replace(python, path=Path())

    async def lock(self, request: LockRequest, say: Say) -> Lock:
        """See :class:`hubkiln.packages.interface.Locker`; wheels of `find_links` that the lock uses enter the store."""
        if request.conda is not None:
            return await self._over(request.conda, request, say)
        use(self._data.root, self._data.cache / "uv")
        here = replace(request.python, path=Path(sys.executable))  # uv asks it nothing that depends on its version
        lock = await self._locker.lock(replace(request, python=here), say)
        if request.find_links is None:
            return lock
        ours = request.find_links.absolute().as_uri() + "/"
        built = [wheel for wheel in lock.wheels if wheel.url.startswith(ours) and wheel.name not in request.kept_out]
        taken = {wheel: await self._taken_in(wheel) for wheel in built}
        text = lock.text
        for wheel, kept in taken.items():
            text = text.replace(wheel.url, kept.url)
        return replace(lock, wheels=tuple(taken.get(wheel, wheel) for wheel in lock.wheels), text=text)

    async def _over(self, conda: CondaLock, request: LockRequest, say: Say) -> Lock:
        """The wheels to lay over the packages of `conda`."""
        python = conda_python(conda)
        prefix = await self.conda.ensure(conda, await self.worker(python), say)
        brought = usable(await asyncio.to_thread(python_distributions, prefix))
        self._data.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._data.work, prefix="over-conda-") as folder:
            pins = await asyncio.to_thread(stand_ins, brought, Path(folder), request.find_links)
            asked = replace(
                request,
                python=python,
                conda=None,
                constraints=(*request.constraints, *pins),
                find_links=Path(folder),
                kept_out=frozenset(brought),
            )
            return over(await self.lock(asked, say), brought, conda)

    async def _taken_in(self, wheel: Wheel) -> Wheel:
        path = Path(unquote(urlsplit(wheel.url).path))
        taken = await asyncio.to_thread(self.store.add_built, path)
        if taken.sha256 != wheel.sha256:
            raise BuildFailed(f"{wheel.filename} was changed after it was built.", hint="Build again.")
        return taken

    def parse(self, text: str, python: Interpreter) -> Lock:
        """A lock of ours that was kept; see :func:`hubkiln.packages.lockfile.parse_lock`."""
        conda = conda_of(text)
        lock = parse_lock(text, python if conda is None else conda_python(conda), self._settings.platform)
        return replace(lock, conda=conda, kernel=kernel_of(text, self._settings.platform))

    def context(self, python: Interpreter) -> str:
        """What decides a lock besides the recipe and its Python: the platform, the index, the Jupyter stack."""
        named = [
            FORMAT,
            [self._settings.platform, self._settings.index_url],
            [stack.asked(python.minor), stack.preferred(python.minor)],
        ]
        return digest(named)

    def key(self, lock: Lock, python: Interpreter, kernel: Interpreter | None = None) -> str:
        """See :func:`hubkiln.packages.merge.environment_key`."""
        owner = f"{self._owner[0]}:{self._owner[1]}" if self._owner else ""
        beside = f" {kernel.version} {kernel.path}" if kernel is not None else ""
        return environment_key(lock, python, self._settings.platform, owner + beside)

    async def environment(
        self,
        lock: Lock,
        python: Interpreter,
        say: Say,
        progress: Progress | None = None,
        *,
        compiler: Interpreter | None = None,
        kernel: Interpreter | None = None,
    ) -> EnvironmentOnDisk:
        """
        The environment of `lock` in the store, put together unless it is there.

        `compiler` is :meth:`worker` of `python`, where the caller knows it; `kernel` is the Python of the lock's own
        kernel, where it has one. Where `python` itself can only be a kernel, there is no server beside it.

        Raises:
            NeedsBuilding: the lock has packages without wheels.
            BadWheel, BuildFailed, TooLarge, LockFailed: a package is at fault.
            Unreachable, DiskFull: safe to try again.
        """
        python = python if lock.conda is None else conda_python(lock.conda)
        key = self.key(lock, python, kernel)
        path = self._data.environments / key
        use(self._data.root, path)
        if path.is_dir():
            return EnvironmentOnDisk(key=key, path=path, reused=True, scripts=await self._scripts(lock, say))
        if lock.sdists:
            raise NeedsBuilding(lock.sdists)
        groups = await self._groups(lock, compiler or await self.worker(python), kernel)
        below = [await self._condas(one, worker, say, progress) for one, worker in groups]
        trees = [await self.store.ensure(one.wheels, worker, say, progress) for one, worker in groups]
        parts, beside = _placed(python, below, trees)
        links, own = _linked(python, kernel)
        making = partial(merge, parts, path, links, self._data.work, self._owner, kernel=own, kernel_parts=beside)
        compiled = [self.store.byte_code(wheel, worker) for one, worker in groups for wheel in one.wheels]
        keep_parts(path, [tree for _, tree in (*parts, *beside)] + compiled)
        overwritten = await asyncio.to_thread(making)
        for one in overwritten[:20]:
            say(f"Note: {one}.\n")
        scripts = await self._scripts(lock, say)
        return EnvironmentOnDisk(key=key, path=path, reused=False, overwritten=overwritten, scripts=scripts)

    async def compile(
        self, lock: Lock, python: Interpreter, *, kernel: Interpreter | None = None, hurry: bool = True
    ) -> None:
        """
        Put the byte code of :meth:`environment` beside it, where servers that start afterwards find it; nothing of the
        environment itself changes. Without `hurry` everybody else's work goes first.

        Raises:
            BuildFailed: the compiler is another Python than it was.
        """
        python = python if lock.conda is None else conda_python(lock.conda)
        final = self._data.byte_code(self.key(lock, python, kernel))
        if final.is_dir():
            return
        groups = await self._groups(lock, await self.worker(python), kernel)
        if not any(compiles(worker) for _, worker in groups):
            return
        trees = [await self.store.compiled(one.wheels, worker, hurry=hurry) for one, worker in groups]
        parts, beside = _placed(python, [[] for _ in groups], trees)
        await asyncio.to_thread(merge, parts, final, None, self._data.work, self._owner, kernel_parts=beside)

    async def _groups(
        self, lock: Lock, worker: Interpreter, kernel: Interpreter | None
    ) -> list[tuple[Lock, Interpreter]]:
        """Packages, and who compiles them: the server's, then those of the kernel beside it."""
        groups = [(lock, worker)]
        if lock.kernel is not None and kernel is not None:
            groups.append((lock.kernel, await self.worker(kernel)))
        return groups

    async def _condas(self, lock: Lock, worker: Interpreter, say: Say, progress: Progress | None) -> list[NamedTree]:
        """The conda packages that the wheels of `lock` are laid over; the kernel's are another lock's."""
        if lock.conda is None:
            return []
        return [("the conda packages", await self.conda.ensure(lock.conda, worker, say, progress))]

    async def _scripts(self, lock: Lock, say: Say) -> tuple[PostLink, ...]:
        """What conda packages want to have run."""
        conda = lock.conda or (lock.kernel.conda if lock.kernel else None)
        if conda is None:
            return ()
        await self.conda.ensure(conda, await self.worker(conda_python(conda)), say)
        return await asyncio.to_thread(self.conda.scripts, conda)


def _placed(
    python: Interpreter, below: Sequence[list[NamedTree]], trees: Sequence[Mapping[Wheel, Path]]
) -> tuple[list[NamedTree], list[NamedTree]]:
    """What is merged for the server, and for the kernel beside it, over their own; a Python may be only the latter."""
    wheels = [[(wheel.name, tree) for wheel, tree in some.items()] for some in trees]
    parts, *beside = [[*under, *over] for under, over in zip(below, wheels, strict=True)]
    return ([], parts) if is_kernel(python.minor) else (parts, beside[0] if beside else [])


def _linked(python: Interpreter, kernel: Interpreter | None) -> tuple[Interpreter | None, Interpreter | None]:
    """The Pythons that the server's prefix and the kernel's lead to; conda's lie there themselves."""
    server, beside = (None, python) if is_kernel(python.minor) else (python, kernel)
    ours = None if server is None or is_condas(server) else server
    return ours, None if beside is None or is_condas(beside) else beside

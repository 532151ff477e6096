"""Conda packages in the store: each lock is placed once, for every environment and image that is made of it.

What lies here is what both views are made from: environments link its files, image layers are its parts. Files get one
owner and one time, and byte code that fits, so that a layer's copy of a file is the same as the one on disk.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from hubkiln.beneath import Beneath, Found, LeadsAway, change_mode
from hubkiln.data_dir import OwnFolder
from hubkiln.errors import BuildFailed
from hubkiln.folders import settle
from hubkiln.keys import digest
from hubkiln.packages.bytecode import LARGEST, Compiler, Job
from hubkiln.packages.conda_archives import Progress
from hubkiln.packages.conda_channels import channel_urls, split_spec
from hubkiln.packages.conda_install import install_conda, post_link_scripts
from hubkiln.packages.conda_solver import solve_apart
from hubkiln.packages.conda_values import CondaLock, CondaSettings
from hubkiln.packages.cpython import is_kernel
from hubkiln.packages.interface import CondaRequest, Layout, PostLink, layout_for
from hubkiln.packages.prefix import kernelspec, kernelspec_path, servers_links
from hubkiln.packages.store import compiles
from hubkiln.packages.unpack import Owner
from hubkiln.removal import remove
from hubkiln.sandbox import alone
from hubkiln.stores import use
from hubkiln.trees import MTIME
from hubkiln.values import BYTECODE, FORMAT, KERNELS_BELOW, Interpreter, Say

_ACTIVATION = "etc/conda/activate.d"

ACTIVATE = "bin/hubkiln-activate"
"""Below the prefix, where a package has variables to set: runs what it is given with them set."""

_ACTIVATE = """\
#!/bin/bash
# Sets the variables that conda packages want to have set, then becomes what it was given.
for script in /{prefix}/etc/conda/activate.d/*.sh; do
  if [ -r "$script" ]; then . "$script"; fi
done
unset script
exec "$@"
"""

_DESCRIBED = "share/jupyter/kernels"
"""Where packages describe the kernels that they bring, below the prefix."""

_PYC_HEADER = 16
"""Magic number, flags, time and size of the source: four bytes each."""


class CondaPrefixes:
    """Conda locks and the folders ``trees/conda-<key>``."""

    def __init__(self, own: OwnFolder, cache: OwnFolder, settings: CondaSettings, owner: Owner | None) -> None:
        self._own, self._cache, self.settings, self._owner = own, cache.path, settings, owner

    def check(self, specs: Sequence[str], channels: Sequence[str]) -> None:
        """
        Whether a recipe may use its channels, whatever is known of it already.

        Raises:
            Refused: a channel that is not allowed here.
            RecipeError: not a channel, or not a package.
        """
        named = [channel for channel, _ in map(split_spec, specs) if channel]
        channel_urls([*channels, *named], self.settings, lambda text: None)

    async def solve(self, request: CondaRequest, say: Say) -> CondaLock:
        """See :func:`hubkiln.packages.conda_solve.lock_conda`."""
        use(self._own.root, self._cache)
        return await solve_apart(request, self.settings, self._cache, say, hidden=(self._own.root,))

    def path(self, lock: CondaLock) -> Path:
        """Where the packages of `lock` are or will be."""
        named = [FORMAT, layout_for(lock.python).prefix, lock.digest, BYTECODE, self._owner]
        return self._own.path / f"conda-{digest(named)}"

    async def ensure(self, lock: CondaLock, compiler: Interpreter, say: Say, progress: Progress | None = None) -> Path:
        """
        The packages of `lock` as they lie at their prefix, a kernel's or the server's; placed unless they are there.

        `compiler` has its minor version; one without a path compiles nothing.

        Raises:
            BuildFailed, Unreachable, TooLarge, DiskFull, Unsupported: see :func:`install_conda`.
        """
        final = self.path(lock)
        use(self._own.root, final, self._cache)
        if final.is_dir():
            return final
        made = self._own.work / f"conda-{uuid.uuid4().hex}" / "prefix"
        try:
            await install_conda(
                lock,
                made,
                cache=self._cache,
                settings=self.settings,
                say=say,
                progress=progress or (lambda done, total: None),
                target=f"/{layout_for(lock.python).prefix}",
            )
            wall: tuple[str, ...] = ()
            if compiles(compiler):
                wall = alone(compiler.path, self._own.root, writable=[made.parent], programs=compiler.roots)
            await asyncio.to_thread(finish, made, compiler, self._owner, wall)
            await asyncio.to_thread(settle, made, final)
        finally:
            await asyncio.shield(asyncio.to_thread(remove, made.parent))
        return final

    def scripts(self, lock: CondaLock) -> tuple[PostLink, ...]:
        """What the packages of `lock`, which are in the store, want to run once they are placed."""
        packages = {f"bin/.{package.name}-post-link.sh": package for package in lock.packages}
        prefix = layout_for(lock.python).prefix
        return tuple(
            PostLink(path=path, name=p.name, version=p.version, build_number=p.build_number, prefix=prefix)
            for path in post_link_scripts(lock, self.path(lock))
            if (p := packages[path])
        )


def finish(prefix: Path, compiler: Interpreter, owner: Owner | None, wall: Sequence[str] = ()) -> None:
    """
    Give the files of `prefix` one time and their owner; byte code keeps fitting, and missing byte code is made, by a
    process with `wall` before its command line (:func:`hubkiln.sandbox.wall.alone`). A kernel's gets what the server
    beside it needs.

    A package may have put a link anywhere: nothing is written, compiled, given away or timed through one.

    Raises:
        BuildFailed: it has one where our own files go.
    """
    try:
        with Beneath(prefix) as beneath:
            layout = layout_for(compiler.minor)
            _activation(beneath, layout)
            if is_kernel(compiler.minor):
                _beside(beneath, layout)
            for found in beneath.walk():
                if found.is_file and found.name.endswith(".pyc"):
                    _retime(found, beneath)
            if compiles(compiler):
                _compile(prefix, beneath, compiler, wall)
            if owner is not None:
                os.chown(beneath.handle, *owner)
            for found in beneath.walk():
                if owner is not None:
                    os.chown(found.name, *owner, dir_fd=found.folder, follow_symlinks=False)
                if not found.is_folder:
                    os.utime(found.name, (MTIME, MTIME), dir_fd=found.folder, follow_symlinks=False)
    except (LeadsAway, IsADirectoryError) as error:
        raise BuildFailed(
            f"A conda package has a link where there must be a folder, or a folder for a file ({error.filename}).",
            hint="Use another build of it.",
        ) from error


def _activation(prefix: Beneath, layout: Layout) -> None:
    """Put our script beside those of the packages, if they have any."""
    if prefix.status(_ACTIVATION) is None or prefix.status(ACTIVATE) is not None:
        return
    with prefix.folder(_ACTIVATION) as folder:
        scripts = [name for name in folder.names() if name.endswith(".sh")]
    if scripts:
        prefix.write(ACTIVATE, _ACTIVATE.format(prefix=layout.prefix).encode(), 0o755)


def _beside(prefix: Beneath, layout: Layout) -> None:
    """Put what the server needs of a kernel's environment into it: the Python's description, and of its packages'."""
    for path, to in servers_links().items():
        prefix.link(path, to)
    prefix.write(kernelspec_path(layout.minor), kernelspec(layout.minor, layout))
    if prefix.status(_DESCRIBED) is not None:
        with prefix.folder(_DESCRIBED) as folder:
            names = [name for name in folder.names() if not re.fullmatch(r"python\d*", name)]
        for name in names:
            prefix.link(f"{KERNELS_BELOW}/kernels/{name}", f"../../jupyter/kernels/{name}")


def _retime(compiled: Found, prefix: Beneath) -> None:
    """Byte code that fits its source by time and size fits it still when all files get our time."""
    source = prefix.status(_source_of(PurePosixPath(compiled.path)).as_posix())
    if source is None or not stat.S_ISREG(source.st_mode):
        return
    with os.fdopen(compiled.open(), "rb") as file:
        header = file.read(_PYC_HEADER)
    known = (0, int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)
    if len(header) == _PYC_HEADER and tuple(_numbers(header)) == known:
        handle = os.open(compiled.name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=compiled.folder)
        try:
            os.pwrite(handle, MTIME.to_bytes(4, "little"), 8)
        finally:
            os.close(handle)


def _numbers(header: bytes) -> Iterator[int]:
    return (int.from_bytes(header[at : at + 4], "little") for at in (4, 8, 12))


def _source_of(compiled: PurePosixPath) -> PurePosixPath:
    folder = compiled.parent.parent if compiled.parent.name == "__pycache__" else compiled.parent
    return folder / f"{compiled.name.partition('.')[0]}.py"


def _compile(prefix: Path, beneath: Beneath, python: Interpreter, wall: Sequence[str]) -> None:
    """Compile what can be imported and has no byte code: packages for every Python come without."""
    site = f"lib/python{python.minor}/site-packages"
    if beneath.status(site) is None:
        return
    jobs = []
    with Compiler(python, wall=wall) as compiler:
        for found in beneath.walk(site):
            if not found.name.endswith(".py") or not found.is_file or not 0 < found.status.st_size <= LARGEST:
                continue
            place = PurePosixPath(found.path)
            cache = place.parent / "__pycache__"
            target = cache / f"{place.stem}.{compiler.tag}.pyc"
            there = beneath.status(cache.as_posix())
            if "tests" in place.parts or beneath.status(target.as_posix()) is not None:
                continue
            if there is not None and not stat.S_ISDIR(there.st_mode):
                continue
            if there is None:
                os.mkdir("__pycache__", 0o755, dir_fd=found.folder)
                change_mode("__pycache__", found.folder, 0o755)
                own = os.fstat(found.folder)
                os.chown("__pycache__", own.st_uid, own.st_gid, dir_fd=found.folder, follow_symlinks=False)
            jobs.append(Job(str(prefix / place), f"/{layout_for(python.minor).prefix}/{place}", str(prefix / target)))
        list(compiler.compile(jobs))

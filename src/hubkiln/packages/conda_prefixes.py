"""Conda packages in the store: each lock is placed once, for every environment and image that is made of it.

What lies here is what both views are made from: environments link its files, image layers are its parts. Files get one
owner and one time, and byte code that fits, so that a layer's copy of a file is the same as the one on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.folders import settle
from hubkiln.packages.bytecode import LARGEST, Compiler, Job
from hubkiln.packages.conda_archives import Progress
from hubkiln.packages.conda_channels import channel_urls, split_spec
from hubkiln.packages.conda_install import install_conda, post_link_scripts
from hubkiln.packages.conda_solve import lock_conda
from hubkiln.packages.conda_values import CondaLock, CondaSettings
from hubkiln.packages.interface import CondaRequest, PostLink
from hubkiln.packages.store import compiles
from hubkiln.packages.unpack import Owner
from hubkiln.trees import MTIME
from hubkiln.values import FORMAT, PREFIX, Interpreter, Say

ACTIVATE = "bin/hubkiln-activate"
"""Below the prefix, where a package has variables to set: runs what it is given with them set."""

_ACTIVATE = f"""\
#!/bin/bash
# Sets the variables that conda packages want to have set, then becomes what it was given.
for script in /{PREFIX}/etc/conda/activate.d/*.sh; do
  if [ -r "$script" ]; then . "$script"; fi
done
unset script
exec "$@"
"""

_PYC_HEADER = 16
"""Magic number, flags, time and size of the source: four bytes each."""


class CondaPrefixes:
    """Conda locks and the folders ``trees/conda-<key>``."""

    def __init__(self, data: DataDir, settings: CondaSettings, owner: Owner | None) -> None:
        self._data, self._settings, self._owner = data, settings, owner

    @property
    def _cache(self) -> Path:
        return self._data.cache / "conda"

    def check(self, specs: Sequence[str], channels: Sequence[str]) -> None:
        """
        Whether a recipe may use its channels, whatever is known of it already.

        Raises:
            Refused: a channel that is not allowed here.
            RecipeError: not a channel, or not a package.
        """
        named = [channel for channel, _ in map(split_spec, specs) if channel]
        channel_urls([*channels, *named], self._settings, lambda text: None)

    async def solve(self, request: CondaRequest, say: Say) -> CondaLock:
        """See :func:`hubkiln.packages.conda_solve.lock_conda`."""
        return await lock_conda(
            request.specs,
            request.channels,
            python_minor=request.python,
            settings=self._settings,
            cache=self._cache,
            say=say,
            as_of=request.as_of,
        )

    def path(self, lock: CondaLock) -> Path:
        """Where the packages of `lock` are or will be."""
        named = [FORMAT, PREFIX, lock.digest, "pyc", self._owner]
        return self._data.trees / f"conda-{hashlib.sha256(json.dumps(named).encode()).hexdigest()}"

    async def ensure(self, lock: CondaLock, compiler: Interpreter, say: Say, progress: Progress | None = None) -> Path:
        """
        The packages of `lock` as they lie at the prefix, placed unless they are there.

        `compiler` has its minor version; one without a path compiles nothing.

        Raises:
            BuildFailed, Unreachable, TooLarge, DiskFull, Unsupported: see :func:`install_conda`.
        """
        final = self.path(lock)
        if final.is_dir():
            return final
        made = self._data.work / f"conda-{uuid.uuid4().hex}" / "prefix"
        try:
            await install_conda(
                lock,
                made,
                cache=self._cache,
                settings=self._settings,
                say=say,
                progress=progress or (lambda done, total: None),
            )
            await asyncio.to_thread(finish, made, compiler, self._owner)
            await asyncio.to_thread(settle, made, final)
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, made.parent, ignore_errors=True))
        return final

    def scripts(self, lock: CondaLock) -> tuple[PostLink, ...]:
        """What the packages of `lock`, which are in the store, want to run once they are placed."""
        packages = {f"bin/.{package.name}-post-link.sh": package for package in lock.packages}
        return tuple(
            PostLink(path=path, name=p.name, version=p.version, build_number=p.build_number)
            for path in post_link_scripts(lock, self.path(lock))
            if (p := packages[path])
        )


def finish(prefix: Path, compiler: Interpreter, owner: Owner | None) -> None:
    """Give the files of `prefix` one time and their owner; byte code keeps fitting, and missing byte code is made."""
    if any((prefix / "etc/conda/activate.d").glob("*.sh")) and not os.path.lexists(prefix / ACTIVATE):
        (prefix / ACTIVATE).parent.mkdir(exist_ok=True)
        (prefix / ACTIVATE).write_text(_ACTIVATE)
        (prefix / ACTIVATE).chmod(0o755)
    for path in prefix.rglob("*.pyc"):
        _retime(path)
    if compiles(compiler):
        _compile(prefix, compiler)
    for path in (prefix, *prefix.rglob("*")):
        if owner is not None:
            os.chown(path, *owner, follow_symlinks=False)
        if not path.is_dir() or path.is_symlink():
            os.utime(path, (MTIME, MTIME), follow_symlinks=False)


def _retime(compiled: Path) -> None:
    """Byte code that fits its source by time and size fits it still when all files get our time."""
    source = _source_of(compiled)
    if compiled.is_symlink() or not source.is_file():
        return
    header = compiled.read_bytes()[:_PYC_HEADER]
    status = source.stat()
    known = (0, int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    if len(header) == _PYC_HEADER and tuple(_numbers(header)) == known:
        with compiled.open("r+b") as file:
            file.seek(8)
            file.write(MTIME.to_bytes(4, "little"))


def _numbers(header: bytes) -> Iterator[int]:
    return (int.from_bytes(header[at : at + 4], "little") for at in (4, 8, 12))


def _source_of(compiled: Path) -> Path:
    folder = compiled.parent.parent if compiled.parent.name == "__pycache__" else compiled.parent
    return folder / f"{compiled.name.partition('.')[0]}.py"


def _compile(prefix: Path, python: Interpreter) -> None:
    """Compile what can be imported and has no byte code: packages for every Python come without."""
    site = prefix / "lib" / f"python{python.minor}" / "site-packages"
    jobs = []
    with Compiler(python) as compiler:
        for source in sorted(site.rglob("*.py")):
            target = source.parent / "__pycache__" / f"{source.stem}.{compiler.tag}.pyc"
            if "tests" in source.parts or target.parent.is_symlink() or os.path.lexists(target) or not _is_code(source):
                continue
            target.parent.mkdir(exist_ok=True)
            jobs.append(Job(str(source), f"/{PREFIX}/{source.relative_to(prefix).as_posix()}", str(target)))
        list(compiler.compile(jobs))
    for folder in site.rglob("__pycache__"):
        if not folder.is_symlink():
            folder.chmod(0o755)


def _is_code(source: Path) -> bool:
    return not source.is_symlink() and 0 < source.stat().st_size <= LARGEST

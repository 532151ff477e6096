"""Builders that end in many ways, here or, run as a program, in a process of their own.

As a program, ``fake_child.py PARENT``, what is to happen comes with the first line, as it does for the real one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from hubkiln.builds import Builder, BuildRequest, Built, Log, Opened, Tell, build_once, in_processes
from hubkiln.builds.apart import Clear, Secrets, no_secrets
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, Unreachable
from hubkiln.local_images import at_desk
from hubkiln.processes import clean_environment
from hubkiln.testing.builds import BUILT, FakeBuilder


class Dying(FakeBuilder):
    """Does `what` when it has told everything."""

    def __init__(self, what: Callable[[], None]) -> None:
        super().__init__()
        self._what = what

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        built = await super().build(request, tell)
        self._what()
        return built


class Talking(FakeBuilder):
    """Tells `lines` lines, and says in a file when it was cancelled."""

    def __init__(self, lines: int, file: str) -> None:
        super().__init__(held=True)
        self._lines, self._file = lines, Path(file)

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        for number in range(self._lines):
            tell(Log(f"line {number}\n"))
        try:
            return await super().build(request, tell)
        except asyncio.CancelledError:
            self._file.write_text("cancelled")
            raise


class Telling(FakeBuilder):
    """Tells what it was told beside the request, and what can be read of its process from outside."""

    def __init__(self, begin: dict[str, Any]) -> None:
        super().__init__()
        self._begin = begin

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        tell(Log(json.dumps(self._begin)))
        for name in ("environ", "cmdline"):
            tell(Log(Path(f"/proc/self/{name}").read_bytes().decode()))
        return await super().build(request, tell)


class Working(FakeBuilder):
    """Has begun something in the data folder when it is killed."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = Path(folder)

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        with at_desk(DataDir(self._folder)) as data:
            (data.work / "step/closed").mkdir(parents=True)
            (data.work / "step/closed").chmod(0)
            tell(Log(str(data.work)))
            os.kill(os.getpid(), signal.SIGKILL)
        return BUILT


def deaf() -> None:
    """Neither ends when it is told to nor when its orders end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    time.sleep(60)


def killed(number: int) -> Callable[[], None]:
    """Dies of a signal."""
    return lambda: os.kill(os.getpid(), number)


KINDS: dict[str, Callable[[dict[str, Any]], Builder]] = {
    "usual": lambda begin: FakeBuilder(),
    "failed": lambda begin: FakeBuilder(raises=BuildFailed("no", hint="Mend it.")),
    "unreachable": lambda begin: FakeBuilder(raises=Unreachable("gone")),
    "broken": lambda begin: FakeBuilder(raises=KeyError("bug")),
    "killed": lambda begin: Dying(killed(signal.SIGKILL)),
    "crashed": lambda begin: Dying(killed(signal.SIGSEGV)),
    "left": lambda begin: Dying(lambda: os._exit(7)),
    "deaf": lambda begin: Dying(deaf),
    "telling": Telling,
    "working": lambda begin: Working(begin["data"]),
    "held": lambda begin: Talking(0, begin["file"]),
    "talking": lambda begin: Talking(begin["lines"], begin["file"]),
}


def prepare(begin: dict[str, Any]) -> Opened:
    """The builder that is asked for."""

    @asynccontextmanager
    async def opened(secrets: dict[str, Any]) -> AsyncIterator[Builder]:
        yield KINDS[begin["kind"]](begin | secrets)

    return opened


@asynccontextmanager
async def apart(
    kind: str,
    folder: Path,
    *,
    secrets: Secrets = no_secrets,
    grace: float = 5,
    clear: Clear = lambda: None,
    **more: object,
) -> AsyncIterator[Builder]:
    """One that builds each in a process of its own, which writes to a file of `folder` that it was cancelled."""
    words = [sys.executable, "-W", "error", __file__, str(os.getpid())]
    begin = {"kind": kind, "file": str(folder / "file")} | more
    async with in_processes(words, clean_environment(), begin, secrets, grace=grace, clear=clear) as builder:
        yield builder


if __name__ == "__main__":
    build_once(int(sys.argv[1]), prepare)

"""Whoever gives a sandbox up, at whatever moment, is let go at once, and nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from embedded import until

from hubkiln.processes import ProcessId
from hubkiln.sandbox.cgroups import Group
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
from hubkiln.sandbox.running import SandboxRunning
from hubkiln.sandbox.settings import HostSettings
from hubkiln.sandbox.tools import find_bwrap

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

COMMAND = ["/bin/sleep", "1000"]
TURNS = 41
"""Of the event loop: more than starting takes, until it waits for bubblewrap."""

WITHOUT_PARENT = """#!{python}
import os, sys
place = sys.argv.index("--args") + 1
with open(int(sys.argv[place]), "rb") as file:
    words = file.read().split(b"\0")
words.remove(b"--die-with-parent")
args = os.memfd_create("args", 0)
os.write(args, b"\0".join(words))
os.lseek(args, 0, os.SEEK_SET)
sys.argv[place] = str(args)
os.execv("{bwrap}", sys.argv)
"""
"""bubblewrap in the state in which it is for a moment after it was let go on: its end does not end what is inside."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SandboxEngine:
    """One whose processes, but for those inside already, are in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    return SandboxEngine(SandboxSettings(state=tmp_path / "state"))


async def test_a_start_leaves_no_process_and_no_file(engine: SandboxEngine, tmp_path: Path) -> None:
    """What bubblewrap had just forked, and not yet let go on, would wait for it for ever."""
    await cancelled_everywhere(lambda: engine.start(Room(), COMMAND, log=tmp_path / "log"))
    await none_waits_in(tmp_path)
    assert list((tmp_path / "state").iterdir()) == []


async def test_a_run_returns_and_leaves_no_process(engine: SandboxEngine, tmp_path: Path) -> None:
    """Whoever cancels it does not wait for its command."""
    await cancelled_everywhere(lambda: engine.run(Room(), COMMAND))
    await none_waits_in(tmp_path)


async def test_a_command_at_our_streams_leaves_no_process(engine: SandboxEngine, tmp_path: Path) -> None:
    """The same, where its output is ours."""
    await cancelled_everywhere(lambda: engine.interactive(Room(), COMMAND))
    await none_waits_in(tmp_path)


async def test_a_run_that_was_just_let_in_ends_with_its_caller(tmp_path: Path) -> None:
    """It has not yet asked to be ended with its parent, and holds the pipe that we read."""
    careless = tmp_path / "bwrap"
    careless.write_text(WITHOUT_PARENT.format(python=shutil.which("python3"), bwrap=find_bwrap()))
    careless.chmod(0o755)
    host = HostSettings(bwrap=careless)
    engine = SandboxEngine(SandboxSettings(state=tmp_path / "state", host=host))
    ready = asyncio.Event()
    running = asyncio.create_task(
        engine.run(Room(), ["/bin/sh", "-c", "echo ready; exec sleep 1000"], say=lambda _: ready.set())
    )
    await ready.wait()
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=60)
    assert done


async def test_a_step_that_is_told_to_end_while_it_starts_ends(engine: SandboxEngine, tmp_path: Path) -> None:
    """Its time is over before its command runs, or just then: it is said, soon, and nothing of it goes on."""
    for moment in range(TURNS):
        outcome = await asyncio.wait_for(engine.run(Room(), COMMAND, seconds=moment * 0.001), 60)
        assert outcome.timed_out
    await none_waits_in(tmp_path)


class EndsUnseen(subprocess.Popen[bytes]):
    """A process that ends between being asked whether it has, and the next look at it."""

    def poll(self) -> int | None:
        """None, for the last time."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.returncode


def test_one_that_ends_while_it_is_looked_at_is_waited_for(tmp_path: Path) -> None:
    """It is no zombie, and its exit code is known."""
    child = EndsUnseen([sys.executable, "-c", "import time; time.sleep(60)"])
    outer = ProcessId.of(child.pid)
    assert outer is not None
    running = SandboxRunning.own(child, outer, None, tmp_path / "status", Group((), unified=True))
    assert running.poll() == 128 + signal.SIGKILL
    assert ProcessId.of(child.pid) is None


async def cancelled_everywhere(work: Callable[[], Awaitable[object]]) -> None:
    """Begin `work` again and again, cancel it after so many turns of the loop, then after half milliseconds."""
    for moment in range(120):
        task = asyncio.ensure_future(work())
        for _ in range(min(moment, TURNS)):
            await asyncio.sleep(0)
        if moment > TURNS:
            await asyncio.sleep((moment - TURNS) * 0.0005)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=60)
        assert done, f"cancelled at moment {moment}, it goes on"
        with suppress(asyncio.CancelledError):
            if isinstance(running := await task, SandboxRunning):
                await running.stop(grace=0)


async def none_waits_in(folder: Path) -> None:
    """Processes that are in `folder`, but for us, end."""
    try:
        await until(lambda: not waiting(folder), seconds=60)
    finally:
        for pid in waiting(folder):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def waiting(folder: Path) -> list[int]:
    """Processes that are in `folder`, but for us."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if place.readlink() == folder and place.parent.name != str(os.getpid()):
                found.append(int(place.parent.name))
    return found

"""The sandbox's first process: nothing inside holds it up, and if it is held up, what was asked to end ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import User, can_be_ordinary, open_folder, ordinary, ourselves

from hubkiln.processes import ProcessId
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
from hubkiln.sandbox.seccomp import VARIABLE

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

_STOP = """
import ctypes, fcntl, os, resource, signal, socket
libc = ctypes.CDLL(None)
for request in (16, 0x4206):
    libc.ptrace(request, 1, 0, 0)
libc.ptrace(0x4207, 1, 0, 0)
for number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGKILL, signal.SIGTERM):
    try:
        os.kill(1, number)
    except PermissionError:
        pass
ours, theirs = socket.socketpair()
try:
    fcntl.fcntl(ours, fcntl.F_SETOWN, 1)
    fcntl.fcntl(ours, 10, signal.SIGSTOP)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
    theirs.send(b"x")
except PermissionError:
    pass
state = "R"
while state == "R":  # for a moment, on a busy machine; who is stopped is never
    [state] = [line.split()[1] for line in open("/proc/1/status") if line.startswith("State:")]
print([state])
"""

_AT_OUR_STREAMS = """
import asyncio, sys
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
engine = SandboxEngine(SandboxSettings(state=Path(sys.argv[1])))
sys.exit(asyncio.run(engine.interactive(Room(), sys.argv[2:])))
"""


@pytest.fixture(params=["ourselves", "ordinary"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Whoever starts the sandbox."""
    if request.param == "ordinary" and not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    folder = open_folder()
    yield ordinary(folder) if request.param == "ordinary" else ourselves(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("allow", ["", "all"])
async def test_no_program_stops_it(user: User, monkeypatch: pytest.MonkeyPatch, allow: str) -> None:
    """
    By no signal, by no tracing, by no file that sends signals; with the filter of system calls and without.

    Without it, whom an ordinary user's hub runs may trace it, because it is the same user's; the run ends all the same.
    """
    monkeypatch.setenv(VARIABLE, allow)
    outcome = await user.python(Room(), _STOP)
    assert outcome.output == "['S']\n" or (allow and not user.identity.privileged), outcome.output


async def test_a_step_whose_first_process_is_stopped_ends(tmp_path: Path) -> None:
    """A build does not wait for it."""
    engine, ready = SandboxEngine(SandboxSettings(state=tmp_path / "state")), asyncio.Event()
    before = {one.pid for one in children(os.getpid())}
    running = asyncio.create_task(
        engine.run(Room(), ["sh", "-c", "echo ready; exec sleep 1000"], say=lambda text: ready.set())
    )
    await ready.wait()
    [first] = [one for outer in children(os.getpid()) if outer.pid not in before for one in outer.children()]
    [command] = first.children()
    os.kill(first.pid, signal.SIGSTOP)
    os.kill(command.pid, signal.SIGKILL)
    assert (await running).code != 0


async def test_run_ends_although_it_is_stopped(user: User) -> None:
    """A program at our streams that is told to end ends, if something has stopped its sandbox's first process."""
    child = await at_our_streams(user, "sh", "-c", "echo ready; exec sleep 1000")
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    [outer] = children(child.pid)
    [first] = children(outer.pid)
    os.kill(first.pid, signal.SIGSTOP)
    child.send_signal(signal.SIGTERM)
    assert await child.wait() != 0
    assert not first.alive()


async def test_a_program_that_is_not_there_has_its_own_code(user: User) -> None:
    """As in a shell, whoever starts it."""
    child = await at_our_streams(user, "no-such-command")
    assert await child.wait() == 127


async def at_our_streams(user: User, *argv: str) -> asyncio.subprocess.Process:
    """`argv` as ``hubkiln run`` runs it for `user`."""
    who = {"user": user.identity.uid, "group": user.identity.gid} if user.code else {}
    python = "/usr/bin/python3" if user.code else sys.executable
    return await asyncio.create_subprocess_exec(
        *(python, "-c", _AT_OUR_STREAMS, str(user.folder / "state"), *argv),
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(user.code or Path(__file__).parents[2] / "src")},
        cwd=user.folder,
        **who,
    )


def children(pid: int) -> list[ProcessId]:
    """Those of all threads of `pid`."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [process for process in map(ProcessId.of, map(int, found.split())) if process is not None]


async def test_a_server_whose_first_process_is_stopped_ends(tmp_path: Path) -> None:
    """Whoever asks how it is learns that its command has ended, and the sandbox is over then."""
    engine = SandboxEngine(SandboxSettings(state=tmp_path / "state"))
    running = await engine.start(Room(), ["sh", "-c", "echo ready; exec sleep 1000"], log=tmp_path / "log")
    while (tmp_path / "log").read_text() != "ready\n":  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    first = ProcessId(*running.to_state()["first"])
    [command] = first.children()
    os.kill(first.pid, signal.SIGSTOP)
    assert running.poll() is None
    os.kill(command.pid, signal.SIGKILL)
    while running.poll() is None:  # noqa: ASYNC110 - as the hub does
        await asyncio.sleep(0.02)
    assert not first.alive()

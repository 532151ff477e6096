"""Sandboxes as processes: limits, ends, restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sandbox_user import open_folder

from hubkiln.errors import ServiceError
from hubkiln.removal import remove
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import HostSettings, Mount, Overlay, Room, SandboxSettings
from hubkiln.values import Limits

pytestmark = pytest.mark.sandbox

MIB = 1024**2

STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        print('ready', flush=True)
        time.sleep(300)
    os._exit(0)
time.sleep(300)
"""
"""Ignores SIGTERM and has a grandchild in a session of its own."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    made = open_folder()
    yield made
    remove(made)


@pytest.fixture
def engine(folder: Path) -> SandboxEngine:
    """An engine of ours."""
    return SandboxEngine(SandboxSettings(state=folder / "state"))


def with_marker(marker: str) -> list[int]:
    """Pids of processes whose command line holds `marker`."""
    found = subprocess.run(["pgrep", "-f", marker], capture_output=True, text=True, check=False).stdout
    return [int(pid) for pid in found.split()]


async def test_that_sandboxes_work_is_known_after_unfinished_work_was_cleared(folder: Path) -> None:
    """The next process tries none: it would find that its bubblewrap is missing."""
    notes = folder / "notes"
    known = SandboxSettings(state=folder / "state", notes=notes)
    assert await SandboxEngine(known).refusal() == ""
    remove(known.state)
    assert await SandboxEngine(replace(known, host=HostSettings(bwrap=folder / "none"))).refusal() == ""
    assert await SandboxEngine(replace(known, notes=None, host=HostSettings(bwrap=folder / "none"))).refusal()


async def gone(marker: str) -> None:
    """Return when no process with `marker` is left; the test's time-out says otherwise."""
    while with_marker(marker):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.01)


async def line_in(log: Path, text: str) -> None:
    """Return when `log` holds `text`."""
    while not log.exists() or text not in log.read_text():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_the_probe_makes_a_real_sandbox(engine: SandboxEngine, folder: Path) -> None:
    """Where sandboxes work the probe says so, remembers it and leaves nothing behind."""
    capability = await engine.probe()
    assert capability.works, capability.reason
    assert await engine.probe() is capability
    assert list((folder / "state").iterdir()) == []


async def test_the_exit_code_and_the_end_of_the_output_come_back(engine: SandboxEngine) -> None:
    """Output of both kinds is told as it comes and its end is kept."""
    said: list[str] = []
    outcome = await engine.run(Room(), ["sh", "-c", "echo out; echo err >&2; exit 3"], say=said.append)
    assert (outcome.code, outcome.output) == (3, "out\nerr\n")
    assert "".join(said) == outcome.output


async def test_a_program_that_is_not_there_is_code_127(engine: SandboxEngine) -> None:
    """As in a shell."""
    outcome = await engine.run(Room(), ["no-such-program"])
    assert outcome.code in (1, 127)
    assert "no-such-program" in outcome.output


async def test_a_mount_that_is_not_there_is_our_error(engine: SandboxEngine) -> None:
    """A room that cannot be made is a ServiceError that names what is missing, not an exit code."""
    room = Room(mounts=(Mount(source=Path("/no/such/folder"), target="/x"),))
    with pytest.raises(ServiceError, match="/no/such/folder"):
        await engine.run(room, ["true"])


async def test_too_many_layers_are_refused_in_words(engine: SandboxEngine, folder: Path) -> None:
    """The kernel would cut off the mount options silently; we say it before."""
    lowers = tuple(folder / f"a-rather-long-name-of-a-layer-{n}" for n in range(100))
    with pytest.raises(ServiceError, match="100 layers"):
        await engine.run(Room(overlays=(Overlay(target="/srv", lowers=lowers),)), ["true"])


async def test_more_memory_than_allowed_ends_the_command(engine: SandboxEngine) -> None:
    """Beyond its memory limit a process is killed, and the outcome says that memory was the reason."""
    if "memory" not in engine.groups.parents:
        pytest.skip(engine.groups.reason)
    code = "x = bytearray(%d * 1024**2); print(len(x))"
    room = Room(limits=Limits(memory_bytes=100 * MIB))
    over = await engine.run(room, ["/usr/bin/python3", "-c", code % 200])
    under = await engine.run(room, ["/usr/bin/python3", "-c", code % 20])
    assert (over.code, over.out_of_memory) == (137, True)
    assert (under.code, under.out_of_memory) == (0, False)
    assert under.peak_memory is not None
    assert 20 * MIB < under.peak_memory < 100 * MIB


async def test_the_processor_is_rationed(engine: SandboxEngine) -> None:
    """Half a processor gives half a processor's time."""
    if "cpu" not in engine.groups.parents:
        pytest.skip(engine.groups.reason)
    code = "import time; t = time.monotonic(); c = time.process_time()\nwhile time.monotonic() < t + 1: pass\n"
    code += "print(time.process_time() - c)"
    outcome = await engine.run(Room(limits=Limits(cpus=0.25)), ["/usr/bin/python3", "-c", code])
    assert float(outcome.output) < 0.5


async def test_a_fork_bomb_is_contained(engine: SandboxEngine) -> None:
    """No more processes than allowed."""
    if "pids" not in engine.groups.parents and engine.identity.privileged:
        pytest.skip("nothing counts processes here")
    code = "import os\nfor n in range(100):\n try:\n  if os.fork() == 0: os.read(os.pipe()[0], 1)\n"
    code += " except OSError: print(n); break"
    outcome = await engine.run(Room(limits=Limits(processes=20)), ["/usr/bin/python3", "-c", code])
    assert int(outcome.output) < 20


async def test_time_runs_out(engine: SandboxEngine) -> None:
    """After its seconds a command is stopped, and the outcome says so."""
    outcome = await engine.run(Room(limits=Limits(seconds=0.3)), ["sleep", "100"])
    assert outcome.timed_out


async def test_no_control_group_is_left(engine: SandboxEngine) -> None:
    """The group of a sandbox goes with it."""
    parents = set(engine.groups.parents.values())
    await engine.run(Room(name="left-over", limits=Limits(memory_bytes=100 * MIB)), ["true"])
    assert not [path for parent in parents for path in parent.glob("hubkiln-left-over*")]


async def test_cancelling_ends_everything_inside(engine: SandboxEngine, folder: Path) -> None:
    """A cancelled run leaves no process, not even one that ignores signals in a session of its own."""
    marker = f"marker-{os.getpid()}-cancel"
    ready = asyncio.Event()
    run = asyncio.create_task(
        engine.run(Room(), ["/usr/bin/python3", "-c", STUBBORN, marker], say=lambda _: ready.set())
    )
    await ready.wait()
    assert with_marker(marker)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await gone(marker)


async def test_stopping_ends_everything_inside(engine: SandboxEngine, folder: Path) -> None:
    """What ignores SIGTERM is killed after the grace, its detached grandchildren with it."""
    marker, log = f"marker-{os.getpid()}-stop", folder / "log"
    running = await engine.start(Room(), ["/usr/bin/python3", "-c", STUBBORN, marker], log=log)
    await line_in(log, "ready")
    assert await running.stop(grace=0.2) == 137
    await gone(marker)
    assert list((folder / "state").iterdir()) == []


async def test_a_command_that_obeys_is_not_killed(engine: SandboxEngine, folder: Path) -> None:
    """SIGTERM reaches the command itself, so it can put things in order; its own exit code comes back."""
    log = folder / "log"
    script = "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    running = await engine.start(Room(), ["sh", "-c", script], log=log)
    await line_in(log, "ready")
    assert await running.stop(grace=10) == 7
    assert log.read_text() == "ready\nbye\n"


async def test_a_dead_one_is_noticed(engine: SandboxEngine, folder: Path) -> None:
    """poll() knows at once, with the code."""
    running = await engine.start(Room(), ["sh", "-c", "exit 5"])
    assert await running.wait() == 5
    assert running.poll() == 5


async def test_one_whose_first_process_is_killed_is_noticed(engine: SandboxEngine) -> None:
    """However a sandbox dies, poll() says that it has."""
    running = await engine.start(Room(), ["sleep", "100"])
    os.kill(running.to_state()["first"][0], signal.SIGKILL)
    assert await running.wait() == 137
    assert running.poll() == 137


async def test_one_is_found_again(engine: SandboxEngine, folder: Path) -> None:
    """From its state alone another engine can poll it, stop it and learn its exit code."""
    log = folder / "log"
    running = await engine.start(Room(), ["sh", "-c", "echo ready; read x; exit 4"], log=log)
    again = SandboxEngine(SandboxSettings(state=folder / "state")).attach(running.to_state())
    assert await running.wait() == 4
    assert again.poll() is not None


async def test_one_that_outlives_its_starter_is_found_with_its_exit_code(folder: Path) -> None:
    """The starter may end; who comes after sees it run, and then with which code it ended."""
    wait = folder / "wait"
    wait.mkdir()
    code = f"""
import asyncio, json
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Room, SandboxSettings
engine = SandboxEngine(SandboxSettings(state=Path({str(folder / "state")!r})))
room = Room(mounts=(Mount(source=Path({str(wait)!r}), target="/wait"),))
running = asyncio.run(engine.start(room, ["sh", "-c", "while [ ! -e /wait/over ]; do sleep 0.05; done; exit 4"]))
print(json.dumps(running.to_state()))
"""
    import json
    import sys

    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=subprocess.PIPE)
    state, _ = await starter.communicate()
    running = SandboxEngine(SandboxSettings(state=folder / "state")).attach(json.loads(state))
    assert running.poll() is None
    (wait / "over").touch()
    assert await running.wait() == 4


async def test_a_reused_pid_is_not_taken_for_ours(engine: SandboxEngine) -> None:
    """A state whose pid now belongs to somebody else is one that has ended; nobody else is signalled."""
    running = await engine.start(Room(), ["true"])
    await running.wait()
    state = running.to_state() | {"outer": [os.getpid(), 1], "first": [os.getpid(), 1]}
    assert await engine.attach(state).stop() == 255


async def test_starting_is_quick(engine: SandboxEngine) -> None:
    """Making a room costs milliseconds; whatever else this machine does, one in five is made in two seconds."""
    took = []
    for _ in range(5):
        begun = time.monotonic()
        await engine.run(Room(), ["true"])
        took.append(time.monotonic() - begun)
        if took[-1] < 2:
            return
    raise AssertionError(took)

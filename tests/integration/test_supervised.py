"""The supervisor: nothing of what it runs outlives it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hubkiln.processes import ProcessId, ended_with_us, run


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the latter while it ends
        return False


HEADLESS = """
import ctypes, os, signal, subprocess, sys, threading, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def live():
    child = subprocess.Popen(["sleep", "60"], start_new_session=True, stdout=-3, stderr=-3)
    while open("/proc/self/stat").read().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    with open(sys.argv[1], "w") as file:
        file.write(f"{os.getpid()} {child.pid}")
    print("ready", flush=True)
    os.closerange(1, 3)
    time.sleep(60)
threading.Thread(target=live).start()
ctypes.CDLL(None).pthread_exit(None)
"""
"""A program whose first thread ends, while another lives and has a child; so is each with threads while it dies."""


async def test_output_and_exit_code_pass_through() -> None:
    """It adds nothing and hides nothing."""
    ended = await run(ended_with_us("sh", "-c", "echo out; echo err >&2; exit 7"))
    assert (ended.code, sorted(ended.output.split())) == (7, ["err", "out"])


async def test_a_missing_program_is_named() -> None:
    """As a shell would say it."""
    ended = await run(ended_with_us("/no/such/program"))
    assert ended.code == 127
    assert "/no/such/program" in ended.output


async def test_a_process_in_a_session_of_its_own_is_ended_too(tmp_path: Path) -> None:
    """A grandchild that left the group, ignores SIGTERM and was orphaned does not survive a cancellation."""
    script = (
        f"(setsid sh -c 'trap \"\" TERM; echo $$ > {tmp_path}/pid; echo ready; while :; do sleep 9; done' &); sleep 60"
    )
    ready = asyncio.Event()
    task = asyncio.create_task(run(ended_with_us("sh", "-c", script), say=lambda text: ready.set()))
    await asyncio.wait_for(ready.wait(), 120)
    pid = int((tmp_path / "pid").read_text())
    assert alive(pid)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not alive(pid)


async def test_what_is_left_running_ends_with_the_command(tmp_path: Path) -> None:
    """A daemon that the command started ends when the command does."""
    script = f"setsid sleep 60 & echo $! > {tmp_path}/pid"
    assert (await run(ended_with_us("sh", "-c", script), seconds=120)).code == 0
    assert not alive(int((tmp_path / "pid").read_text()))


async def test_a_program_whose_first_thread_has_ended_is_ended_too(tmp_path: Path) -> None:
    """The kernel says of it that it is dead, while its other threads and what they started go on."""
    script = f"setsid {sys.executable} -c '{HEADLESS}' {tmp_path}/pids & sleep 60"
    ready = asyncio.Event()
    task = asyncio.create_task(run(ended_with_us("sh", "-c", script), say=lambda text: ready.set()))
    await asyncio.wait_for(ready.wait(), 120)
    headless, child = (ProcessId.of(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    assert headless is not None and headless.alive() and headless.children() == [child]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not headless.alive() and child is not None and not child.alive()


async def test_nothing_is_run_for_who_is_dead_already() -> None:
    """Killed before the kernel knew that we wanted to hear of it."""
    argv = ended_with_us("echo", "it runs")
    argv[argv.index("echo") - 1] = "1"
    ended = await run(argv)
    assert (ended.code, ended.output) == (1, "")


async def test_being_told_more_than_once_changes_nothing() -> None:
    """As the kernel tells whose parent had threads, once for each."""
    script = "trap 'echo told' TERM; echo $$; for i in $(seq 100); do sleep 0.1; done"
    process = await asyncio.create_subprocess_exec(*ended_with_us("sh", "-c", script), stdout=-1)
    assert process.stdout is not None
    child = ProcessId.of(int(await process.stdout.readline()))
    process.terminate()
    await process.stdout.readline()  # on a busy machine it is killed before it has said something
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)  # `terminate` would take its exit code away from who waits for it
    assert await process.wait() == 143
    assert child is not None and not child.alive()

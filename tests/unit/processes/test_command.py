"""Running programs: nothing is left behind, whatever happens to us."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from os import pidfd_open
from pathlib import Path

import pytest

from hubkiln.processes import readable, run

PROGRAM = """
import asyncio
from hubkiln.processes import run
asyncio.run(run(["sh", "-c", "echo $$; exec sleep 60"], say=lambda text: print(text, flush=True)))
"""


def test_a_program_ends_when_we_are_killed() -> None:
    """SIGKILL leaves us no time for anything; the kernel ends what we were running."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as us:
        assert us.stdout is not None
        program = pidfd_open(int(us.stdout.readline()))
        us.send_signal(signal.SIGKILL)
        assert select.select([program], [], [], 5)[0], "it still runs"


async def test_a_program_that_is_not_there_is_said_at_once() -> None:
    """As ``subprocess`` says it, so that callers can tell what to install."""
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        await run(["no-such-program"])


async def test_exit_code_and_output_come_back() -> None:
    """Standard error is part of the output."""
    finished = await run(["sh", "-c", "echo one; echo two >&2; exit 3"])
    assert (finished.code, finished.output) == (3, "one\ntwo\n")


async def test_a_letter_in_two_pieces_is_one_letter() -> None:
    """However a program's output comes in."""
    said = list[str]()
    done = await run(["/bin/sh", "-c", r"printf '\303'; sleep 0.2; printf '\244\303'"], say=said.append)
    assert "".join(said) == done.output == "ä\ufffd"


async def test_a_program_that_takes_too_long_is_ended() -> None:
    """With everything that it started."""
    finished = await run(["sh", "-c", "sleep 60 & wait"], seconds=0.1)
    assert finished.timed_out and finished.code != 0


LEAVES = (
    "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60'], start_new_session=True).pid, flush=True)"
)
"""Leaves something behind that is not of its group and holds its output."""


@pytest.mark.slow
async def test_what_is_left_with_the_output_holds_nobody_up() -> None:
    """Neither where the time is over, nor where the caller is cancelled."""
    said = asyncio.Event()
    pids: list[int] = []

    def hear(text: str) -> None:
        pids.extend(map(int, text.split()))
        said.set()

    command = [sys.executable, "-c", f"{LEAVES}; time.sleep(60)"]
    try:
        finished = await asyncio.wait_for(run(command, seconds=1, say=hear), 20)
        assert finished.timed_out
        said.clear()
        running = asyncio.create_task(run(command, say=hear))
        await asyncio.wait_for(said.wait(), 20)
        running.cancel()
        done, _ = await asyncio.wait({running}, timeout=20)
        assert done and running.cancelled()
    finally:
        for pid in pids:
            ended = pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            await readable(ended)
            os.close(ended)
        for _ in range(10):  # so that the loop closes its ends of their pipes
            await asyncio.sleep(0)


async def test_who_is_cancelled_while_it_starts_leaves_nothing() -> None:
    """At whatever moment: neither the program nor what it has started by then."""
    mark = f"6{os.getpid():07}"  # no beginning of another's
    for turns in range(12):
        running = asyncio.create_task(run(["sh", "-c", f"sleep {mark} & sleep {mark}"]))
        for _ in range(turns):
            await asyncio.sleep(0)
        time.sleep(0.05)  # noqa: ASYNC251 - our loop stands still, the program goes on and starts its own
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not [line for line in commands() if mark in line], turns


def commands() -> list[str]:
    """The command lines of all processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
    return found

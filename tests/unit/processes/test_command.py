"""Running programs: nothing is left behind, whatever happens to us."""

import select
import signal
import subprocess
import sys
from os import pidfd_open

import pytest

from hubkiln.processes import run

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


async def test_a_program_that_takes_too_long_is_ended() -> None:
    """With everything that it started."""
    finished = await run(["sh", "-c", "sleep 60 & wait"], seconds=0.1)
    assert finished.timed_out and finished.code != 0

"""What ``hubkiln up`` says, to whoever is there to read it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

SAY = "from hubkiln.up.telling import say; say('One'); say('Two'); import sys; sys.exit(7)"


def closed_pipe() -> int:
    """The end to write to; there is none to read from."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


def lost_terminal() -> int:
    """A terminal whose window was closed."""
    window, terminal = os.openpty()
    os.close(window)
    return terminal


def full_disk() -> int:
    """A file on a disk without space."""
    return os.open("/dev/full", os.O_WRONLY)


@pytest.mark.parametrize("unheard", [closed_pipe, lost_terminal, full_disk])
def test_what_nobody_can_read_ends_nothing(unheard: Callable[[], int]) -> None:
    """Neither at once nor at the end of the process, when Python writes what is left."""
    output = unheard()
    done = subprocess.run([sys.executable, "-c", SAY], stdout=output, stderr=subprocess.PIPE, text=True, check=False)
    os.close(output)
    assert (done.returncode, done.stderr) == (7, "")


def test_nothing_is_said_where_there_is_no_output() -> None:
    """Standard output may be closed from the beginning."""
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", SAY], check=False)
    assert done.returncode == 7


def test_letters_that_the_terminal_lacks_are_written_with_their_numbers() -> None:
    """Instead of an error in the middle of stopping a hub."""
    words = [sys.executable, "-c", "from hubkiln.up.telling import say; say('Stopping \u2026')"]
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "Stopping \\u2026\n"

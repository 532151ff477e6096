"""Runs one command so that nothing of it outlives us: ``python -m hubkiln.processes.supervised PARENT COMMAND…``.

A container engine starts its build steps in sessions of their own, where ending a process group does not reach them.
This process becomes the parent of every orphan below it (Linux's *child subreaper*), so when it is told to end, or
its own parent dies, it can find them all. PARENT is the pid of who starts us, who may be dead before we can notice.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from hubkiln.processes.parent import adopt_orphans, die_with_parent

GRACE_SECONDS = 1.0
"""For the command to clean up after itself."""

PATIENCE_SECONDS = 15.0
"""For everything below us to be gone, on a machine that is busy with other things."""

WAIT_SECONDS = GRACE_SECONDS + PATIENCE_SECONDS + 2
"""What whoever runs us gives us to end: the `grace` of :func:`hubkiln.processes.run`."""


class Ended(Exception):
    """We were told to end."""


def main(argv: list[str]) -> int:
    """Run `argv` but its first word; its exit code (128 + signal for a signal), or 143 if we were told to end."""
    parent, *command = argv
    signal.signal(signal.SIGTERM, _end)
    adopt_orphans()
    die_with_parent(int(parent))
    child = None
    try:
        child = subprocess.Popen(command, start_new_session=True)
        code = child.wait()
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", flush=True)
        return 127
    except Ended:  # maybe while it was starting
        code = 143
        if child is not None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            _wait_for(child, GRACE_SECONDS)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # where the command ended by itself
    kill_all_below(os.getpid())
    return code if code >= 0 else 128 - code


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # of a parent with threads the kernel may tell once for each that ends
    raise Ended


def _wait_for(child: subprocess.Popen[bytes], seconds: float) -> None:
    with suppress(subprocess.TimeoutExpired):
        child.wait(seconds)


def kill_all_below(pid: int) -> None:
    """Kill every descendant of `pid` (ourselves) and wait for them; what we may not kill is left at last."""
    until = time.monotonic() + PATIENCE_SECONDS
    while _any_below() and time.monotonic() < until:
        for process in descendants(pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.01)  # the kernel gives orphans to us as their parents end


def _any_below() -> bool:
    """Whether we have a child that runs, as orphans become; a look at ``/proc`` takes time, the kernel knows."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def descendants(pid: int) -> list[int]:
    """
    Every process below `pid`, from ``/proc``.

    Also those that are said to be dead: of a program with threads that is so when the first has ended, while others
    still run, and have children.
    """
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: list[int] = []
    level = {pid}
    while level := {child for child, parent in parents.items() if parent in level}:
        found += level
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a build looks like in a terminal: a line with phase and time below the log; plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Protocol, Self, TextIO

from hubkiln.builds import Entered, Event, Log, Phase, Planned, Progress, Queued, Resolved
from hubkiln.cli.plain_lines import plain

SAYS = {
    Phase.QUEUED: "Waiting for a turn",
    Phase.RESOLVING: "Looking the repository up",
    Phase.FETCHING: "Fetching its files",
    Phase.PLANNING: "Reading the recipe",
    Phase.LOCKING: "Locking packages",
    Phase.BUILDING: "Putting the environment together",
    Phase.PUSHING: "Pushing the image",
    Phase.VERIFYING: "Checking that Jupyter starts",
}


class Screen(Protocol):
    """Where it is shown."""

    def phase(self, words: str) -> None:
        """A phase begins."""

    def moved(self, done: int, total: int) -> None:
        """So many bytes of the phase."""

    def line(self, line: str) -> None:
        """A line of the log."""

    def close(self) -> None:
        """Nothing more will come."""


class Plain:
    """For files and pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._start = out, time.monotonic()

    def phase(self, words: str) -> None:
        """See :class:`Screen`."""
        self.line(f"[{time.monotonic() - self._start:6.1f}s] {words}")

    def moved(self, done: int, total: int) -> None:
        """See :class:`Screen`; not shown."""

    def line(self, line: str) -> None:
        """See :class:`Screen`."""
        print(plain(line), file=self._out, flush=True)

    def close(self) -> None:
        """See :class:`Screen`."""


def screen(out: TextIO) -> Screen:
    """The right one for `out`."""
    if not out.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):  # these can write nothing over
        return Plain(out)
    from hubkiln.cli.live import Live  # rich is slow to load, and most builds are not watched

    return Live(out)


class Display:
    """Tells of a build on `out`; call it with each event, inside ``with``."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._screen = screen(out or sys.stderr)
        self._rest = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._rest:
            self._screen.line(_last_written(self._rest))
        self._screen.close()

    def __call__(self, event: Event) -> None:
        match event:
            case Entered(phase):
                self._end_line()
                self._screen.phase(SAYS.get(phase, phase.value))
            case Log(text):
                self._log(text)
            case Planned(plan, why):
                self._end_line()
                self._screen.line(f"Plan: {plan}" + (f" ({'; '.join(why)})" if why else ""))
            case Progress(done, total):
                self._screen.moved(done, total)
            case Queued(position):
                self._screen.line(f"Number {position} in the queue")
            case Resolved():
                pass

    def _log(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._screen.line("  " + _last_written(line))

    def _end_line(self) -> None:
        """What is no whole line yet stays its own: the next thing begins below it."""
        if self._rest:
            self._log("\n")


def _last_written(line: str) -> str:
    """What a terminal would show at the end of `line`, which may be written over and may end as on Windows."""
    return line.rstrip("\r").rsplit("\r", 1)[-1]

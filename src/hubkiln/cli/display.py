"""What a build looks like in a terminal: a line with phase and time below the log; plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from hubkiln.builds.events import Entered, Event, Log, Phase, Planned, Queued, Resolved
from hubkiln.builds.events import Progress as Bytes

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


class Display:
    """Tells of a build on `out`; call it with each event, inside ``with``."""

    def __init__(self, out: TextIO = sys.stderr) -> None:
        self._console = Console(file=out, highlight=False, soft_wrap=True)
        self._live = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._start = time.monotonic()
        self._rest = ""

    def __enter__(self) -> Self:
        if self._live:
            self._progress.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._rest:
            self._line(self._rest)
        if self._live:
            self._progress.stop()

    def __call__(self, event: Event) -> None:
        match event:
            case Entered(phase):
                self._enter(SAYS.get(phase, phase.value))
            case Log(text):
                self._log(text)
            case Planned(plan, why):
                self._line(f"Plan: {plan}" + (f" ({'; '.join(why)})" if why else ""))
            case Bytes(done, total):
                if self._live and self._task is not None:
                    self._progress.update(self._task, completed=done, total=total)
            case Queued(position):
                self._line(f"Number {position} in the queue")
            case Resolved():
                pass

    def _enter(self, words: str) -> None:
        if not self._live:
            self._line(f"[{time.monotonic() - self._start:6.1f}s] {words}")
            return
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(words, total=None)

    def _log(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line("  " + line.rsplit("\r", 1)[-1])

    def _line(self, line: str) -> None:
        self._console.print(Text.from_ansi(line))

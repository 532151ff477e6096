"""A terminal that somebody watches: the phase, its bytes and its time stay below the log."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from hubkiln.cli.plain_lines import coloured


class Live:
    """See :class:`hubkiln.cli.display.Screen`."""

    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out, highlight=False, soft_wrap=True, force_terminal=True)
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
        self._progress.start()

    def phase(self, words: str) -> None:
        """See :class:`hubkiln.cli.display.Screen`."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(words, total=None)

    def moved(self, done: int, total: int) -> None:
        """See :class:`hubkiln.cli.display.Screen`."""
        if self._task is not None:
            self._progress.update(self._task, completed=done, total=total)

    def line(self, line: str) -> None:
        """See :class:`hubkiln.cli.display.Screen`."""
        self._console.print(Text.from_ansi(coloured(line)))

    def close(self) -> None:
        """See :class:`hubkiln.cli.display.Screen`."""
        self._progress.stop()

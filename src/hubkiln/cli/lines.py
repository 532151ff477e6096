"""``hubkiln build --events``: a build told to another program, in the language of :mod:`hubkiln.builds.lines`.

The exit status is the command's as ever: 0 for an image, 1 for the user's turn, 3 for ours.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TextIO

from hubkiln.builds import Builder, BuildRequest, Event, built_line, event_lines, failed_line
from hubkiln.cli import of_the_disk, unexpected
from hubkiln.errors import HubkilnError, Interrupted


async def tell_all(builder: Builder, request: BuildRequest, out: TextIO) -> None:
    """Build, and write each event and the result to `out`."""

    def tell(event: Event) -> None:
        for line in event_lines(event):
            _write(out, line)

    _write(out, built_line(await builder.build(request, tell)))


async def told_too(work: Coroutine[Any, Any, None], out: TextIO) -> None:
    """`work`, whose error is written to `out` as well, by its code."""
    try:
        await work
    except BaseException as error:
        _write(out, failed_line(_named(error)))
        raise


def _named(error: BaseException) -> HubkilnError:
    if isinstance(error, HubkilnError):
        return error
    if isinstance(error, Exception):
        return of_the_disk(error) or unexpected(error)
    return Interrupted("The build was stopped before its end.")


def _write(out: TextIO, line: str) -> None:
    out.write(line)
    out.flush()

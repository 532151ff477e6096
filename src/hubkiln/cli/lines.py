"""``hubkiln build --events``: a build told to another program, a line of JSON for each event and one for its end.

The lines are those of the build service's stream of events, so what reads one reads the other. The exit status is the
command's as ever: 0 for an image, 1 for the user's turn, 3 for ours.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any, TextIO

from hubkiln.builds import Builder, BuildRequest, Event, encode_event
from hubkiln.cli import full, unexpected
from hubkiln.errors import HubkilnError, Interrupted


async def tell_all(builder: Builder, request: BuildRequest, out: TextIO) -> None:
    """Build, and write each event and the result to `out`."""

    def tell(event: Event) -> None:
        kind, data = encode_event(event)
        _write(out, {"type": kind, **data})

    built = await builder.build(request, tell)
    _write(out, {"type": "built", "built": asdict(built)})


async def told_too(work: Coroutine[Any, Any, None], out: TextIO) -> None:
    """`work`, whose error is written to `out` as well, by its code."""
    try:
        await work
    except BaseException as error:
        _write(out, _failed(_named(error)))
        raise


def _named(error: BaseException) -> HubkilnError:
    if isinstance(error, HubkilnError):
        return error
    if isinstance(error, Exception):
        return full(error) or unexpected(error)
    return Interrupted("The build was stopped before its end.")


def _failed(error: HubkilnError) -> dict[str, Any]:
    told = {"code": error.code, "message": error.message, "hint": error.hint, "status": error.status}
    return {"type": "failed", "error": told}


def _write(out: TextIO, line: dict[str, Any]) -> None:
    out.write(f"{json.dumps(line, separators=(',', ':'))}\n")
    out.flush()

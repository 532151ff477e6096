"""Server-sent events: one line of JSON per event, a comment when nothing happens, an end when there is no more.

A client that goes away ends only its own stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import StreamingResponse

KEEPALIVE = b":keepalive\n\n"

AHEAD = 16
"""Events read ahead of a slow client; it then reads from the journal at its own pace."""

HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would keep events back
}

Events = AsyncGenerator[bytes, None]


def sse(data: Mapping[str, Any], id: int | str | None = None) -> bytes:
    """One event; its JSON is one line of ASCII, whatever the client takes for the end of a line."""
    number = "" if id is None else f"id: {id}\n"
    return f"{number}data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def event_stream(events: Events, every: float, headers: Mapping[str, str] | None = None) -> StreamingResponse:
    """The response that sends `events`, with a keepalive at once and whenever `every` seconds were silent."""
    body = with_keepalive(events, every)
    return StreamingResponse(body, media_type="text/event-stream", headers=HEADERS | dict(headers or {}))


async def with_keepalive(events: Events, every: float) -> AsyncIterator[bytes]:
    """
    `events`, and comments between them.

    A task of its own reads and closes `events`: whoever cancels us (a client that left) does not cut its clean-up.
    """
    ready: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(AHEAD)
    task = asyncio.create_task(_read(events, ready))
    try:
        yield KEEPALIVE
        while True:
            try:
                async with asyncio.timeout(every):
                    item = await ready.get()
            except TimeoutError:
                yield KEEPALIVE
                continue
            sent = b""
            while isinstance(item, bytes):  # what is there already goes together
                sent += item
                if ready.empty():
                    break
                item = ready.get_nowait()
            if sent:
                yield sent
            if item is None:
                return
            if isinstance(item, Exception):
                raise item
    finally:
        task.cancel()


async def _read(events: Events, ready: asyncio.Queue[bytes | Exception | None]) -> None:
    try:
        async with aclosing(events):
            async for event in events:
                await ready.put(event)
    except Exception as error:
        await ready.put(error)
    else:
        await ready.put(None)

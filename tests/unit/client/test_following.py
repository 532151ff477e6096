"""A stream that is cut is read on, from where it was cut."""

from __future__ import annotations

import asyncio
import json

import pytest

from hubkiln.client import AsyncClient
from hubkiln.client.following import TRIES, Following
from hubkiln.errors import Unreachable
from hubkiln.testing.loopback import Loopback


async def test_a_cut_stream_is_read_on_from_its_last_event() -> None:
    """Nothing is missing and nothing comes twice; a connection that brings nothing is made again, too."""
    asked: list[str] = []
    parts = [
        ['id: 1\ndata: {"type":"log","text":"a"}', 'id: 2\ndata: {"type":"log","text":"b"}'],
        [],
        ['id: 3\ndata: {"type":"log","text":"c"}', f"id: 3\ndata: {json.dumps({'type': 'end', 'build': {}})}"],
    ]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        asked.append(next((line for line in head.split("\r\n") if line.startswith("last-event-id")), ""))
        body = "".join(f"{event}\n\n" for event in parts.pop(0)).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n" + body)
        await writer.drain()

    async with Loopback(serve) as service, AsyncClient(f"http://{service.host}/x", "ada") as client:
        events = [event async for event in client.follow("1")]
    assert [event.text for event in events] == ["a", "b", "c", ""] and events[-1].kind == "end"
    assert asked == ["", "last-event-id: 2", "last-event-id: 2"]


def test_a_service_that_stays_away_is_given_up() -> None:
    """After so many connections in a row without news; pauses grow to a bound. An event counts them anew."""
    following = Following()
    pauses = [following.broke() for _ in range(TRIES)]
    assert pauses == sorted(pauses) and 20 < sum(pauses) < 60
    assert next(iter(following.line('data: {"type":"log","text":"x"}'))).text == "x"
    for _ in range(TRIES):
        following.broke()
    with pytest.raises(Unreachable, match="The build goes on"):
        following.broke()

"""How the service reads and writes HTTP: by a parser in C, with bounded heads, and an answer's beginning in one piece.

uvicorn bounds what its parser in Python reads, but not this one, and sends an answer's headers before its body.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

PIECE = 16 * 1024
"""Bytes that are gathered at most: a stream whose reader is slow must hear of it."""

LARGEST_HEAD = 64 * 1024
"""Bytes of a request's first line and headers; uvicorn's own number for its other parser."""


class Reading(HttpToolsProtocol):
    """One connection."""

    _begun = False
    """Whether the head of a request is over, and its end has not come."""
    _heard = False
    """Whether what has just been read told something."""
    _unread = 0
    """Bytes that told nothing yet: of a head, or behind a body, in one that comes in chunks."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_Gathering(transport, self.loop))  # type: ignore[arg-type]

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._begun:  # what comes behind a body is nobody's header
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._begun = self._heard = True
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            self.cycle.send = _Whole(self.cycle).send  # type: ignore[method-assign]

    def on_body(self, body: bytes) -> None:
        self._heard = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._begun, self._heard = False, True
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self._heard = False
        super().data_received(data)
        self._unread = 0 if self._heard else self._unread + len(data)
        if self._unread > LARGEST_HEAD and not self.transport.is_closing():
            if self._begun:
                self.transport.close()
            else:
                self._refuse()

    def send_400_response(self, msg: str) -> None:
        if len(self.url or b"") > LARGEST_HEAD // 2:  # all of it came at once, and the parser takes no more of one
            return self._refuse()
        return super().send_400_response(msg)

    def _refuse(self) -> None:
        """The head is too large: say which part of it, as all errors are said."""
        long_address = len(self.url) > LARGEST_HEAD // 2
        status = HTTPStatus.REQUEST_URI_TOO_LONG if long_address else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        what = "address is longer" if long_address else "headers are larger"
        hint = "Send what is long in a body, or put it into a repository." if long_address else ""
        error = {"code": "too_large", "message": f"The {what} than {LARGEST_HEAD // 1024} KiB.", "hint": hint}
        body = json.dumps({"error": error}).encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class _Whole:
    """Sends an answer in one piece of unknown length, which ends with its connection: HTTP/1.0 knows no chunks."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle, self._send = cycle, cycle.send
        self._endless = False

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            self._endless = b"content-length" not in {name.lower() for name, _ in message.get("headers", ())}
            if self._endless:
                self._cycle.chunked_encoding = False
        elif message["type"] == "http.response.body" and self._endless:
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._send(message)


class _Gathering:
    """A transport that sends what is written in one turn of the loop together."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self._size += len(data)
        if self._size > PIECE:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        pieces, self._pieces, self._size = self._pieces, [], 0
        if pieces:
            self._transport.write(b"".join(pieces))

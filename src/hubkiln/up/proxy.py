"""The proxy where Node's is not installed: streams both ways, so events arrive as they happen.

Routes and their REST interface are the PyPI package ``configurable-http-proxy``'s; the way data takes is ours,
because that package reads each answer to its end before passing it on, gives up after twenty seconds, decodes
``%2F`` in paths, and loses websockets' subprotocols. JupyterHub starts it with the options of Node's proxy.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from configurable_http_proxy.configproxy import PythonProxy
from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httpclient import AsyncHTTPClient, HTTPError
from tornado.httpserver import HTTPServer
from tornado.httputil import (
    HTTPConnection,
    HTTPHeaders,
    HTTPMessageDelegate,
    HTTPServerConnectionDelegate,
    RequestStartLine,
    ResponseStartLine,
)
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

log = logging.getLogger("hubkiln.proxy")

HOP_BY_HOP = ("Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
CHUNK = 65536
LARGEST = 1 << 40
"""Bytes of a body; it is passed on piece by piece, so this is no matter of memory."""


class Routes(PythonProxy):  # type: ignore[misc]
    """The table of routes, with times of last use in UTC as JupyterHub reads them."""

    def update_last_activity(self, prefix: str) -> None:
        """Note that `prefix` is used now."""
        if self._routes.get(prefix):
            self._routes.update(prefix, {"last_activity": datetime.now(UTC)})


class Forwarder(HTTPServerConnectionDelegate):
    """Passes each request on to the target of its route."""

    def __init__(self, routes: Routes, error_target: str = "") -> None:
        self.routes, self.error_target = routes, error_target.rstrip("/")
        self.tcp = TCPClient()

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """A new request."""
        return Exchange(self, request_conn)


class Exchange(HTTPMessageDelegate):
    """One request and its answer."""

    def __init__(self, forwarder: Forwarder, client: HTTPConnection) -> None:
        self._forwarder, self._client = forwarder, client
        self._upstream: HTTP1Connection | None = None
        self._stream: IOStream | None = None
        self._switching: HTTP1Connection | None = None
        self._prefix = ""
        self._answering: asyncio.Task[None] | None = None

    async def headers_received(self, start_line: Any, headers: HTTPHeaders) -> None:
        """Find the target and open the way to it."""
        self._client.set_close_callback(self.on_connection_close)  # type: ignore[attr-defined]
        path = start_line.path
        if path == "/_chp_healthz":
            await self._answer(200, b'{"status": "OK"}', "application/json")
            return
        found = self._forwarder.routes.target_for_req(None, urlsplit(path).path or "/")
        if found is None:
            await self._fail(404, path)
            return
        self._prefix = found["prefix"]
        self._forwarder.routes.update_last_activity(self._prefix)
        target = urlsplit(found["target"])
        try:
            self._stream = await self._forwarder.tcp.connect(target.hostname or "", target.port or 80)
        except OSError:
            await self._fail(503, path)
            return
        await self._send(start_line._replace(path=target.path.rstrip("/") + path, version="HTTP/1.1"), headers)

    async def _send(self, line: RequestStartLine, headers: HTTPHeaders) -> None:
        assert self._stream is not None
        parameters = HTTP1ConnectionParameters(no_keep_alive=True, chunk_size=CHUNK, max_body_size=LARGEST)
        self._upstream = HTTP1Connection(self._stream, True, parameters)
        passed = without_hops(headers)
        forwarded(passed, self._client.context)  # type: ignore[attr-defined]
        passed["Connection"] = "close"
        if asks_to_switch(headers):
            self._switching = self._upstream
            passed["Connection"], passed["Upgrade"] = "Upgrade", "websocket"
        await self._upstream.write_headers(line, passed)
        self._answering = asyncio.create_task(self._read(line.path))

    async def _read(self, path: str) -> None:
        assert self._upstream is not None and self._stream is not None
        answer = Answer(self._client, self._switching)
        with suppress(StreamClosedError):
            await self._upstream.read_response(answer)
        if answer.switched is not None:
            await self._tunnel(*answer.switched)
            return
        self._stream.close()
        if not answer.begun:
            with suppress(StreamClosedError):
                await self._fail(503, path)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """A piece of the request's body; returns when there is room for the next."""
        return self._upstream.write(chunk) if self._upstream is not None else None

    def finish(self) -> None:
        """The request is complete."""
        if self._upstream is not None:
            self._upstream.finish()

    def on_connection_close(self) -> None:
        """Whoever asked has gone: so does the way to the target."""
        if self._stream is not None:
            self._stream.close()

    async def _tunnel(self, line: ResponseStartLine, headers: HTTPHeaders) -> None:
        """
        From here on bytes are passed on unread: subprotocol and messages are the two ends' matter.

        Only the target's own word brings us here. Whoever is given a way past us before could send it further
        requests that say for whom they are passed on, and count as nobody's.
        """
        assert self._stream is not None
        client: IOStream = self._client.detach()  # type: ignore[attr-defined]
        lines = [f"HTTP/1.1 {line.code} {line.reason}", *(f"{name}: {value}" for name, value in headers.get_all())]
        with suppress(StreamClosedError):
            client.set_nodelay(True)
            self._stream.set_nodelay(True)
            await client.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await self._both_ways(client, self._stream)

    async def _both_ways(self, one: IOStream, other: IOStream) -> None:
        async def pass_on(source: IOStream, sink: IOStream) -> None:
            with suppress(StreamClosedError):
                while True:
                    await sink.write(await source.read_bytes(CHUNK, partial=True))
                    self._forwarder.routes.update_last_activity(self._prefix)
            source.close()
            sink.close()

        await asyncio.gather(pass_on(one, other), pass_on(other, one))

    async def _fail(self, code: int, path: str) -> None:
        """Answer with JupyterHub's own error page, or with a line of text where the hub cannot be asked."""
        page = f"{code}\n".encode()
        if self._forwarder.error_target:
            url = f"{self._forwarder.error_target}/{code}?url={quote(path)}"
            with suppress(OSError, HTTPError):
                page = (await AsyncHTTPClient().fetch(url, raise_error=False, request_timeout=5)).body
        await self._answer(code, page, "text/html")

    async def _answer(self, code: int, body: bytes, kind: str) -> None:
        headers = HTTPHeaders({"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"})
        await self._client.write_headers(ResponseStartLine("HTTP/1.1", code, ""), headers, body)
        self._client.finish()


class Answer(HTTPMessageDelegate):
    """Passes the target's answer on to whoever asked."""

    def __init__(self, client: HTTPConnection, switching: HTTP1Connection | None = None) -> None:
        """`switching` is the way to a target that was asked to speak something else."""
        self._client, self._switching, self.begun = client, switching, False
        self.switched: tuple[ResponseStartLine, HTTPHeaders] | None = None
        """What the target said when it agreed to speak something else from there on."""

    def headers_received(self, start_line: Any, headers: HTTPHeaders) -> Awaitable[None] | None:
        """Status and headers."""
        if start_line.code == 101 and self._switching is not None:
            self._switching.detach()
            self.begun, self.switched = True, (start_line, headers)
        if start_line.code < 200:
            return None  # the answer is still to come
        self.begun = True
        return self._client.write_headers(start_line, without_hops(headers))

    def data_received(self, chunk: bytes) -> Awaitable[None]:
        """A piece of the body; the next is read when this one is on its way."""
        return self._client.write(chunk)

    def finish(self) -> None:
        """The answer is complete."""
        self._client.finish()

    def on_connection_close(self) -> None:
        """The target went away in the middle; so do we, or the piece would look like the whole."""
        if self.begun:
            stream: IOStream | None = getattr(self._client, "stream", None)
            if stream is not None:
                stream.close()


def without_hops(headers: HTTPHeaders) -> HTTPHeaders:
    """A copy of `headers` without those that are for one connection only."""
    passed = HTTPHeaders(headers)
    named = [name.strip() for name in headers.get("Connection", "").split(",") if name.strip()]
    for name in (*HOP_BY_HOP, *named):
        passed.pop(name, None)
    return passed


def asks_to_switch(headers: HTTPHeaders) -> bool:
    """Whether a request asks to speak as websockets do, and has no body that would be in the way."""
    bare = "Transfer-Encoding" not in headers and headers.get("Content-Length", "0").strip("0") == ""
    return bare and headers.get("Upgrade", "").lower() == "websocket"


def forwarded(headers: HTTPHeaders, context: Any) -> None:
    """Say for whom the request is passed on."""
    host = headers.get("Host", "")
    port = host.rpartition(":")[2] if host.rpartition(":")[2].isdecimal() else "80"
    before = headers.get("X-Forwarded-For")
    headers["X-Forwarded-For"] = f"{before}, {context.remote_ip}" if before else str(context.remote_ip)
    headers.setdefault("X-Forwarded-Proto", "http")
    headers.setdefault("X-Forwarded-Port", port)
    headers.setdefault("X-Forwarded-Host", host)


async def serve(options: argparse.Namespace, token: str) -> None:
    """Listen until cancelled."""
    routes = Routes({"auth_token": token, "log": log})
    front = HTTPServer(Forwarder(routes, options.error_target), max_body_size=LARGEST, chunk_size=CHUNK)
    front.listen(options.port, options.ip)
    HTTPServer(routes.api_app).listen(options.api_port, options.api_ip)
    await asyncio.Event().wait()


def main(arguments: list[str] | None = None) -> None:
    """Take the options that JupyterHub gives to its proxy."""
    parser = argparse.ArgumentParser(description="Proxy for JupyterHub that streams.")
    parser.add_argument("--ip", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--api-ip", default="127.0.0.1")
    parser.add_argument("--api-port", type=int, default=8001)
    parser.add_argument("--error-target", default="")
    parser.add_argument("--log-level", default="info")
    options = parser.parse_args(arguments)
    level = {"debug": logging.DEBUG, "info": logging.WARNING, "warn": logging.WARNING}.get(
        options.log_level, logging.ERROR
    )
    logging.basicConfig(level=level)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(options, os.environ.get("CONFIGPROXY_AUTH_TOKEN", "")))


if __name__ == "__main__":
    main()

"""The proxy streams both ways and leaves what passes through it alone: real sockets on loopback."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler, stream_request_body
from tornado.websocket import WebSocketHandler, websocket_connect

from hubkiln.up.proxy import LARGEST, Forwarder, Routes

TOKEN = "t"


class Target:
    """What the target saw, and what it waits for."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.left = asyncio.Event()
        self.headers: dict[str, str] = {}


class Echo(RequestHandler):
    """Says which path was asked for."""

    def initialize(self, target: Target) -> None:
        """Keep the target."""
        self.target = target

    def get(self) -> None:
        """The raw path and query."""
        self.target.headers = dict(self.request.headers)
        self.set_header("X-Kept", "yes")
        self.write(self.request.uri or "")

    head = get

    def delete(self) -> None:
        """Nothing to say."""
        self.set_status(204)


class Events(RequestHandler):
    """An event at once, the next when told."""

    def initialize(self, target: Target) -> None:
        """Keep the target."""
        self.target = target

    async def get(self) -> None:
        """Two events."""
        self.set_header("Content-Type", "text/event-stream")
        self.write("data: one\n\n")
        await self.flush()
        await self.target.go_on.wait()
        self.write("data: two\n\n")

    def on_connection_close(self) -> None:
        """The reader went away."""
        self.target.left.set()


@stream_request_body
class Upload(RequestHandler):
    """Digest of a body of any size."""

    def prepare(self) -> None:
        """Start counting."""
        self.digest = hashlib.sha256()
        self.request.connection.set_max_body_size(LARGEST)  # type: ignore[union-attr]

    def data_received(self, chunk: bytes) -> None:
        """A piece."""
        self.digest.update(chunk)

    def post(self) -> None:
        """The digest."""
        self.write(self.digest.hexdigest())


class Talk(WebSocketHandler):
    """Repeats messages, with a subprotocol."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Choose the last offered."""
        return subprotocols[-1] if subprotocols else None

    def on_message(self, message: Any) -> None:
        """Say it again."""
        self.write_message(message, binary=isinstance(message, bytes))


def listen(server: HTTPServer) -> str:
    """Listen on a free port; the address."""
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    return f"http://127.0.0.1:{sockets[0].getsockname()[1]}"


@dataclass
class Running:
    """A proxy and a target behind it."""

    url: str
    api: str
    target: Target
    client: httpx.AsyncClient
    target_server: HTTPServer


@pytest.fixture
async def proxy() -> AsyncIterator[Running]:
    """A proxy with one route, ``/base/``."""
    target = Target()
    paths = [("/base/events", Events, {"target": target}), ("/base/upload", Upload), ("/base/ws", Talk)]
    servers = [HTTPServer(Application([*paths, ("/.*", Echo, {"target": target})], websocket_max_message_size=1 << 26))]  # type: ignore[list-item]
    address = listen(servers[0])
    routes = Routes({"auth_token": TOKEN, "log": logging.getLogger("test")})
    routes.add_route("/base", {"target": address})
    routes.add_route("/gone", {"target": "http://127.0.0.1:9"})
    servers += [HTTPServer(Forwarder(routes), max_body_size=LARGEST), HTTPServer(routes.api_app)]
    async with httpx.AsyncClient(timeout=60) as client:
        yield Running(listen(servers[1]), listen(servers[2]), target, client, servers[0])
    for server in servers:
        server.stop()
        await server.close_all_connections()


async def test_an_encoded_slash_stays_encoded(proxy: Running) -> None:
    """A repository's URL inside a path reaches the target as it was written, query included."""
    answer = await proxy.client.get(f"{proxy.url}/base/build/git/https%3A%2F%2Fhost%2Fr.git/HEAD?a=%2F&b=c+d")
    assert answer.text == "/base/build/git/https%3A%2F%2Fhost%2Fr.git/HEAD?a=%2F&b=c+d"
    assert answer.headers["X-Kept"] == "yes"


async def test_events_arrive_while_the_answer_goes_on(proxy: Running) -> None:
    """The first event is here before the second exists."""
    async with proxy.client.stream("GET", f"{proxy.url}/base/events") as answer:
        pieces = answer.aiter_text()
        assert await anext(pieces) == "data: one\n\n"
        proxy.target.go_on.set()
        assert await anext(pieces) == "data: two\n\n"


async def test_a_reader_who_leaves_frees_the_target(proxy: Running) -> None:
    """A closed tab closes the way to the target."""
    async with proxy.client.stream("GET", f"{proxy.url}/base/events") as answer:
        await anext(answer.aiter_text())
    async with asyncio.timeout(60):
        await proxy.target.left.wait()


async def test_large_bodies_pass(proxy: Running) -> None:
    """An upload larger than any buffer arrives whole, sent in pieces or at once."""
    body = bytes(range(256)) * (40 << 12)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 20):
            yield body[start : start + (1 << 20)]

    expected = hashlib.sha256(body).hexdigest()
    assert (await proxy.client.post(f"{proxy.url}/base/upload", content=body)).text == expected
    assert (await proxy.client.post(f"{proxy.url}/base/upload", content=pieces())).text == expected


async def test_answers_without_a_body_pass(proxy: Running) -> None:
    """HEAD and 204 do not hang."""
    head = await proxy.client.head(f"{proxy.url}/base/x")
    assert head.status_code == 200 and head.headers["Content-Length"] == "7" and head.content == b""
    assert (await proxy.client.delete(f"{proxy.url}/base/x")).status_code == 204


async def test_the_target_is_told_who_asks(proxy: Running) -> None:
    """Host and forwarding headers are as JupyterHub expects them."""
    await proxy.client.get(f"{proxy.url}/base/x", headers={"X-Forwarded-For": "10.0.0.1", "Host": "hub.example:8443"})
    told = proxy.target.headers
    assert told["Host"] == "hub.example:8443" and told["X-Forwarded-For"] == "10.0.0.1, 127.0.0.1"
    assert told["X-Forwarded-Port"] == "8443" and told["X-Forwarded-Proto"] == "http"


@pytest.mark.parametrize("message", ["text", b"bytes", b"x" * (20 << 20)])
async def test_websockets_pass_with_their_subprotocol(proxy: Running, message: Any) -> None:
    """Kernels talk through it: binary, large, and with the subprotocol that the target chose."""
    request = HTTPRequest(f"{proxy.url.replace('http', 'ws')}/base/ws")
    connection = await websocket_connect(request, subprotocols=["a", "v1.kernel"], max_message_size=1 << 26)
    assert connection.selected_subprotocol == "v1.kernel"
    await connection.write_message(message, binary=isinstance(message, bytes))
    assert await connection.read_message() == message
    connection.close()
    assert await connection.read_message() is None


@pytest.mark.parametrize("more", ["", "Content-Length: 1\r\n"])
async def test_no_way_leads_past_the_proxy_to_who_does_not_switch(proxy: Running, more: str) -> None:
    """
    A request that asks for a websocket where there is none is one request: what follows is passed on like any other.

    Otherwise it could say itself for whom it is passed on, and get round the pauses of a login.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    switch = f"Connection: Upgrade\r\nUpgrade: websocket\r\n{more}"
    further = b"GET /base/y HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\nConnection: close\r\n\r\n"
    async with asyncio.timeout(60):
        try:
            writer.write(f"GET /base/x HTTP/1.1\r\nHost: h\r\n{switch}\r\n{'a' if more else ''}".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(further)
            await reader.read()
        finally:
            writer.close()
            await writer.wait_closed()
    assert proxy.target.headers.get("X-Forwarded-For") != "192.0.2.7"


async def test_no_route_and_no_target_are_said(proxy: Running) -> None:
    """404 for an unknown path, 503 for a target that is gone."""
    assert (await proxy.client.get(f"{proxy.url}/nowhere")).status_code == 404
    assert (await proxy.client.get(f"{proxy.url}/gone/x")).status_code == 503
    assert (await proxy.client.post(f"{proxy.url}/gone/x", content=b"x" * 1000)).status_code == 503


async def test_the_error_page_is_the_hubs(proxy: Running) -> None:
    """Where a hub is known, its page is shown."""
    routes = Routes({"auth_token": TOKEN, "log": logging.getLogger("test")})
    target = listen(proxy.target_server)
    server = HTTPServer(Forwarder(routes, f"{target}/hub/error"))
    answer = await proxy.client.get(f"{listen(server)}/nope")
    assert (answer.status_code, answer.text) == (404, "/hub/error/404?url=/nope")
    server.stop()


async def test_routes_are_changed_through_the_rest_interface(proxy: Running) -> None:
    """JupyterHub adds, lists and deletes routes with the token only; times of use are in UTC."""
    headers = {"Authorization": f"token {TOKEN}"}
    assert (await proxy.client.get(f"{proxy.api}/api/routes")).status_code == 403
    target = (await proxy.client.get(f"{proxy.api}/api/routes", headers=headers)).json()["/base"]["target"]
    added = await proxy.client.post(f"{proxy.api}/api/routes/user/ada%20b", json={"target": target}, headers=headers)
    assert added.status_code == 201
    assert (await proxy.client.get(f"{proxy.url}/user/ada%20b/x")).text == "/user/ada%20b/x"
    listed = (await proxy.client.get(f"{proxy.api}/api/routes", headers=headers)).json()
    assert listed["/user/ada b"]["last_activity"].endswith("+00:00")
    assert (await proxy.client.delete(f"{proxy.api}/api/routes/user/ada%20b", headers=headers)).status_code == 204
    assert (await proxy.client.get(f"{proxy.url}/user/ada%20b/x")).status_code == 404


async def test_many_events_at_once_do_not_stop_others(proxy: Running) -> None:
    """Fifty open streams leave room for the next request."""
    async with httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=60) as client:
        requests = [client.build_request("GET", f"{proxy.url}/base/events") for _ in range(50)]
        open_streams = [await client.send(request, stream=True) for request in requests]
        assert (await client.get(f"{proxy.url}/base/x")).status_code == 200
        for stream in open_streams:
            await stream.aclose()

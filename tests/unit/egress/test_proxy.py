"""The proxy between a step and the network: whom it lets out, what it passes on, and what it refuses to understand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

import pytest

from hubkiln.egress.allowed import read_reach
from hubkiln.egress.proxy import StepProxy


@dataclass
class Server:
    """One that answers every request with what it got, and ends."""

    port: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For as long as the context is open."""
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return
        self.heads.append(head)
        if b"Content-Length: 4" in head:
            self.bodies.append(await reader.readexactly(4))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """On loopback."""
    made = Server()
    async with made.running():
        yield made


@dataclass
class Asked:
    """A proxy, and what it said."""

    proxy: StepProxy
    log: list[str]

    async def answer(self, request: str) -> str:
        """All that the proxy sends when it gets `request`."""
        listener = socket.create_server(("127.0.0.1", 0))
        async with self.proxy.serve(listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request.encode("latin-1"))
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        return answer.decode("latin-1")


def asked(reach: str, *found: str) -> Asked:
    """A proxy for `reach`, for which every name has the addresses `found` in turn, one for each look."""
    log: list[str] = []
    answers = iter(found)

    async def lookup(host: str, port: int) -> Sequence[str]:
        return [next(answers)]

    return Asked(StepProxy(read_reach(reach), log.append, lookup=lookup), log)


async def test_a_request_is_passed_on_in_the_servers_form(server: Server) -> None:
    """Path alone, the host's own name, nothing of the connection to us; body as long as it says."""
    request = (
        f"POST http://index.lan:{server.port}/a?b HTTP/1.1\r\nHost: other.lan\r\nProxy-Authorization: secret\r\n"
        "Connection: keep-alive\r\nX-Kept: yes\r\nContent-Length: 4\r\n\r\nbodyGET http://more/ HTTP/1.1\r\n\r\n"
    )
    answer = await asked("index.lan", "127.0.0.1").answer(request)
    assert answer.endswith("\r\n\r\nok")
    lines = server.heads[0].decode().split("\r\n")
    assert lines[:2] == ["POST /a?b HTTP/1.1", f"Host: index.lan:{server.port}"]
    assert "X-Kept: yes" in lines and lines[-3] == "Connection: close"
    assert not [line for line in lines if "secret" in line or "keep-alive" in line or "other.lan" in line]
    assert server.bodies == [b"body"] and len(server.heads) == 1


async def test_a_tunnel_carries_whatever_is_said(server: Server) -> None:
    """Both ways, to the end."""
    answer = await asked("127.0.0.0/8", "127.0.0.1").answer(
        f"CONNECT some.lan:{server.port} HTTP/1.1\r\nHost: x\r\n\r\nGET /inner HTTP/1.1\r\n\r\n"
    )
    assert answer.startswith("HTTP/1.1 200 Connected\r\n\r\nHTTP/1.1 200 OK") and answer.endswith("ok")
    assert server.heads == [b"GET /inner HTTP/1.1\r\n\r\n"]


async def test_the_address_that_was_checked_is_the_one_connected_to(server: Server) -> None:
    """A name that means something else a moment later is asked for once."""
    seen = asked("public other.lan", "127.0.0.1", "8.8.8.8")
    answer = await seen.answer(f"CONNECT rebound.net:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n")
    what = f"rebound.net:{server.port}, an address inside this network,"
    assert answer.startswith(f"HTTP/1.1 403 Builds may not reach {what} here\r\n")
    assert seen.proxy.refused == [what]
    assert seen.log == [f"Note: builds may not reach {what} here.\n"]
    assert server.heads == []


async def test_what_listens_at_an_own_address_is_not_reached_though_it_is_public(server: Server) -> None:
    """By whichever name; a firewall in front of the machine would not see it."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return ["8.8.4.4"]

    log: list[str] = []
    proxy = StepProxy(read_reach("public"), log.append, lookup=lookup, own=lambda: {ip_address("8.8.4.4")})
    answer = await Asked(proxy, log).answer("CONNECT hub.example.org:9200 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith("HTTP/1.1 403 Builds may not reach hub.example.org:9200, an address inside this network,")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET https://a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET http://a/ HTTP/2\r\n\r\n", 400),
        ("GET http://user@a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET http://a/\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("CONNECT a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("CONNECT a:99999 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("CONNECT a:1/b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\n\r\n", 400),
        ("get http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.7\r\nHost: a\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nX: y\nZ: w\r\n\r\n", 400),
        ("POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
        ("POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 501),
        ("POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST http://a/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET http://a/ HTTP/1.1\r\nHost: a\r\nX: " + "y" * 200_000 + "\r\n\r\n", 431),
        ("\x16\x03\x01 TLS\r\n\r\n", 400),
    ],
)
async def test_what_does_not_mean_one_thing_is_refused(request_text: str, status: int) -> None:
    """Nothing is looked up for it."""
    assert (await asked("all.lan").answer(request_text)).startswith(f"HTTP/1.1 {status} ")


async def test_a_host_that_does_not_answer_is_told(unused_port: int) -> None:
    """502, as proxies do, with the reason."""
    answer = await asked("127.0.0.0/8", "127.0.0.1").answer(f"CONNECT a.lan:{unused_port} HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith("HTTP/1.1 502 ")


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


async def test_at_the_end_every_connection_is_cut(server: Server) -> None:
    """Also a tunnel through which nothing is said."""
    proxy = asked("127.0.0.0/8", "127.0.0.1").proxy
    listener = socket.create_server(("127.0.0.1", 0))
    async with proxy.serve(listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(f"CONNECT a.lan:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connected\r\n\r\n"
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_this_machines_own_proxy_is_used(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It connects, with the password that a step never sees; the name decides, and is not looked up here."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", f"http://me:s%40cret@127.0.0.1:{server.port}")
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.port}")
    seen = asked("pypi.org")
    assert (await seen.answer("GET http://pypi.org/simple HTTP/1.1\r\nHost: x\r\n\r\n")).endswith("ok")
    assert (await seen.answer("CONNECT pypi.org:443 HTTP/1.1\r\nHost: x\r\n\r\n")).endswith("ok")
    assert (await seen.answer("GET http://evil.org/ HTTP/1.1\r\nHost: x\r\n\r\n")).startswith("HTTP/1.1 403")
    plain, tunnel = (head.decode().split("\r\n") for head in server.heads)
    assert plain[0] == "GET http://pypi.org:80/simple HTTP/1.1"
    assert "Proxy-Authorization: Basic bWU6c0BjcmV0" in plain
    assert tunnel[:2] == ["CONNECT pypi.org:443 HTTP/1.1", "Host: pypi.org:443"]

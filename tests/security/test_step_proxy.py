"""What builds may reach, attacked: behind a proxy of the machine's own, with names and addresses in odd spellings."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest

from hubkiln.egress.allowed import read_reach
from hubkiln.egress.proxy import StepProxy
from hubkiln.testing.loopback import Loopback

INSIDE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "017700000001", "localhost", "x.localhost", "169.254.169.254",
    "192.0.0.192", "[::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "metadata.google.internal", "intranet",
    "printer.local", "db.corp.", "METADATA.GOOGLE.INTERNAL",
]  # fmt: skip


async def nobody(host: str, port: int) -> Sequence[str]:
    """Names are looked up by the machine's proxy."""
    raise AssertionError(host)


async def answer(proxy: StepProxy, request: str) -> str:
    """What a step gets for `request`."""
    listener = socket.create_server(("127.0.0.1", 0))
    async with proxy.serve(listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(request.encode())
        said = await reader.readline()
        writer.close()
        await writer.wait_closed()
    return said.decode()


class Machine:
    """The proxy that the machine needs; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize("form", ["CONNECT {host}:443 HTTP/1.1", "GET http://{host}/ HTTP/1.1"])
async def test_the_machines_proxy_is_not_asked_for_what_lies_inside(
    host: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands inside, and would get there; `public` means what the public internet has."""
    machine = Machine()
    async with Loopback(machine) as server:
        for name in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://{server.host}")
        monkeypatch.delenv("no_proxy", raising=False)
        proxy = StepProxy(read_reach("public"), lambda text: None, lookup=nobody)
        said = await answer(proxy, f"{form.format(host=host)}\r\nHost: x\r\n\r\n")
    assert said.startswith("HTTP/1.1 403") and machine.asked == []


@pytest.mark.parametrize("host", ["pypi.org", "8.8.8.8", "[2606:50c0:8000::153]", "wiki.corp"])
async def test_the_machines_proxy_is_asked_for_what_is_allowed(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Public names and addresses, and hosts that the admin names."""
    machine = Machine()
    async with Loopback(machine) as server:
        monkeypatch.setenv("https_proxy", f"http://{server.host}")
        proxy = StepProxy(read_reach("public wiki.corp"), lambda text: None, lookup=nobody)
        said = await answer(proxy, f"CONNECT {host}:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.startswith("HTTP/1.1 200") and len(machine.asked) == 1

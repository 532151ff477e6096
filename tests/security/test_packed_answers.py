"""What a host says of how its answer is packed costs it more than us: nothing is unpacked twice, or all at once."""

from __future__ import annotations

import gzip
import tracemalloc
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterator
from ipaddress import ip_network

import httpx
import pytest

from hubkiln.egress import Guard, pieces_of
from hubkiln.errors import HubkilnError, Unreachable
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.packages import SimpleIndex
from hubkiln.repositories.api import Api
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.loopback import Loopback

MIB = 1 << 20
ONCE = gzip.compress(bytes(64 * MIB), 1)
TWICE = gzip.compress(ONCE * 4)
"""A few KiB, of which httpx would make 256 MiB."""
ALLOWED = Guard([ip_network("127.0.0.0/8")])


class Packer:
    """Answers every request with `body`, said to be packed as `packing`."""

    def __init__(self, body: bytes, packing: str) -> None:
        self.body, self.packing = body, packing

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {self.packing}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n".encode() + self.body)
        await writer.drain()


async def read(packer: Packer) -> bytes:
    """What it answers with."""
    async with (
        Loopback(packer) as host,
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", f"http://{host.host}/") as answer,
    ):
        return b"".join([piece async for piece in pieces_of(answer)])


@pytest.fixture
def most_memory() -> Iterator[Callable[[], int]]:
    """Bytes that were asked for since, at most at a time."""
    tracemalloc.start(1)
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


@pytest.mark.parametrize("packing", ["gzip, gzip", "deflate, gzip"])
async def test_a_small_answer_that_stands_for_a_large_one_takes_little_memory(
    packing: str, most_memory: Callable[[], int]
) -> None:
    """Of hosts of repositories, of an index and of a registry: it is an error of theirs before it is in memory."""
    async with (
        Loopback(Packer(TWICE, packing)) as host,
        RegistryClient(RegistrySettings(attempts=1), credentials=FixedLogins({})) as registry,
    ):
        with pytest.raises(Unreachable):
            await Api(ALLOWED).get(f"http://{host.host}/x", missing="no")
        with pytest.raises(Unreachable):
            await SimpleIndex(f"http://{host.host}/simple").files("humanize")
        with pytest.raises(HubkilnError):
            await registry.manifest(parse_name(f"{host.host}/x"))
        assert most_memory() < 48 * MIB


@pytest.mark.parametrize(
    ("body", "packing"),
    [(gzip.compress(b"text")[:-4], "gzip"), (b"no gzip", "gzip"), (b"?", "br")],
    ids=["cut", "not packed", "packed as nobody asked"],  # what is packed holds the time
)
async def test_a_packed_answer_that_cannot_be_read_is_no_answer(body: bytes, packing: str) -> None:
    """One that is cut, none at all, and one that nobody asked for."""
    with pytest.raises(httpx.DecodingError):
        await read(Packer(body, packing))


async def test_an_answer_packed_once_is_read() -> None:
    """Indexes pack their long pages."""
    text = b'{"files": []}' + b" " * MIB
    assert await read(Packer(gzip.compress(text), "gzip")) == text

"""What steps bring: taken from whoever has the pod's token, whole, whatever others send or keep open."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from hubkiln.pods import agent
from hubkiln.pods.uploads import MOST_OF_ONE, MOST_STRANGERS, SILENCE_SECONDS, Upload, Uploads
from hubkiln.processes import free_port

NAME, TOKEN = "hubkiln-step-1", "only-once"
END = bytes(4)
"""Of what is brought: nothing more has changed."""

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter, str]
"""A connection, and what the service said first."""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
async def upload(port: int, tmp_path: Path) -> AsyncIterator[Upload]:
    """One that is expected."""
    uploads = Uploads("127.0.0.1", port)
    async with uploads.expect(NAME, TOKEN, tmp_path / "sent", 10_000) as expected:
        yield expected
    await uploads.close()


async def begun(port: int, address: str = "127.0.0.1") -> Line:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    return reader, writer, (await reader.readline()).decode().strip().rpartition(" ")[2]


async def asked(line: Line, token: str) -> str:
    """What is answered to a pod that proves it has `token`."""
    reader, writer, new = line
    writer.write(f"{agent.HELLO} {NAME} {agent.proof(token, 'upload', new)}\n".encode())
    return (await reader.readline()).decode().strip()


async def ended(line: Line) -> bytes:
    """What is said to the end, once we say no more."""
    reader, writer, _ = line
    writer.write_eof()
    told = await reader.read()
    writer.close()
    await writer.wait_closed()
    return told


async def left(line: Line) -> None:
    """Gone without a word, whatever became of the connection."""
    line[1].close()
    with suppress(OSError):
        await line[1].wait_closed()


async def test_an_agent_brings_what_changed(port: int, upload: Upload) -> None:
    """Its file is there before it ends."""
    order = {"name": NAME, "service": ["127.0.0.1", port]}
    assert await asyncio.to_thread(agent.sent, order, TOKEN, {}, {}) == 0
    await upload.arrived


async def test_who_has_not_the_token_brings_nothing(port: int, upload: Upload) -> None:
    """Nor does who has heard what another agent said: it is good for one connection."""
    line = await begun(port)
    assert await asked(line, "another") == "no"
    assert await ended(line) == b""
    _, writer, new = await begun(port)
    heard = agent.proof(TOKEN, "upload", new)
    writer.close()
    await writer.wait_closed()
    line = await begun(port)
    line[1].write(f"{agent.HELLO} {NAME} {heard}\n".encode())
    assert await ended(line) == b"no\n"
    assert not upload.arrived.done()


async def test_what_was_exchanged_on_the_way_is_not_taken(port: int, upload: Upload) -> None:
    """It is sealed with the token, which was never sent."""
    line = await begun(port)
    assert await asked(line, TOKEN) == "go"
    line[1].write(END + agent.sealed("a guess", hashlib.sha256(END).digest()))
    assert await ended(line) == b"" and not upload.arrived.done()
    line = await begun(port)
    assert await asked(line, TOKEN) == "go"
    key = agent.proof(TOKEN, "content", line[2])
    line[1].write(END + agent.sealed(key, hashlib.sha256(END).digest()))
    assert await ended(line) == b"kept\n" and upload.arrived.done()


async def test_who_says_nothing_keeps_nobody_out(port: int, upload: Upload) -> None:
    """Not even those of the same address, as all pods of a node may be: the first that is silent makes room."""
    line = await begun(port)
    assert await asked(line, TOKEN) == "go"
    silent = [await begun(port) for _ in range(MOST_OF_ONE + 1)]
    assert await silent[0][0].read() == b""
    assert await asked(silent[1], "a guess") == "elsewhere"
    key = agent.proof(TOKEN, "content", line[2])
    line[1].write(END + agent.sealed(key, hashlib.sha256(END).digest()))
    assert await ended(line) == b"kept\n" and upload.arrived.done()
    for one in silent:
        await left(one)


async def test_many_addresses_keep_nobody_out(port: int, upload: Upload) -> None:
    """Where all have the connections that they can have, one of whom has most makes room."""
    each = range(MOST_STRANGERS // MOST_OF_ONE)
    silent = [await begun(port, f"127.0.1.{which}") for which in each for _ in range(MOST_OF_ONE)]
    line = await begun(port)
    assert await silent[0][0].read() == b""
    assert await asked(line, TOKEN) == "go"
    for one in (*silent, line):
        await left(one)


async def test_nothing_comes_for_a_step_that_has_ended(port: int, tmp_path: Path) -> None:
    """Who has its token, kept it and sends on, or says nothing more, is cut off, and no place is taken by it."""
    uploads = Uploads("127.0.0.1", port)
    async with uploads.expect(NAME, TOKEN, tmp_path / "sent", 10_000):
        line = await begun(port)
        assert await asked(line, TOKEN) == "go"
    async with asyncio.timeout(SILENCE_SECONDS / 4):
        assert await line[0].read() == b""
    await left(line)
    await uploads.close()

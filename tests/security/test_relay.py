"""The relay between a server's address and its sandbox: whole bytes in order, for as long as the sandbox lives."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from sandbox_user import ORDINARY_UID, can_be_ordinary, open_folder

from hubkiln.processes import ProcessId
from hubkiln.removal import remove
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Network, Room, SandboxSettings, Way, Ways
from hubkiln.sandbox.running import SandboxRunning
from hubkiln.spawners.addresses import bound

pytestmark = pytest.mark.sandbox

ECHO = """
import asyncio, sys
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    where = sys.argv[1]
    if where.isdecimal():
        server = await asyncio.start_server(echo, '127.0.0.1', int(where))
    else:
        server = await asyncio.start_unix_server(echo, where)
    await server.serve_forever()
asyncio.run(main())
"""
"""Gives back what it gets, and ends a connection when the other side has."""

MIB = 1024**2


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    made = open_folder()
    yield made
    remove(made)  # also the kernel's folders, which have no permissions


@pytest.fixture
def engine(folder: Path) -> SandboxEngine:
    """An engine of ours."""
    return SandboxEngine(SandboxSettings(state=folder / "state"))


@pytest.fixture(params=[Network.OWN, Network.HOST])
def network(request: pytest.FixtureRequest) -> Network:
    """Both networks that a server can have."""
    return Network(request.param)


@asynccontextmanager
async def served(
    engine: SandboxEngine, folder: Path, network: Network, code: str = ECHO, out: tuple[Way, ...] = ()
) -> AsyncIterator[tuple[SandboxRunning, int]]:
    """A server that runs `code`, and the port at which it can be reached."""
    private = folder / "private"
    private.mkdir(mode=0o700, exist_ok=True)
    if engine.identity.privileged:
        os.chown(private, engine.identity.uid, engine.identity.gid)
    with bound("127.0.0.1", 0) as listener:
        port = int(listener.getsockname()[1])
        where = str(port) if network is Network.OWN else "/run/private/sock"
        room = Room(network=network, mounts=(Mount(source=private, target="/run/private", writable=True),))
        file = private / "sock" if network is Network.HOST else None
        ways = Ways(listener=listener, file=file, out=out)
        running = await engine.start(room, ["/usr/bin/python3", "-c", code, where], log=folder / "log", ways=ways)
    try:
        yield running, port
    finally:
        await running.stop(grace=0)


async def connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection, once the server is there."""
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.01)


async def test_nobody_else_can_have_the_address_before_the_server_has_it(network: Network) -> None:
    """From the moment it is known the port is taken, with every option that lets sockets share one."""
    with bound("127.0.0.1", 0) as listener:
        for option in (0, socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            with socket.socket() as rival:
                if option:
                    rival.setsockopt(socket.SOL_SOCKET, option, 1)
                with pytest.raises(OSError, match="in use"):
                    rival.bind(("127.0.0.1", listener.getsockname()[1]))


async def test_everything_arrives_once_and_in_order(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """A large upload comes back whole; the end of one direction is passed on while the other goes on."""
    async with served(engine, folder, network) as (_, port):
        reader, writer = await connected(port)
        piece = os.urandom(MIB)
        sent, got, size = hashlib.sha256(), hashlib.sha256(), 0

        async def send() -> None:
            for number in range(48):
                data = piece[number:] + piece[:number]
                sent.update(data)
                writer.write(data)
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        while data := await reader.read(MIB):
            got.update(data)
            size += len(data)
        await sending
        writer.close()
    assert size == 48 * MIB and got.digest() == sent.digest()


async def test_a_reader_that_pauses_makes_the_sender_wait(engine: SandboxEngine, folder: Path) -> None:
    """What nobody takes is not kept in memory: a sender of much gets stuck, and the relay stays small."""
    async with served(engine, folder, Network.OWN) as (running, port):
        _, writer = await connected(port)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 500 * MIB:
                writer.write(bytes(MIB))
                async with asyncio.timeout(0.5):
                    await writer.drain()
                sent += MIB
        assert sent < 200 * MIB  # the kernel's own buffers, at each of four connections
        relay = str(running.to_state()["relay"][0])
        listed = await asyncio.create_subprocess_exec("ps", "-o", "rss=", "-p", relay, "--ppid", relay, stdout=-1)
        sizes = [int(size) for size in (await listed.communicate())[0].split()]
        assert len(sizes) == 2 and max(sizes) < 30_000
        writer.transport.abort()


async def test_many_connections_at_once(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """Notebooks keep dozens of websockets open; each is its own."""
    async with served(engine, folder, network) as (_, port):

        async def talk(number: int) -> bool:
            reader, writer = await connected(port)
            text = f"{number}\n".encode()
            writer.write(text)
            answer = await reader.readline()
            writer.close()
            return answer == text

        assert all(await asyncio.gather(*map(talk, range(200))))


async def test_a_server_that_does_not_listen_yet_is_refused_not_hung(engine: SandboxEngine, folder: Path) -> None:
    """Whoever asks early is refused as by a port where nobody is, and can ask again."""
    async with served(engine, folder, Network.OWN, "import time; time.sleep(60)") as (_, port):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_what_the_hub_offers_is_reached_and_nothing_beside_it(engine: SandboxEngine, folder: Path) -> None:
    """A way leads to one address; the rest of our loopback is not there."""
    code = """
import socket, sys
def ask(port):
    try:
        with socket.create_connection(('127.0.0.1', port), 5) as hub:
            return hub.makefile().readline().strip()
    except OSError as error:
        return type(error).__name__
print(ask(8081), ask(int(sys.argv[2])), flush=True)
import time; time.sleep(60)
"""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as hub:
        hub_port = hub.sockets[0].getsockname()[1]
        out = (Way(port=8081, host="127.0.0.1", to=hub_port),)
        code = code.replace("sys.argv[2]", str(hub_port))
        async with served(engine, folder, Network.OWN, code, out):
            while not (said := (folder / "log").read_text()):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert said == "hello ConnectionRefusedError\n"


async def test_another_user_of_the_machine_is_sent_away(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """The address is for the proxy: a connection of another uid is closed without a byte."""
    if not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    async with served(engine, folder, network) as (_, port):
        _, writer = await connected(port)
        writer.close()
        code = f"import socket; s = socket.create_connection(('127.0.0.1', {port})); s.send(b'x'); print(s.recv(1))"
        words = ["setpriv", f"--reuid={ORDINARY_UID}", "--clear-groups", "/usr/bin/python3", "-c", code]
        stranger = await asyncio.create_subprocess_exec(*words, stdout=-1, stderr=asyncio.subprocess.DEVNULL)
        said, _ = await stranger.communicate()
        words[1] = "--reuid=0"
        ourselves = await asyncio.create_subprocess_exec(*words, stdout=-1)
        assert said.strip() in (b"", b"b''") and (await ourselves.communicate())[0].strip() == b"b'x'"


async def test_whoever_cuts_a_connection_off_ends_nothing(
    engine: SandboxEngine, folder: Path, network: Network
) -> None:
    """A connection that is gone before the relay looks at it is no connection; the server goes on."""
    async with served(engine, folder, network) as (running, port):
        _, writer = await connected(port)
        writer.close()
        relay = ProcessId(*running.to_state()["relay"])
        halves = [relay, *relay.children()]
        for half in halves:
            half.signal(signal.SIGSTOP)
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port)) as gone:
                gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for half in halves:
            half.signal(signal.SIGCONT)
        reader, writer = await connected(port)
        writer.write(b"still\n")
        assert await reader.readline() == b"still\n"
        writer.close()


async def test_the_address_outlives_the_hub(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """A hub that was killed and started again finds the server where it was, and can stop all of it."""
    async with served(engine, folder, network) as (running, port):
        _, writer = await connected(port)
        writer.close()
        state = running.to_state()
        again = SandboxEngine(SandboxSettings(state=folder / "state")).attach(state)
        assert again.poll() is None
        reader, writer = await connected(port)
        writer.write(b"still\n")
        assert await reader.readline() == b"still\n"
        halves = [ProcessId(*state["relay"]), *ProcessId(*state["relay"]).children()]
        await again.stop(grace=0)
        for half in halves:
            await half.ended()
        assert await reader.read() == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_server_without_its_relay_is_ended(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """When the relay dies, nobody can reach the server any more: it ends, and counts as ended."""
    async with served(engine, folder, network) as (running, port):
        _, writer = await connected(port)
        writer.close()
        os.kill(running.to_state()["relay"][0], 9)
        await running.wait()


async def test_no_relay_is_left_when_the_server_ends(engine: SandboxEngine, folder: Path, network: Network) -> None:
    """Both halves go with the sandbox, also when nobody asks for it."""
    async with served(engine, folder, network) as (running, port):
        _, writer = await connected(port)
        writer.close()
        state = running.to_state()
        halves = [ProcessId(*state["relay"]), *ProcessId(*state["relay"]).children()]
        assert len(halves) == (2 if network is Network.OWN else 1)
        os.kill(state["first"][0], 9)
        for half in halves:
            await half.ended()
        assert not any(half.alive() for half in halves)


async def test_a_sandbox_that_cannot_be_made_leaves_no_relay(engine: SandboxEngine, folder: Path) -> None:
    """Its relay, which waits already, goes with it."""
    before = ProcessId.of(os.getpid())
    assert before is not None
    room = Room(network=Network.OWN, mounts=(Mount(source=Path("/no/such/folder"), target="/x"),))
    with bound("127.0.0.1", 0) as listener, pytest.raises(Exception, match="/no/such/folder"):
        await engine.start(room, ["true"], log=folder / "log", ways=Ways(listener=listener))
    for child in before.children():
        with suppress(OSError):  # it has ended
            assert "relay" not in Path(f"/proc/{child.pid}/cmdline").read_text()

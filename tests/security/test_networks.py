"""A network for each server: what it reaches, what it does not, and what is left when something dies."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from embedded import until
from sandbox_user import ORDINARY_UID, can_be_ordinary, open_folder, ordinary

from hubkiln.egress.special import inside_networks
from hubkiln.errors import BadSpec
from hubkiln.processes import ProcessId
from hubkiln.removal import remove
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Network, Outlook, Overlay, Room, SandboxSettings, Ways
from hubkiln.sandbox.outside import device, own_addresses
from hubkiln.sandbox.relay.holder import Relay
from hubkiln.sandbox.running import SandboxRunning
from hubkiln.spawners.addresses import bound
from hubkiln.spawners.networks import connection, limited

pytestmark = pytest.mark.sandbox

ASK = """
import json, socket, sys, urllib.request
def ask(host, port):
    try:
        with socket.create_connection((host, int(port)), 30) as connection:
            connection.sendall(b'plain\\r\\n\\r\\n')
            return connection.recv(5).decode()
    except OSError as error:
        return type(error).__name__
def proxied(host, port):
    try:
        return urllib.request.urlopen(f'http://{host}:{port}/', timeout=30).read().decode()
    except OSError as error:
        return str(getattr(error, 'code', type(error).__name__))
way = proxied if sys.argv[1] == 'proxy' else ask
print(json.dumps([way(*where.rsplit(':', 1)) for where in sys.argv[2:]]), flush=True)
import time; time.sleep(60)
"""


class Narrow(SandboxEngine):
    """A machine without slirp4netns."""

    async def outlook(self) -> Outlook:
        return Outlook(reason="slirp4netns is not installed.", hint="Install slirp4netns.")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    made = open_folder()
    yield made
    remove(made)  # also the kernel's folders, which have no permissions


@pytest.fixture
async def wide(folder: Path) -> SandboxEngine:
    """An engine whose rooms can be connected with the world as a whole."""
    return await made("wide", folder)


@pytest.fixture
async def narrow(folder: Path) -> SandboxEngine:
    """An engine whose rooms have HTTP alone."""
    return await made("narrow", folder)


@pytest.fixture(params=["wide", "narrow"])
async def either(request: pytest.FixtureRequest, folder: Path) -> SandboxEngine:
    """Both in turn."""
    return await made(request.param, folder)


async def made(kind: str, folder: Path) -> SandboxEngine:
    """An engine of one of the two kinds."""
    settings = SandboxSettings(state=folder / "state")
    if kind == "narrow":
        return Narrow(settings)
    engine = SandboxEngine(settings)
    outlook = await engine.outlook()
    if not outlook.works:
        pytest.skip(outlook.reason)
    return engine


@asynccontextmanager
async def greeter(host: str) -> AsyncIterator[int]:
    """Somebody on this machine who greets whoever asks, over HTTP too; the port."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"hello" if asked.startswith(b"plain") else b"HTTP/1.0 200 OK\r\n\r\nhello")
        writer.close()

    async with await asyncio.start_server(greet, host, 0) as server:
        yield int(server.sockets[0].getsockname()[1])


@asynccontextmanager
async def opened(
    engine: SandboxEngine, folder: Path, outbound: str, *argv: str
) -> AsyncIterator[tuple[SandboxRunning, int]]:
    """A server that runs Python with `argv`, and the port at which it would be reached."""
    joined = await connection(engine, engine.identity, outbound)
    with bound("127.0.0.1", 0) as listener:
        room = Room(network=Network.OWN, env=dict(joined.env), name_server=joined.name_server)
        ways = Ways(listener=listener, outside=joined.outside)
        words = ["/usr/bin/python3", "-u", *argv]
        running = await engine.start(room, words, log=folder / "log", ways=ways)
        port = int(listener.getsockname()[1])
    try:
        yield running, port
    finally:
        await running.stop(grace=0)


async def answers(engine: SandboxEngine, folder: Path, outbound: str, *addresses: str) -> list[str]:
    """What a server hears at `addresses`."""
    way = "proxy" if isinstance(engine, Narrow) else "direct"
    async with opened(engine, folder, outbound, "-c", ASK, way, *addresses):
        while True:
            for line in (folder / "log").read_text().splitlines():
                if line.startswith("["):
                    found: list[str] = json.loads(line)
                    return found
            await asyncio.sleep(0.01)


def own_address() -> str:
    """An address of this machine that is not its loopback."""
    found = own_addresses()
    if not found:
        pytest.skip("this machine has no network")
    return str(found[0].network_address)


async def test_neither_this_machine_nor_a_cloud_answers(wide: SandboxEngine, folder: Path) -> None:
    """Not its loopback, not its own address, not the gateway that is made up, no metadata: refused at once."""
    async with greeter("0.0.0.0") as port:
        addresses = [f"{host}:{port}" for host in ("127.0.0.1", own_address(), "10.0.2.2")]
        found = await answers(wide, folder, "public", *addresses, "169.254.169.254:80", "10.9.8.7:80", "192.168.1.1:80")
    assert "hello" not in found and found[3:] == ["PermissionError"] * 3


async def test_what_an_admin_opens_is_reached_and_the_rest_is_not(wide: SandboxEngine, folder: Path) -> None:
    """A network that is named, in the middle of closed ones; this machine's loopback is never meant."""
    own = own_address()
    async with greeter("0.0.0.0") as port:
        where = (f"{own}:{port}", f"127.0.0.1:{port}", "10.9.8.7:80")
        found = await answers(wide, folder, f"public {own}/32", *where)
    assert found == ["hello", "ConnectionRefusedError", "PermissionError"]


async def test_without_the_tool_http_goes_through_a_proxy_that_asks(narrow: SandboxEngine, folder: Path) -> None:
    """The same is closed and opened; a request that is refused says so."""
    own = own_address()
    async with greeter("0.0.0.0") as port:
        where = (f"{own}:{port}", "169.254.169.254:80")
        closed = await answers(narrow, folder, "public", *where)
        (folder / "log").unlink()
        open_ = await answers(narrow, folder, f"public {own}/32", *where)
    assert (closed, open_) == (["403", "403"], ["hello", "403"])


async def test_no_network_at_all_is_one_too(wide: SandboxEngine, folder: Path) -> None:
    """An admin who allows nothing gets servers that still can be reached and reach the hub, and nothing else."""
    async with greeter("0.0.0.0") as port:
        assert "hello" not in await answers(wide, folder, "none", f"{own_address()}:{port}")


INSIDE = """
import socket, subprocess, sys, threading, time
first = socket.create_server(('127.0.0.1', 7701))
second = socket.create_server(('0.0.0.0', 7702))
def echo(server):
    while True:
        there, _ = server.accept()
        there.sendall(b'echo')
        there.close()
for server in (first, second):
    threading.Thread(target=echo, args=(server,), daemon=True).start()
code = "import socket; print([socket.create_connection(('localhost', p)).recv(4) for p in (7701, 7702)])"
print(subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("outbound", ["public", "none"])
async def test_programs_of_one_server_meet_on_its_loopback(wide: SandboxEngine, folder: Path, outbound: str) -> None:
    """As dask, ray, databases and jupyter-server-proxy need it."""
    async with opened(wide, folder, outbound, "-c", INSIDE):
        await until(lambda: "[b'echo', b'echo']" in (folder / "log").read_text())


def family(running: SandboxRunning) -> list[ProcessId]:
    """The relay with all that it keeps."""
    found = [ProcessId(*running.to_state()["relay"])]
    for process in found:
        found.extend(process.children())
    return found


def programs(running: SandboxRunning) -> list[ProcessId]:
    """What the relay keeps, once it runs."""

    def runs(process: ProcessId) -> bool:
        try:
            words = Path(f"/proc/{process.pid}/cmdline").read_text()
        except OSError:
            return False
        return words != "" and "__main__.py" not in words

    return [process for process in family(running) if runs(process)]


@pytest.mark.parametrize("what", ["stop", "kill", "relay"])
async def test_nothing_is_left(either: SandboxEngine, folder: Path, what: str) -> None:
    """After a stop, a kill of the sandbox, or of the relay: no process, and so no network, no device and no rule."""
    async with opened(either, folder, "public", "-c", "import time; time.sleep(60)") as (running, _):
        await until(lambda: len(programs(running)) == 1)
        processes = family(running)
        if what == "stop":
            await running.stop(grace=0)
        else:
            os.kill(running.to_state()["first" if what == "kill" else "relay"][0], 9)
            await running.wait()
        for process in processes:
            await process.ended()


async def test_a_way_out_that_dies_is_opened_again_and_said(either: SandboxEngine, folder: Path) -> None:
    """The server goes on; its log tells what happened. A way that dies over and over ends the server."""
    async with opened(either, folder, "public", "-c", "import time; time.sleep(60)") as (running, _):
        for times in range(1, 5):
            await until(lambda: len(programs(running)) == 1)
            assert running.poll() is None
            os.kill(programs(running)[0].pid, 9)
            await until(lambda times=times: (folder / "log").read_text().count("connections are cut") == times)  # type: ignore[misc]
        await running.wait()


LATE = """
import fcntl, os, socket, struct, time
from hubkiln.sandbox.relay.routes import is_up
print('inside', flush=True)
time.sleep(0.5)
print('second' if is_up('lo') else 'first', flush=True)
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack('16sh14x', b'lo', 1))  # up
time.sleep(60)
"""
"""Brings loopback up as bubblewrap does, on a machine that is busy."""


async def test_nobody_comes_before_bubblewrap(wide: SandboxEngine, folder: Path) -> None:
    """It makes loopback's address itself and fails where there is one; slirp4netns, which makes it too, comes later."""
    who = [] if wide.identity.privileged else ["--user", "--map-root-user"]
    with bound("127.0.0.1", 0) as listener, (folder / "log").open("wb") as log:
        late = await asyncio.create_subprocess_exec(
            *("unshare", *who, "--net", sys.executable, "-c", LATE), stdout=-1, stderr=log
        )
        assert late.stdout is not None
        relay = Relay(Ways(listener=listener, outside=device(wide.identity)), wide.identity, log)
        try:
            assert await late.stdout.readline() == b"inside\n"
            await relay.open(late.pid)
            assert await late.stdout.readline() == b"first\n"
        finally:
            relay.give_up()
            late.kill()
            await late.wait()
            await late.stdout.read()


BARE = """
import fcntl, os, socket, struct, sys
from pathlib import Path
Path('/proc/sys/net/ipv6/conf/all/disable_ipv6').write_text('1')
with socket.socket() as any:
    fcntl.ioctl(any, 0x8914, struct.pack('16sh14x', b'lo', 1))  # up
try:
    socket.create_server(('::1', 0), family=socket.AF_INET6)
except OSError:
    os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Goes on as a program on a machine without IPv6."""

LACKING = ("ip", "nft", "iptables", "ip6tables", "newuidmap", "newgidmap", "slirp4netns", "pasta")


def few_programs(folder: Path) -> Path:
    """A folder for ``PATH`` with the machine's programs but for those `LACKING`."""
    made = folder / "programs"
    made.mkdir()
    for program in (*Path("/usr/sbin").iterdir(), *Path("/usr/bin").iterdir()):
        if program.name not in LACKING and not (made / program.name).is_symlink():
            (made / program.name).symlink_to(program)
    return made


@pytest.mark.parametrize(("root", "bare"), [(False, False), (False, True), (True, True)])
async def test_servers_are_apart_on_a_bare_machine_too(folder: Path, root: bool, bare: bool) -> None:
    """
    Reached at their address, without this machine's loopback: an ordinary user's in a user namespace; also where there
    is no IPv6, nothing that sets networks or firewalls up, and no range in ``/etc/subuid``.
    """
    if not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    user = ordinary(folder)
    who = [] if root else ["setpriv", f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups"]
    before = ["unshare", "--net", "/usr/bin/python3", "-c", BARE] if bare else []
    path = str(few_programs(folder)) if bare else os.environ["PATH"]
    done = await asyncio.create_subprocess_exec(
        *(*before, *who, "/usr/bin/python3", "-c", APART.replace("SERVER_CODE", SERVER)),
        cwd=user.folder,
        env={"PATH": path, "PYTHONPATH": str(user.code)},
        stdout=-1,
    )
    assert (await done.communicate())[0].decode().strip() == "hub ConnectionRefusedError"


async def test_without_a_range_of_uids_only_what_needs_one_is_refused(folder: Path) -> None:
    """A step that is root inside, in one sentence with the remedy; everything else works."""
    if not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    user = ordinary(folder)
    assert (await user.run(Room(), ["id", "-u"])).output.strip() == "1000"
    rootfs = Overlay(target="/", lowers=(user.make("lower"),), upper=user.folder / "upper")
    refusal = await user.refusal(Room(rootfs=rootfs, root=True), ["true"])
    assert "/etc/subuid gives no range to" in refusal and "Install uidmap and add a line such as" in refusal


APART = """
import asyncio
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Network, Room, SandboxSettings, Way, Ways
import socket
SERVER = '''SERVER_CODE'''
async def main():
    async def hub(reader, writer):
        writer.write(b"hub")
        writer.close()
    engine = SandboxEngine(SandboxSettings(state=Path("state")))
    async with await asyncio.start_server(hub, "127.0.0.1", 0) as there:
        port = there.sockets[0].getsockname()[1]
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        own = listener.getsockname()[1]
        ways = Ways(listener=listener, out=(Way(port=8081, host="127.0.0.1", to=port),))
        words = ["/usr/bin/python3", "-c", SERVER, str(own), str(port)]
        running = await engine.start(Room(network=Network.OWN), words, log=Path("log"), ways=ways)
        listener.close()
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", own)
                break
            except OSError:
                await asyncio.sleep(0.01)
        print((await reader.read()).decode())
        writer.close()
        await running.stop(grace=0)
asyncio.run(main())
"""


SERVER = """
import socket, sys
def ask(port):
    try:
        return socket.create_connection(("127.0.0.1", port)).recv(3).decode()
    except OSError as error:
        return type(error).__name__
found = f"{ask(8081)} {ask(int(sys.argv[2]))}"
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    there, _ = server.accept()
    there.sendall(found.encode())
    there.close()
"""


async def test_settings_that_make_no_sense_are_refused(narrow: SandboxEngine) -> None:
    """Before a server starts with less, or more, than its admin meant."""
    for text in ("", "packages", "all public", "10.0.0.0/99"):
        with pytest.raises(BadSpec):
            await connection(narrow, narrow.identity, text)


def test_all_that_is_not_the_internets_is_closed() -> None:
    """The clouds' metadata, private networks, carriers'; loopback needs no route."""
    closed = {str(network) for network in inside_networks()}
    assert closed >= {"169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}
    assert "127.0.0.0/8" not in closed


def test_what_is_missing_is_one_sentence_with_the_remedy() -> None:
    """The same words in doctor, at the start and for admins; nothing where nothing is missing."""
    told = limited(Outlook(reason="slirp4netns is not installed.", hint="Install slirp4netns."))
    assert told.startswith("Servers reach the internet over HTTP and HTTPS alone: ") and told.endswith("slirp4netns.")
    assert limited(Outlook(works=True)) == ""


def test_an_ordinary_users_way_out_asks_for_no_uid_that_there_is_not() -> None:
    """slirp4netns's own sandbox takes a uid 0, which the user namespace of such a server does not have."""
    assert "--enable-sandbox" not in device(Identity(uid=1000, gid=1000)).argv
    assert "--enable-sandbox" in device(Identity(uid=64100, gid=64100, shift=1_900_000_000)).argv

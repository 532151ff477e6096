"""SandboxSpawner as JupyterHub calls it, over an engine in memory."""

from __future__ import annotations

import asyncio
import json
import os
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub_users import Users
from hubkiln.data_dir import DataDir
from hubkiln.errors import EngineMissing
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.store import LocalImages
from hubkiln.spawners.rooms import PRIVATE
from hubkiln.spawners.sandbox import SandboxSpawner, ServerFailed
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings
from hubkiln.testing.loopback import Loopback
from hubkiln.testing.sandbox import FakeEngine, Inside, OutOfMemory

SERVER = "python3"
"""The first word of a server's command, however quickly it is started."""


async def serves(inside: Inside) -> int:
    """Lets people in until it is asked to end."""
    inside.say("Hubkiln: The repository's files are in ~/work.\n")
    assert inside.listener is not None
    async with await asyncio.start_server(lambda _, writer: writer.close(), sock=inside.listener):
        await inside.terminated.wait()
    return 0


async def breaks(inside: Inside) -> int:
    """Ends before it listens."""
    assert inside.listener is not None
    inside.listener.close()
    inside.say("Traceback\nImportError: no jupyterlab\n")
    return 1


async def eats(inside: Inside) -> int:
    """Needs more memory than it may have."""
    assert inside.listener is not None
    inside.listener.close()
    raise OutOfMemory


class Hub:
    """A data folder with one image, an engine, and users."""

    def __init__(self, folder: Path) -> None:
        self.data = DataDir(folder / "data").make()
        self.engine = FakeEngine({SERVER: serves})
        self.image = LocalImages(self.data.own("images/documents")).put(
            LocalImage(name="work", environment="e", content="c")
        )
        (self.data.content / "c").mkdir(parents=True)
        self.users = Users(SandboxSpawner, {"SandboxSpawner": self.settings()})

    def settings(self) -> dict[str, Any]:
        """What an admin would set."""

        def engine(data_dir: str, isolation: bool) -> FakeEngine:
            assert (data_dir, isolation) == (str(self.data.root), True)
            return self.engine

        told = {"service_token": "t", "ip": "127.0.0.1"}
        return told | {"data_dir": str(self.data.root), "image": self.image, "make_engine": engine}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub whose servers do what they should."""
    made = Hub(tmp_path)
    yield made
    made.users.close()


async def said(spawner: SandboxSpawner) -> list[str]:
    """What the progress page has so far."""
    events = spawner.progress()
    return [(await anext(events))["message"] for _ in spawner._said]


async def test_a_server_starts_and_says_where(hub: Hub) -> None:
    """The URL answers, and the steps on the way are told, the delivery's own words among them."""
    spawner = hub.users.spawner()
    url = urlsplit(await spawner.start())
    _, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.close()
    assert await spawner.poll() is None
    assert (await said(spawner))[-2:] == ["Starting Jupyter", "The repository's files are in ~/work."]
    await spawner.stop()


async def test_the_room_has_the_home_the_content_and_the_hubs_variables(hub: Hub) -> None:
    """Only the home and the folder of sockets can be written, and the limits are the profile's."""
    spawner = hub.users.spawner()
    spawner.mem_limit, spawner.cpu_limit, spawner.environment = "1G", 0.5, {"COURSE": "x"}
    await spawner.start()
    ((room, argv),) = hub.engine.opened
    assert [mount.target for mount in room.mounts if mount.writable] == ["/home/jovyan", PRIVATE]
    assert room.env["JUPYTERHUB_USER"] == "ada" and room.env["COURSE"] == "x"
    assert (room.limits.memory_bytes, room.limits.cpus) == (2**30, 0.5)
    assert "--name" in argv and argv[argv.index("--name") + 1] == "work"
    await spawner.stop()


async def test_a_stopped_server_leaves_the_home_alone(hub: Hub) -> None:
    """What was written outside the home goes; the home stays."""
    spawner = hub.users.spawner()
    await spawner.start()
    (spawner.places.home / "notes.ipynb").write_text("{}")
    await spawner.stop()
    assert await spawner.poll() == 0
    assert (spawner.places.home / "notes.ipynb").exists() and not spawner.places.room.exists()


async def test_what_a_running_server_needs_is_not_collected(hub: Hub) -> None:
    """However long it has been running; once it has stopped, it may go."""
    spawner = hub.users.spawner()
    await spawner.start()
    storage, (document, content) = Storage(hub.data), ((hub.data.images / "documents"), hub.data.content / "c")
    for path in (content, *document.iterdir()):
        os.utime(path, (1, 1))
    await storage.collect(CollectSettings())
    assert content.exists() and not list(document.iterdir())
    await spawner.stop()
    await storage.collect(CollectSettings())
    assert not content.exists()


async def test_a_server_that_never_ran_is_not_running(hub: Hub) -> None:
    """As JupyterHub asks before the first start."""
    assert await hub.users.spawner().poll() == 0


async def test_the_hub_finds_it_again_after_a_restart(hub: Hub) -> None:
    """A spawner made from what the hub's tables have polls and stops the same server."""
    before = hub.users.spawner()
    await before.start()
    before.orm_spawner.state = json.loads(json.dumps(before.get_state()))
    hub.users.db.commit()
    after = hub.users.spawner()
    assert await after.poll() is None
    await after.stop()
    assert await before.poll() == 0


@pytest.mark.parametrize("state", [{"sandbox": {}}, {"sandbox": {"fake": "?"}}, {"sandbox": [1]}, {}])
async def test_a_state_that_cannot_be_read_is_a_server_that_has_ended(hub: Hub, state: dict[str, Any]) -> None:
    """As after an update that keeps other things: nothing is broken, it is started anew."""
    spawner = hub.users.spawner()
    spawner.load_state(state)
    assert await spawner.poll() == 0


async def test_one_that_dies_says_why(hub: Hub) -> None:
    """Its last lines are the message, and its folder is gone."""
    hub.engine.programs[SERVER] = breaks
    spawner = hub.users.spawner()
    with pytest.raises(ServerFailed, match=r"exit code 1 .*ImportError: no jupyterlab"):
        await spawner.start()
    assert not spawner.places.room.exists()


async def test_one_that_needs_too_much_memory_says_so(hub: Hub) -> None:
    """The limit is named."""
    hub.engine.programs[SERVER] = eats
    spawner = hub.users.spawner()
    spawner.mem_limit = "2G"
    with pytest.raises(ServerFailed, match=r"more memory than its limit of 2\.0 GiB"):
        await spawner.start()


async def test_one_that_ends_later_is_noticed(hub: Hub) -> None:
    """The hub's next look gets the exit code, and what it wrote is tidied up."""
    spawner = hub.users.spawner()
    await spawner.start()
    assert spawner._running is not None
    await spawner._running.stop()
    assert await spawner.poll() == 0 and not spawner.places.room.exists()


async def test_without_an_engine_the_reason_is_shown(hub: Hub) -> None:
    """Not a traceback: what is missing, and how to get it."""
    hub.engine = FakeEngine(missing=EngineMissing("User namespaces are off.", hint="Ask an admin."))
    with pytest.raises(ServerFailed, match=r"User namespaces are off\. Ask an admin\."):
        await hub.users.spawner().start()


async def test_a_typed_image_is_pulled_if_the_hub_may(hub: Hub) -> None:
    """The hub's own function gives the local image; without one the name is refused in words."""
    spawner = hub.users.spawner()
    spawner.image = "quay.io/org/name"
    with pytest.raises(ServerFailed, match=r"cannot start 'quay\.io/org/name'"):
        await spawner.start()

    async def pull(reference: str, say: Any) -> LocalImage:
        say("1 of 2 layers\n")
        return LocalImage(name="theirs", environment="e", labels=(("from", reference),))

    spawner.pull = pull
    await spawner.start()
    assert "1 of 2 layers" in await said(spawner)
    await spawner.stop()


async def test_an_image_that_is_gone_is_said(hub: Hub) -> None:
    """Collected meanwhile: the hint says what to do."""
    spawner = hub.users.spawner()
    spawner.image = f"hubkiln.local/work@sha256:{'0' * 64}"
    with pytest.raises(ServerFailed, match=r"no longer on this machine\. Build its repository again"):
        await spawner.start()


@asynccontextmanager
async def build_service(answer: dict[str, Any], status: int = 201) -> AsyncIterator[str]:
    """A build service that gives every request `answer`; the URL with its prefix."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(re.findall(rb"(?i)content-length: (\d+)", head)[0]))
        body = json.dumps(answer).encode()
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()

    async with Loopback(serve) as running:
        yield f"http://{running.host}/services/binder/"


async def test_the_default_environment_is_asked_of_the_build_service(hub: Hub) -> None:
    """`hubkiln:default` becomes the image that the service has for it."""
    spawner = hub.users.spawner()
    async with build_service({"phase": "ready", "image": hub.image, "id": "1"}) as spawner.service_url:
        spawner.image = "hubkiln:default"
        await spawner.start()
    assert hub.engine.opened
    await spawner.stop()


async def test_a_default_environment_that_cannot_be_had_says_why(hub: Hub) -> None:
    """The service's own words, or that it does not answer."""
    spawner = hub.users.spawner()
    spawner.image = "hubkiln:default"
    refused = {"error": {"code": "disk_full", "message": "No space is left.", "hint": "Free some."}}
    async with build_service(refused, 507) as spawner.service_url:
        with pytest.raises(ServerFailed, match=r"No space is left\. Free some\."):
            await spawner.start()
    with pytest.raises(ServerFailed, match="does not answer"):
        await spawner.start()


async def test_two_servers_of_a_user_share_only_the_home(hub: Hub) -> None:
    """Another user's is another home."""
    ada, grace = hub.users.spawner("ada"), hub.users.spawner("grace")
    await asyncio.gather(ada.start(), grace.start())
    assert ada.places.home != grace.places.home and ada.places.home.is_dir()
    assert ada.port != grace.port
    await asyncio.gather(ada.stop(), grace.stop())


async def test_what_servers_lack_is_said_unless_the_admin_chose_it(hub: Hub) -> None:
    """An engine without a way out into the world is named; a shared network has one, and no walls were asked for."""
    spawner = hub.users.spawner()
    assert any("There is no network in memory." in sentence for sentence in await spawner.lacking())
    spawner.network = "host"
    assert not any("network in memory" in sentence for sentence in await spawner.lacking())
    spawner.isolation = False
    assert await spawner.lacking() == []


@pytest.mark.slow
async def test_two_hundred_users_whatever_their_names_share_nothing(hub: Hub) -> None:
    """With every character that JupyterHub allows: each has a home, room, address and limits, as root also a uid."""
    letters = [chr(code) for code in range(0x21, 0x250) if chr(code).isprintable() and chr(code) != "/"]
    names = [f"{letters[n]}{letters[-n]}{'.' * (n % 3)}" for n in range(200)]
    spawners = [hub.users.spawner(name) for name in names]
    addresses = [await spawner.start() for spawner in spawners]
    rooms = [room for room, _ in hub.engine.opened]
    homes = [next(mount.source for mount in room.mounts if mount.target == room.home) for room in rooms]
    assert len(set(addresses)) == len(set(homes)) == len({spawner.places.room for spawner in spawners}) == 200
    assert all(home.parent == hub.data.homes and home.is_dir() for home in homes)
    assert all(room.limits.processes and room.limits.file_bytes and room.limits.open_files for room in rooms)
    uids = {room.uid for room in rooms}
    assert len(uids) == 200 or uids == {None}  # those of an ordinary user's hub are that user's
    assert [home.stat().st_uid for home in homes] == [room.uid or os.geteuid() for room in rooms]
    for spawner in spawners:
        await spawner.stop(now=True)

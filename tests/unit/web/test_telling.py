"""Others are told of a build's end: a real receiver on loopback, which checks what it is sent."""

from __future__ import annotations

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hubkiln.builds import Notices
from hubkiln.builds.notices import MOST_ASKED, PAUSES
from hubkiln.errors import BadSpec
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.loopback import Loopback
from hubkiln.testing.service import Service, in_memory
from hubkiln.values import utc_now
from hubkiln.web.settings import WebSettings
from hubkiln.web.signatures import check_sender
from hubkiln.web.telling import Telling

SECRET = "between us"


class Receiver:
    """Takes what is told, after so many refusals; knows who sent it."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals, self.heard = refusals, asyncio.Queue[dict[str, Any]]()
        self.ids: list[str] = []
        self.listener = Loopback(self._one)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.listener.host}/built"

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head.split("\r\n")[1:-2])}
        body = await reader.readexactly(int(headers["content-length"]))
        check_sender(headers, body, SECRET, float(headers["webhook-timestamp"]))
        self.ids.append(headers["webhook-id"])
        self.refusals -= 1
        writer.write(b"HTTP/1.1 %d -\r\nContent-Length: 0\r\n\r\n" % (503 if self.refusals >= 0 else 200))
        await writer.drain()
        if self.refusals < 0:
            self.heard.put_nowait(json.loads(body))


class Ahead:
    """A clock that is further on each time that it is asked, so that what is put off is due."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self) -> datetime:
        self.passed += timedelta(seconds=30)
        return utc_now() + self.passed


def settings(receiver: Receiver, **more: Any) -> WebSettings:
    loopback = (ip_network("127.0.0.0/8"),)
    given = {"notify": (receiver.url,), "notify_secret": SECRET, "notify_networks": loopback}
    return WebSettings(keepalive_seconds=5, hold_seconds=0, **given | more)


async def order(service: Service, **more: Any) -> dict[str, Any]:
    """A build that has ended."""
    id = (await service.ask("POST", "api/builds", json={"spec": "org/repo"} | more)).json()["id"]
    await service.ask("GET", f"api/builds/{id}/events")
    build: dict[str, Any] = (await service.ask("GET", f"api/builds/{id}")).json()
    return build


async def test_an_address_of_the_admins_is_told_once(tmp_path: Path) -> None:
    """With the build as the API gives it, signed; not of what was there already, and by one replica of two."""
    receiver = Receiver()
    async with receiver.listener, in_memory(tmp_path) as service:
        web = settings(receiver)
        database = service.app.state.parts.database
        async with (
            Telling(database, web, look_seconds=0.02).running(),
            Telling(database, web, look_seconds=0.02).running(),
        ):
            build = await order(service)
            heard = await asyncio.wait_for(receiver.heard.get(), 10)
            assert heard["type"] == "build.ended" and heard["data"]["build"] == build
            second = await order(service, refresh=True)
            assert (await asyncio.wait_for(receiver.heard.get(), 10))["data"]["build"]["id"] == second["id"]
        assert len(receiver.ids) == 2 and receiver.heard.empty()


async def test_who_does_not_take_it_is_told_again(tmp_path: Path) -> None:
    """After a pause, with the same number; a service that was stopped meanwhile goes on."""
    receiver = Receiver(refusals=3)
    allowing = WebSettings(hold_seconds=0, notify_hosts=("127.0.0.1",))
    async with receiver.listener, in_memory(tmp_path, web=allowing) as service:
        web = settings(receiver, notify=())
        build = await order(service, notify=receiver.url)
        async with Telling(service.app.state.parts.database, web, Ahead(), 0.02).running():
            heard = await asyncio.wait_for(receiver.heard.get(), 10)
        assert heard["data"]["build"]["id"] == build["id"]
        assert len(receiver.ids) == 4 and len(set(receiver.ids)) == 1


async def test_it_is_given_up_after_a_day(tmp_path: Path) -> None:
    """Each pause is longer than the one before."""
    now = utc_now()
    async with in_memory(tmp_path) as service:
        notices = Notices(service.app.state.parts.database, lambda: now)
        build = await order(service)
        await notices.ask(build["id"], "https://example.org/x")
        begun, pauses = now, []
        while (notice := await notices.take()) is not None:
            if (again := await notices.failed(notice)) is None:
                break
            assert await notices.take() is None
            pauses.append(again - now)
            now = again
        assert tuple(pauses) == PAUSES and now - begun > timedelta(hours=24)
        assert await notices.take() is None


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://hooks.example.org/x", 201),
        ("https://example.org.evil.net/x", 403),
        ("http://127.0.0.1/x", 403),
        ("ftp://hooks.example.org/x", 400),
        ("https://u:p@hooks.example.org/x", 400),
        ("nonsense", 400),
        ("https://[", 400),
        ("https://hooks.example.org:99999/x", 400),
        ("https://evil.net\\.example.org/x", 400),
        ("https://hooks.example.org/\r\nx", 400),
    ],
)
async def test_a_request_may_name_addresses_of_listed_hosts_alone(tmp_path: Path, url: str, status: int) -> None:
    """Else anybody could have this machine ask any address."""
    web = WebSettings(hold_seconds=0, notify_secret=SECRET, notify_hosts=("*.example.org",))
    async with in_memory(tmp_path, web=web) as service:
        assert (await service.ask("POST", "api/builds", json={"spec": "a/b", "notify": url})).status_code == status


@pytest.mark.parametrize("networks", [(), (ip_network("10.0.0.0/8"),)])
async def test_an_address_inside_is_never_told(tmp_path: Path, networks: tuple[Any, ...]) -> None:
    """Unless an admin lists its network; whoever named it."""
    receiver = Receiver()
    async with receiver.listener, in_memory(tmp_path) as service:
        web = settings(receiver, notify_networks=networks)
        await order(service)
        await Telling(service.app.state.parts.database, web).once()
        assert await service.app.state.parts.database.value("SELECT attempts FROM notices") == 1
        assert receiver.ids == []


async def test_without_a_secret_nobody_is_told(tmp_path: Path) -> None:
    """The service does not start, rather than tell unsigned."""
    async with in_memory(tmp_path) as service:
        web = WebSettings(notify=("https://example.org/x",))
        with pytest.raises(BadSpec, match="notify_secret"):
            async with Telling(service.app.state.parts.database, web).running():
                pass


async def test_ends_of_private_builds_are_their_readers(tmp_path: Path) -> None:
    """An admin's address learns nothing of repositories that it may not be able to read."""
    async with in_memory(tmp_path, parse=_private) as service:
        await order(service)
        notices = Notices(service.app.state.parts.database)
        await notices.find(("https://example.org/x",))
        assert await notices.take() is None


def _private(text: str, ref: str | None, subdir: str) -> Any:
    from hubkiln.values import Spec

    return Spec(provider="gh", repository=text, reader="ada")


async def test_one_build_is_told_to_a_few_addresses(tmp_path: Path) -> None:
    """Whoever asks again and again with another address each time does not have them all tried for a day."""
    web = WebSettings(notify_secret=SECRET, notify_hosts=("built.example",))
    async with in_memory(tmp_path, FakeBuilder(held=True), web=web) as service:

        async def asked(number: int) -> int:
            order = {"spec": "gh/a/b", "notify": f"https://built.example/{number}"}
            return (await service.ask("POST", "api/builds", json=order)).status_code

        answers = [await asked(number) for number in range(MOST_ASKED + 2)]
        assert answers == [201, *[200] * (MOST_ASKED - 1), 429, 429]
        assert await asked(0) == 200  # which is told anyway

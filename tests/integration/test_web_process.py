"""The service as a process: stopped, killed, started again, and two at a time."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from web_process import TOKENS, Running, running

from hubkiln.database.engine import sqlite_url
from hubkiln.processes import free_ports
from hubkiln.testing.hub import FakeHub
from hubkiln.testing.sse import read
from hubkiln.web.settings import WebSettings

ORDER = {"spec": "org/repo"}


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A Hub that knows ada and grace."""
    async with FakeHub(TOKENS) as hub:
        yield hub


@pytest.fixture
def database(tmp_path: Path) -> str:
    """Where the service keeps its records."""
    return sqlite_url(tmp_path / "hubkiln.sqlite")


async def order(service: Running, token: str = "ada") -> str:
    """A new build that has begun to tell."""
    build = (await service.ask("POST", "api/builds", token, json=ORDER)).json()
    await fetching(service, str(build["id"]), token)
    return str(build["id"])


async def fetching(service: Running, id: str, token: str = "ada", times: int = 1) -> None:
    """Return when the build has come to fetching so many times; its stream tells."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        url = f"{service.url}api/builds/{id}/events"
        async with client.stream("GET", url, headers={"Authorization": f"Bearer {token}"}) as answer:
            async for line in answer.aiter_lines():
                times -= '"phase":"fetching"' in line.replace(" ", "")
                if times == 0:
                    return


async def followed(service: Running, *paths: str) -> list[asyncio.Task[str]]:
    """What comes of streams that are told something already."""

    async def follow(path: str, begun: asyncio.Event) -> str:
        text = ""
        async with (
            httpx.AsyncClient(trust_env=False, timeout=60) as client,
            client.stream("GET", service.url + path, headers={"Authorization": "Bearer ada"}) as answer,
        ):
            async for piece in answer.aiter_text():
                text += piece
                begun.set()
        return text

    begun = [asyncio.Event() for _ in paths]
    streams = [asyncio.create_task(follow(path, event)) for path, event in zip(paths, begun, strict=True)]
    async with asyncio.timeout(60):
        for event in begun:
            await event.wait()
    return streams


async def test_a_whole_build_over_http(hub: FakeHub, database: str) -> None:
    """Ordered, followed to its end, saved; then a polite stop with exit code 0."""
    async with running(hub, database) as service:
        build = (await service.ask("POST", "api/builds", json=ORDER)).json()
        events = read((await service.ask("GET", f"api/builds/{build['id']}/events")).text).events
        assert events[-1]["build"]["phase"] == "ready"
        assert len((await service.ask("GET", "api/environments")).json()["environments"]) == 1
        assert await service.end(signal.SIGTERM) == 0


async def test_sigterm_lets_followers_go(hub: FakeHub, database: str) -> None:
    """A stop gives what runs back to the queue, followers are let go, and the process is gone in good time."""
    async with running(hub, database, "-", "held") as service:
        id = await order(service)
        following, binder = await followed(service, f"api/builds/{id}/events", "build/gh/org/repo/HEAD?build_only=true")
        async with asyncio.timeout(60):
            assert await service.end(signal.SIGTERM) == 0
        assert [e["phase"] for e in read(await following).events if e["type"] == "phase"][-1] == "queued"
        assert read(await binder).events[-1]["phase"] == "failed"
    async with running(hub, database) as service:
        events = read((await service.ask("GET", f"api/builds/{id}/events")).text).events
        assert events[-1]["build"]["phase"] == "ready"


async def test_kill_nine_loses_nothing(hub: FakeHub, database: str) -> None:
    """After a crash the next start begins the build anew, under its own number, and its log goes on."""
    async with running(hub, database, "-", "held") as service:
        id = await order(service)
        await service.end(signal.SIGKILL)
    async with running(hub, database) as service:
        events = read((await service.ask("GET", f"api/builds/{id}/events")).text).events
        assert events[-1]["build"]["phase"] == "ready"
        log = (await service.ask("GET", f"api/builds/{id}/log")).text
        assert "begins anew" in log and log.count("Fetching the repository.\n") == 2
        assert len((await service.ask("GET", "api/environments")).json()["environments"]) == 1


async def test_the_third_kill_is_the_last(hub: FakeHub, database: str) -> None:
    """What three processes died of is given up, and can be retried."""
    id = ""
    for times in range(1, 4):
        async with running(hub, database, "-", "held") as service:
            id = id or await order(service)
            await fetching(service, id, times=times)
            await service.end(signal.SIGKILL)
    async with running(hub, database) as service:
        build = (await service.ask("GET", f"api/builds/{id}")).json()
        assert (build["phase"], build["error"]["code"], build["retryable"]) == ("interrupted", "interrupted", True)
        assert (await service.ask("POST", f"api/builds/{id}/retry")).status_code == 201


async def test_two_processes_share_one_database(hub: FakeHub, database: str) -> None:
    """A second process leaves the first one's build alone, joins it, follows it, and can cancel it."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(hub, database, "-", "held"))
        id = await order(first)
        second = await stack.enter_async_context(running(hub, database))
        joined = await second.ask("POST", "api/builds", "grace", json=ORDER)
        assert (joined.status_code, joined.json()["id"]) == (200, id)
        following = asyncio.create_task(second.ask("GET", f"api/builds/{id}/events", "grace"))
        assert (await second.ask("DELETE", f"api/builds/{id}", "ada")).json()["phase"] == "fetching"
        await second.ask("DELETE", f"api/builds/{id}", "grace")
        async with asyncio.timeout(60):
            assert read((await following).text).events[-1]["build"]["phase"] == "cancelled"


async def test_a_survivor_takes_over(hub: FakeHub, database: str) -> None:
    """When one of two processes is killed the other goes on with its builds."""
    async with AsyncExitStack() as stack:
        victim = await stack.enter_async_context(running(hub, database, "-", "held"))
        id = await order(victim)
        survivor = await stack.enter_async_context(running(hub, database))
        assert (await survivor.ask("GET", f"api/builds/{id}")).json()["phase"] == "fetching"
        await victim.end(signal.SIGKILL)
        async with asyncio.timeout(60):
            events = read((await survivor.ask("GET", f"api/builds/{id}/events")).text).events
        assert events[-1]["build"]["phase"] == "ready"


async def test_clients_that_leave_stop_nothing(hub: FakeHub, database: str) -> None:
    """Ten streams that are cut leave the build running and the service well."""
    async with running(hub, database, "-", "held") as service:
        id = await order(service)
        for _ in range(10):
            await order(service)
        assert (await service.ask("GET", f"api/builds/{id}")).json()["phase"] == "fetching"
        assert (await service.ask("GET", "health")).json()["ok"]


async def test_a_token_nobody_knows(hub: FakeHub, database: str) -> None:
    """The Hub is really asked."""
    async with running(hub, database) as service:
        assert (await service.ask("GET", "api/builds", "mallory")).status_code == 401
        assert (await service.ask("GET", "api/images?ref=x&user=ada", "own")).status_code == 200


NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error; events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{service}; proxy_read_timeout 2s; }}
  }}
}}
"""


@pytest.mark.skipif(shutil.which("nginx", path="/usr/sbin:/usr/bin") is None, reason="needs nginx")
async def test_3_a_silent_stream_lives_behind_nginx(hub: FakeHub, database: str, tmp_path: Path) -> None:
    """
    A proxy that keeps back what it can, and closes what is silent for 2 seconds: the stream lives three times as long
    on its comments (one each second here, so that the test is short; one in 15 by default, against nginx's 60).
    """
    (port,) = free_ports(1)
    async with running(hub, database, "-", "held") as service:
        text = NGINX.format(folder=tmp_path, port=port, service=service.port)
        (tmp_path / "nginx.conf").write_text(text)
        nginx = await asyncio.create_subprocess_exec("/usr/sbin/nginx", "-c", str(tmp_path / "nginx.conf"))
        try:
            id, comments = await order(service), 0
            url = f"http://127.0.0.1:{port}/services/binder/build/gh/org/repo/HEAD?build_only=true"
            async with (
                asyncio.timeout(90),
                httpx.AsyncClient(trust_env=False, timeout=30) as client,
                client.stream("GET", url, headers={"Authorization": "Bearer ada"}) as answer,
            ):
                lines = []
                async for line in answer.aiter_lines():
                    lines.append(line)
                    comments += line == ":keepalive"
                    if comments == 7:  # the first comes at once
                        await service.ask("DELETE", f"api/builds/{id}")
            assert '"phase":"failed"' in lines[-2] and comments >= 7, lines
        finally:
            nginx.terminate()
            await nginx.wait()
    assert WebSettings().keepalive_seconds <= 25

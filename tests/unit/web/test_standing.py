"""Whoever asks again for what they have is answered without a record, and by nothing that is no longer so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hubkiln.builds import RuleKind, Sources
from hubkiln.builds.rules import Rules
from hubkiln.database import Database, database_at, environments_table, sqlite_url
from hubkiln.environments import Catalogue
from hubkiln.errors import RefNotFound
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.hub import FakeAuth
from hubkiln.testing.service import Service
from hubkiln.testing.sse import read
from hubkiln.values import Revision, Spec
from hubkiln.web.auth import Caller
from hubkiln.web.settings import WebSettings
from serving import Serve

from .test_builds_api import ended

ASKED = "build/gh/org/repo/HEAD?build_only=true"


class World:
    """A repository's host and a registry."""

    def __init__(self) -> None:
        self.commit, self.public, self.there = BUILT.commit, True, True
        self.looked = self.asked = 0

    async def resolve(self, spec: Spec) -> Revision:
        self.looked += 1
        await asyncio.sleep(0)
        if not self.public:
            raise RefNotFound("There is no such repository.")
        return Revision(spec=spec, commit=self.commit, url="https://host.example/org/repo", name="repo")

    async def present(self, built: object) -> bool:
        self.asked += 1
        return self.there

    @property
    def sources(self) -> Sources:
        return Sources(resolve=self.resolve, present=self.present)


@pytest.fixture
def world() -> World:
    return World()


async def told(service: Service, token: str = "ada", path: str = ASKED) -> list[dict[str, Any]]:
    """The events of one request."""
    return read((await service.ask("GET", path, token)).text).events


async def unrecorded(service: Service) -> float:
    """How many answers were given without a record."""
    text = (await service.ask("GET", "metrics")).text
    return float(text.partition("\nhubkiln_standing_total ")[2].split()[0])


async def having(serve: Serve, world: World, **more: Any) -> Service:
    """A service that has answered ada with what is there, so that the next answer of hers needs no record."""
    service = await serve(more.pop("builder", FakeBuilder()), sources=world.sources, **more)
    for _ in range(3):
        await told(service)
    assert await unrecorded(service) == 1
    return service


async def test_letters_of_all_kinds_may_be_in_the_hubs_base_url(serve: Serve, world: World) -> None:
    """JupyterHub has it encoded, as browsers send it; what is asked, and answered without a record, is found below."""
    service = await having(serve, world, prefix="/h%C3%BCb/services/binder/")
    assert (await told(service))[-1]["phase"] == "ready"
    created = await service.ask("POST", "api/builds", json={"spec": "org/repo"})
    assert created.headers["Location"].startswith("/h%C3%BCb/services/binder/api/builds/")


async def test_the_same_is_told_and_nothing_recorded(serve: Serve, world: World) -> None:
    """The stream is that of a recorded answer, byte for byte."""
    service = await serve(sources=world.sources)
    await told(service)
    recorded, again = [await service.ask("GET", ASKED) for _ in range(2)]
    assert again.text == recorded.text and '"ready"' in again.text
    numbers = {"x-request-id": "", "date": ""}
    assert {**again.headers, **numbers} == {**recorded.headers, **numbers}
    assert await unrecorded(service) == 1 and len(await service.jobs.listing(None)) == 2


async def test_a_host_that_lets_us_wait_is_waited_for_with_a_record(serve: Serve, world: World) -> None:
    """The stream has begun by then: no client hears nothing for long."""
    service = await serve(sources=world.sources, at_once_seconds=0)
    for _ in range(3):
        assert (await told(service))[-1]["phase"] == "ready"
    assert await unrecorded(service) == 0 and len(await service.jobs.listing(None)) == 3


async def test_each_user_has_a_record_and_an_environment_first(serve: Serve, world: World) -> None:
    """What somebody else has is no answer."""
    service = await having(serve, world)
    await told(service, "grace")
    assert await unrecorded(service) == 1
    assert [one.owner for one in await service.jobs.listing("grace")] == ["grace"]
    assert len((await service.ask("GET", "api/environments", "grace")).json()["environments"]) == 1
    await told(service, "grace")
    assert await unrecorded(service) == 2


async def test_another_name_of_the_commit_is_recorded(serve: Serve, world: World) -> None:
    """The environment's link goes by what its user asked for last."""
    service = await having(serve, world)
    for ref, before in (("main", 1), ("HEAD", 1), ("HEAD", 2)):
        await told(service, path=ASKED.replace("HEAD", ref))
        assert await unrecorded(service) == before
        (environment,) = (await service.ask("GET", "api/environments")).json()["environments"]
        assert environment["spec"]["ref"] == ref


async def test_whoever_pushes_a_fix_gets_it(serve: Serve, world: World) -> None:
    """The ref is looked up for each answer."""
    builder = FakeBuilder()
    service = await having(serve, world, builder=builder)
    world.commit = "f" * 40
    await told(service)
    assert len(builder.requests) == 2 and await unrecorded(service) == 1


async def test_an_image_that_is_gone_is_built_again(serve: Serve, world: World) -> None:
    """Whether it is there is asked for each answer."""
    builder = FakeBuilder()
    service = await having(serve, world, builder=builder)
    world.there = False
    assert (await told(service))[-1]["phase"] == "ready"
    assert len(builder.requests) == 2 and await unrecorded(service) == 1


async def test_what_is_no_longer_public_is_not_told(serve: Serve, world: World) -> None:
    """The build that follows says that there is no such repository; nobody is told of the image."""
    service = await having(serve, world, builder=(builder := FakeBuilder()))
    world.public = False
    builder.raises = RefNotFound("There is no such repository.")
    assert "imageName" not in (await told(service))[-1] and await unrecorded(service) == 1


async def forbid(database: Database, kind: RuleKind, pattern: str) -> None:
    await Rules(database).add(kind, pattern, author="root")


async def forget(database: Database) -> None:
    catalogue = Catalogue(database)
    ((one,), _) = await catalogue.listing("ada")
    await catalogue.delete(one.id, "ada")


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (RuleKind.USER, "ada"),
        (RuleKind.SPEC, "gh/org/*"),
        (RuleKind.HOST, "host.example"),
        (RuleKind.NETWORK, "127.0.0.0/8"),
    ],
)
async def test_a_rule_of_another_process_holds_at_once(
    serve: Serve, world: World, tmp_path: Path, kind: RuleKind, pattern: str
) -> None:
    """And no host is asked about what a user may not have."""
    service = await having(serve, world)
    (path,) = tmp_path.glob("*.sqlite")
    looked = world.looked
    async with database_at(sqlite_url(path)) as other:
        await forbid(other, kind, pattern)
    (event,) = await told(service)
    assert (event["phase"], event["status_code"]) == ("failed", 403) and await unrecorded(service) == 1
    assert kind in (RuleKind.HOST, RuleKind.NETWORK) or world.looked == looked


async def test_what_was_forgotten_in_another_process_is_saved_again(serve: Serve, world: World, tmp_path: Path) -> None:
    """With a record, as the first time."""
    service = await having(serve, world)
    (path,) = tmp_path.glob("*.sqlite")
    async with database_at(sqlite_url(path)) as other:
        await forget(other)
    assert [event["phase"] for event in await told(service)] == ["ready"] and await unrecorded(service) == 1
    assert len((await service.ask("GET", "api/environments")).json()["environments"]) == 1


async def test_a_token_that_is_good_no_more(serve: Serve, world: World) -> None:
    """Who asks is found out each time."""
    auth = FakeAuth()
    service = await having(serve, world, auth=auth)
    del auth.callers["ada"]
    (event,) = await told(service)
    assert event["status_code"] == 403


async def test_whoever_may_build_no_more(serve: Serve, world: World) -> None:
    """The scope counts, though nothing is built."""
    auth = FakeAuth()
    scope = "custom:hubkiln:build"
    auth.callers["ada"] = Caller(name="ada", scopes=frozenset({scope}))
    service = await having(serve, world, auth=auth, web=WebSettings(hold_seconds=0, build_scope=scope))
    auth.callers["ada"] = Caller(name="ada")
    (event,) = await told(service)
    assert event["status_code"] == 403 and await unrecorded(service) == 1


async def test_a_crowd_shares_what_is_asked(serve: Serve, world: World) -> None:
    """Of a hundred at a moment the host and the registry hear twice."""
    service = await having(serve, world)
    looked, asked = world.looked, world.asked
    answers = await asyncio.gather(*(told(service) for _ in range(100)))
    assert {answer[0]["phase"] for answer in answers} == {"ready"} and await unrecorded(service) == 101
    assert world.looked - looked <= 2 and world.asked - asked <= 2


async def test_the_last_use_is_noted(serve: Serve, world: World) -> None:
    """To the minute: what nobody used for long is collected."""
    service = await having(serve, world)
    database = service.app.state.parts.database
    old = datetime(2020, 1, 1, tzinfo=UTC)
    async with database.writing() as connection:
        await connection.execute(update(environments_table).values(last_used=old))
    await told(service)
    assert await unrecorded(service) == 2
    await service.jobs.stop()
    ((one,), _) = await Catalogue(database).listing("ada")
    assert one.last_used > old


async def test_streams_are_held_until_the_service_stops(serve: Serve, world: World) -> None:
    """Clients take an early end for a failure; a service that stops waits for none of them."""
    service = await serve(sources=world.sources, web=WebSettings(hold_seconds=3600))
    for _ in range(2):
        await ended(service)
    held = asyncio.create_task(told(service))
    async with asyncio.timeout(30):
        while await unrecorded(service) < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert not held.done()
    await service.jobs.stop()
    async with asyncio.timeout(30):
        assert [event["phase"] for event in await held] == ["ready"]

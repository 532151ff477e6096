"""What is kept under a user's name goes when they are forgotten, and goes along when they get another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from click.testing import CliRunner
from cryptography.fernet import Fernet

from hubkiln.builds import BuildRequest, Built, Jobs, Owned, RuleKind, Rules, Schedules, Tell
from hubkiln.builds.interface import BuildSettings
from hubkiln.builds.jobs import compose
from hubkiln.cli.records import with_records
from hubkiln.cli.users import users
from hubkiln.data_dir import DataDir
from hubkiln.database import Database
from hubkiln.environments import Catalogue, Saved
from hubkiln.errors import BadSpec, NotFound, ServiceError
from hubkiln.repositories import Keyring
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.database import fresh_database
from hubkiln.testing.service import in_memory
from hubkiln.users import KeptOfUsers
from hubkiln.values import Spec

KEY = Fernet.generate_key().decode()
REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))
PRIVATE = replace(REQUEST, spec=replace(REQUEST.spec, repository="org/secret", reader="ada"))


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """Empty."""
    database = await fresh_database(tmp_path)
    yield database
    await database.close()


@pytest_asyncio.fixture
async def jobs(database: Database) -> AsyncIterator[Jobs]:
    """Builds whatever is asked for."""
    settings = BuildSettings(flush_seconds=0.001, beat_seconds=0.02, poll_seconds=0.02)
    jobs = compose(FakeBuilder(), database, settings)
    await jobs.start()
    yield jobs
    await jobs.stop()


async def built(jobs: Jobs, request: BuildRequest, owner: str) -> str:
    """A build that has ended."""
    record, _ = await jobs.submit(request, owner)
    async for _ in jobs.follow(record.id):
        pass
    return record.id


def saved(owner: str, request: BuildRequest = REQUEST) -> Saved:
    """What a build leaves its owner."""
    return Saved(
        owner=owner,
        spec=request.spec,
        commit=BUILT.commit,
        image=BUILT.image,
        environment_key=BUILT.environment_key,
        lock_digest=BUILT.lock_digest,
        plan=BUILT.plan,
    )


@pytest.fixture
def kept(database: Database) -> KeptOfUsers:
    """As an admin's command has it."""
    return KeptOfUsers(database, Keyring(database, (KEY,)))


async def test_whoever_gets_a_forgotten_name_has_nothing(database: Database, jobs: Jobs, kept: KeptOfUsers) -> None:
    """Neither environments nor builds with their logs, nor tokens; what others have stays."""
    catalogue = Catalogue(database)
    for owner in ("ada", "grace"):
        await catalogue.save(saved(owner))
        await kept.keyring.store(owner, "github.com", f"t0ken-of-{owner}")
    await catalogue.save(saved("ada", PRIVATE))
    hers, his = await built(jobs, REQUEST, "ada"), await built(jobs, REQUEST, "grace")
    before = await kept.forget("ada")
    assert (before.environments, before.tokens, before.of_builds.builds) == (2, True, 1)
    assert not (await kept.of("ada")).anything
    assert (await catalogue.listing("ada"))[0] == [] and await jobs.listing("ada") == []
    assert await kept.keyring.tokens("ada") == {}
    with pytest.raises(NotFound):
        await jobs.record(hers)
    assert (await jobs.record(his)).owner == "grace" and (await catalogue.listing("grace"))[1] == 1
    assert await kept.keyring.tokens("grace") == {"github.com": "t0ken-of-grace"}
    with pytest.raises(NotFound, match="Nothing is kept of ada"):
        await kept.forget("ada")


async def test_a_build_that_others_want_too_goes_on_for_them(database: Database, kept: KeptOfUsers) -> None:
    """It is theirs from then on; what nobody else wants stops, and is nobody's."""
    waiting = compose(FakeBuilder(), database, BuildSettings())  # begins nothing
    shared, _ = await waiting.submit(REQUEST, "ada")
    await waiting.submit(REQUEST, "grace")
    alone, _ = await waiting.submit(replace(REQUEST, as_of="2026-01-01"), "ada")
    assert (await kept.of("ada")).of_builds == Owned(builds=2, under_way=2)
    await kept.forget("ada")
    record = await waiting.record(shared.id)
    assert (record.owner, record.users, record.ended) == ("grace", ("grace",), False)
    with pytest.raises(NotFound):  # nobody had begun it, so it had ended at once
        await waiting.record(alone.id)


async def test_a_build_that_runs_stops_and_is_nobodys(database: Database, kept: KeptOfUsers) -> None:
    """Whoever gets the name while it is being stopped does not see it, and gets no environment of it."""
    begun, never, told_to_stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    class Endless(FakeBuilder):
        async def build(self, request: BuildRequest, tell: Tell) -> Built:
            begun.set()
            try:
                await never.wait()
            except asyncio.CancelledError:  # as a build that takes its time to stop
                await told_to_stop.wait()
                raise
            return BUILT

    jobs = compose(Endless(), database, BuildSettings(beat_seconds=0.02, poll_seconds=0.02))
    await jobs.start()
    try:
        record, _ = await jobs.submit(REQUEST, "ada")
        await begun.wait()
        await kept.forget("ada")
        assert await jobs.listing("ada") == [] and not (await kept.of("ada")).anything
        told_to_stop.set()
        async for _ in jobs.follow(record.id):
            pass
        ended = await jobs.record(record.id)
        assert (ended.state, ended.owner) == ("cancelled", f"forgotten/{record.id}") and not ended.wanting
    finally:
        await jobs.stop()


async def test_another_name_has_what_the_first_had(database: Database, jobs: Jobs, kept: KeptOfUsers) -> None:
    """Private ones too, which are the new name's to read; nothing is left under the first."""
    catalogue, rules = Catalogue(database), Rules(database)
    await catalogue.save(saved("ada", PRIVATE))
    await kept.keyring.store("ada", "github.com", "t0ken")
    id = await built(jobs, PRIVATE, "ada")
    await Schedules(database).add(REQUEST, "0 4 * * 1", keep=True, author="ada")
    await rules.add(RuleKind.USER, "ada", allowed=False, reason="", author="root")
    await kept.rename("ada", "countess")
    assert not (await kept.of("ada")).anything
    [environment], _ = await catalogue.listing("countess", "countess")
    assert (environment.owner, environment.spec.reader) == ("countess", "countess")
    assert (await catalogue.known(BUILT.image, "countess")).visible
    assert not (await catalogue.known(BUILT.image, "ada")).visible
    record = await jobs.record(id)
    assert (record.owner, record.users, record.request.spec.reader) == ("countess", ("countess",), "countess")
    assert await kept.keyring.tokens("countess") == {"github.com": "t0ken"}
    assert [one.author for one in await Schedules(database).listing()] == ["countess"]
    assert [one.pattern for one in await rules.listing()] == ["countess"]


async def test_a_name_that_has_something_keeps_it(database: Database, jobs: Jobs, kept: KeptOfUsers) -> None:
    """Of one repository both have an environment then; a build that both asked for is theirs once."""
    catalogue = Catalogue(database)
    mine, theirs = await catalogue.save(saved("countess")), await catalogue.save(saved("ada"))
    await kept.keyring.store("ada", "github.com", "old")
    await kept.keyring.store("ada", "gitlab.com", "hers")
    await kept.keyring.store("countess", "github.com", "new")
    waiting = compose(FakeBuilder(), database, BuildSettings())
    request = replace(REQUEST, as_of="2026-01-01")
    both, _ = await waiting.submit(request, "ada")
    await waiting.submit(request, "countess")
    await kept.rename("ada", "countess")
    found, _ = await catalogue.listing("countess")
    assert {one.id for one in found} == {mine.id, theirs.id}
    assert (await catalogue.save(saved("countess"))).id == mine.id
    assert await kept.keyring.tokens("countess") == {"github.com": "new", "gitlab.com": "hers"}
    assert (await jobs.record(both.id)).users == ("countess",)


async def test_without_the_key_nothing_is_renamed(database: Database, kept: KeptOfUsers) -> None:
    """A half would be worse: the environments of private repositories without the tokens that open them."""
    await Catalogue(database).save(saved("ada"))
    await kept.keyring.store("ada", "github.com", "t0ken")
    with pytest.raises(ServiceError, match="without the key"):
        await KeptOfUsers(database, Keyring(database)).rename("ada", "countess")
    assert (await kept.of("ada")).environments == 1 and not (await kept.of("countess")).anything
    await KeptOfUsers(database, Keyring(database)).forget("ada")
    assert not (await kept.of("ada")).anything


@pytest.mark.parametrize("new", ["", " ", "ada", "x" * 256])
async def test_what_is_no_other_name_is_refused(database: Database, kept: KeptOfUsers, new: str) -> None:
    """Before anything is changed."""
    await Catalogue(database).save(saved("ada"))
    with pytest.raises(BadSpec, match="no other name"):
        await kept.rename("ada", new)
    assert (await kept.of("ada")).environments == 1


async def test_an_admin_asks_the_service(tmp_path: Path) -> None:
    """And nobody else may; names are told as they are typed."""
    async with in_memory(tmp_path) as service:
        made = await service.ask("POST", "api/builds", json={"spec": "org/repo"})
        assert made.status_code == 201
        name = made.json()["owner"]
        for method, more in (("GET", {}), ("DELETE", {}), ("PATCH", {"json": {"name": "x"}})):
            assert (await service.ask(method, f"api/users/{name}", **more)).status_code == 403
        assert (await service.ask("GET", f"api/users/{name}", "root")).json()["builds"] == 1
        renamed = await service.ask("PATCH", f"api/users/{name}", "root", json={"name": "x.y@z"})
        assert renamed.status_code == 200 and renamed.json()["builds"] == 1
        assert (await service.ask("GET", "api/users/x.y%40z", "root")).json()["builds"] == 1
        assert (await service.ask("DELETE", "api/users/x.y%40z", "root")).json()["name"] == "x.y@z"
        gone = await service.ask("DELETE", "api/users/x.y%40z", "root")
        assert gone.status_code == 404 and "Nothing is kept of x.y@z" in gone.text


def test_the_command_says_what_there_is_and_what_stays(tmp_path: Path) -> None:
    """A dry run changes nothing; the home is named, for it stays."""

    async def save(database: Database) -> None:
        await Catalogue(database).save(saved("ada"))

    with_records(tmp_path, save)
    home = DataDir(tmp_path).homes / "ada"
    home.mkdir(parents=True)

    def run(*words: str) -> str:
        done = CliRunner().invoke(users, [*words, "--data-dir", str(tmp_path)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert run("forget", "ada", "--dry-run").startswith("Would forget of ada: 1 environment.\n")
    assert run("rename", "ada", "countess", "--dry-run").startswith("Would give countess, of ada: 1 environment.\n")
    assert run("rename", "ada", "countess").startswith("countess has, of ada: 1 environment.\n")
    assert (
        run("show", "ada")
        == f"Kept of ada: nothing.\nTheir home is {home}: it stays; move or remove it while no server of theirs runs.\n"
    )
    assert run("forget", "countess") == "Forgotten of countess: 1 environment.\n"
    assert run("show", "countess") == "Kept of countess: nothing.\n"

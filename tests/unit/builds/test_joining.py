"""Which requests are one build: those of one commit, whatever it was called by, and those whose image is there."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hubkiln.builds.allowances import Quotas
from hubkiln.builds.codec import decode_request, encode_request, request_key
from hubkiln.builds.events import Entered, Phase, Resolved
from hubkiln.builds.interface import Built, Record
from hubkiln.builds.lookups import Glances, Lookups
from hubkiln.builds.requests import Sources
from hubkiln.builds.rules import RuleKind
from hubkiln.errors import RefNotFound, Refused
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.values import Revision, Spec

from .conftest import QUICK, REQUEST, Start, everything

OLD, NEW = "a" * 40, "b" * 40


class Host:
    """A host of one repository, whose refs move when it is pushed to."""

    def __init__(self) -> None:
        self.refs = {"HEAD": OLD, "main": OLD, OLD: OLD, "dev": NEW}
        self.asked: list[str] = []
        self.was_asked, self.slow = asyncio.Event(), asyncio.Event()
        self.asked_for: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.slow.set()

    async def resolve(self, spec: Spec) -> Revision:
        """As providers do."""
        self.asked.append(spec.ref)
        self.was_asked.set()
        self.asked_for[spec.ref].set()
        if spec.ref not in self.refs:
            raise RefNotFound()
        commit = self.refs[spec.ref]
        await self.slow.wait()
        return Revision(spec=spec, commit=commit, url="https://example.org/r", name="r")


async def here(built: Built) -> bool:
    """Nothing was removed."""
    return True


async def gone(built: Built) -> bool:
    """Everything was removed."""
    return False


def at(ref: str) -> Spec:
    return replace(REQUEST.spec, ref=ref)


async def test_names_of_one_commit_join(start: Start) -> None:
    """``HEAD``, ``main`` and the commit are one build; each user keeps what they called it."""
    jobs = await start(FakeBuilder(held=True), sources=Sources(resolve=Host().resolve))
    ids = {
        (await jobs.submit(replace(REQUEST, spec=at(ref)), user))[0].id
        for user, ref in (("ada", "HEAD"), ("grace", "main"), ("mary", OLD))
    }
    record = await jobs.record(ids.pop())
    assert not ids and [record.spec_of(user).ref for user in record.users] == ["HEAD", "main", OLD]


async def test_whoever_pushes_a_fix_gets_it(start: Start) -> None:
    """The same ref with another commit is another build, though the first still runs; each builds its own commit."""
    host, builder = Host(), FakeBuilder(held=True)
    jobs = await start(builder, sources=Sources(resolve=host.resolve))
    first, _ = await jobs.submit(REQUEST, "ada")
    host.refs["HEAD"] = NEW
    second, joined = await jobs.submit(REQUEST, "ada")
    await builder.until_started(2)
    assert not joined and second.id != first.id
    assert [request.revision and request.revision.commit for request in builder.requests] == [OLD, NEW]


async def test_a_retry_looks_again(start: Start) -> None:
    """A build that failed is retried at the commit that its ref means now."""
    host, builder = Host(), FakeBuilder(held=True)
    jobs = await start(builder, sources=Sources(resolve=host.resolve))
    record, _ = await jobs.submit(REQUEST, "ada")
    await jobs.cancel(record.id, "ada")
    host.refs["HEAD"] = NEW
    again, _ = await jobs.retry(record.id, "ada")
    assert again.request.revision is not None and again.request.revision.commit == NEW


async def test_what_cannot_be_looked_up_is_left_to_the_build(start: Start) -> None:
    """The request is recorded as it was asked, so that the build's own record says what is wrong."""
    jobs = await start(FakeBuilder(), sources=Sources(resolve=Host().resolve))
    record, _ = await jobs.submit(replace(REQUEST, spec=at("none")), "ada")
    assert record.request == replace(REQUEST, spec=at("none"))


async def test_a_host_that_does_not_answer_is_not_waited_for(start: Start) -> None:
    """After the time for look-ups the request is recorded as it was asked."""
    host = Host()
    host.slow.clear()
    jobs = await start(FakeBuilder(), replace(QUICK, lookup_seconds=0.01), sources=Sources(resolve=host.resolve))
    assert (await jobs.submit(REQUEST, "ada"))[0].request.revision is None


async def test_those_who_ask_during_a_look_up_share_the_next() -> None:
    """Nobody gets an answer older than their question, and a crowd costs two look-ups."""
    host = Host()
    host.slow.clear()
    lookups = Lookups(host.resolve, 5)
    first = asyncio.create_task(lookups.find(REQUEST.spec, "ada"))
    await host.was_asked.wait()
    host.refs["HEAD"] = NEW
    others = [asyncio.create_task(lookups.find(REQUEST.spec, "ada")) for _ in range(100)]
    await asyncio.sleep(0)
    host.slow.set()
    found = [revision.commit for revision in await asyncio.gather(first, *others) if revision]
    assert found == [OLD] + [NEW] * 100 and len(host.asked) == 2


@pytest.mark.parametrize("way", ["ordered", "written"])
async def test_nobody_has_all_look_ups_to_themselves(way: str) -> None:
    """However many repositories one user names at a time: few are asked for at once, and others come between."""
    host = Host()
    host.slow.clear()
    looking = Lookups(host.resolve, 50) if way == "ordered" else Glances(host.resolve, seconds=50)
    many = [asyncio.create_task(looking.find(at(f"v{number}"), "ada")) for number in range(40)]
    host.refs |= {f"v{number}": OLD for number in range(40)}
    await host.was_asked.wait()
    other = asyncio.create_task(looking.find(at("dev"), "grace"))
    await host.asked_for["dev"].wait()
    assert len(host.asked) == 5
    host.slow.set()
    found = await asyncio.gather(other, *many)
    assert len([revision for revision in found if revision]) == 41


@pytest.mark.parametrize(("kind", "pattern"), [(RuleKind.USER, "ada"), (RuleKind.SPEC, "gh/org/*")])
async def test_for_what_is_forbidden_no_host_is_asked(start: Start, kind: RuleKind, pattern: str) -> None:
    """Neither for a build nor for its forecast."""
    host = Host()
    jobs = await start(FakeBuilder(), sources=Sources(resolve=host.resolve))
    await jobs.rules.add(kind, pattern, author="root")
    with pytest.raises(Refused):
        await jobs.submit(REQUEST, "ada")
    assert (await jobs.forecasts.of(REQUEST, "ada")).outcome == "refused"
    assert not host.asked


async def test_what_was_built_is_ready_at_once(start: Start) -> None:
    """An equal request whose image is there is a record of its own that was never built, saved like any other."""
    saved: list[Record] = []

    async def save(record: Record) -> None:
        saved.append(record)

    builder = FakeBuilder()
    jobs = await start(builder, on_ready=[save], sources=Sources(resolve=Host().resolve, present=here))
    first, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, first.id)
    second, joined = await jobs.submit(replace(REQUEST, spec=at("main")), "grace")
    assert (second.state, joined, len(builder.requests)) == (Phase.READY, False, 1)
    assert second.built == replace(BUILT, reused=True) and second.finished
    events = [one.event for one in await everything(jobs, second.id)]
    assert events == [Entered(Phase.QUEUED), Resolved(BUILT.commit), Entered(Phase.READY)]
    assert [record.owner for record in saved] == ["ada", "grace"] and saved[1].spec_of("grace").ref == "main"


@pytest.mark.parametrize("again", [False, True])
async def test_what_ends_while_it_is_asked_for_is_not_built_twice(start: Start, again: bool) -> None:
    """Not ready when it was looked for, no longer under way when it was to be joined: it is ready all the same."""
    builder, running = FakeBuilder(held=True), asyncio.Event()

    async def stored(owner: str) -> int:  # is asked between the two
        if running.is_set():
            builder.release()
            await everything(jobs, first.id)
        return 0

    settings = replace(QUICK, quotas=Quotas(user_stored_bytes=1))
    present = gone if again else here  # an image that was gone before is not that of the build that just ended
    jobs = await start(builder, settings, sources=Sources(resolve=Host().resolve, present=present, stored=stored))
    first, _ = await jobs.submit(REQUEST, "ada")
    await builder.until_started(1)
    running.set()
    second, joined = await jobs.submit(REQUEST, "grace")
    assert (second.state, joined, len(builder.requests)) == (Phase.READY, False, 1) and second.id != first.id


@pytest.mark.parametrize("what", ["gone", "refresh", "another day", "another setting"])
async def test_what_may_differ_is_built(start: Start, what: str) -> None:
    """Nothing is taken for known that is gone, old, asked for anew, or was made with other settings."""
    chosen = ["one"]
    settings = replace(QUICK, known_seconds=0 if what == "another day" else 1000)
    sources = Sources(resolve=Host().resolve, present=gone if what == "gone" else here, made_with=lambda: chosen[0])
    builder = FakeBuilder()
    jobs = await start(builder, settings, sources=sources)
    first, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, first.id)
    if what == "another setting":
        chosen[0] = "two"
    second, _ = await jobs.submit(replace(REQUEST, refresh=what == "refresh"), "ada")
    await everything(jobs, second.id)
    assert len(builder.requests) == 2


def test_a_request_with_its_commit_comes_back() -> None:
    """What is stored is what was asked, times included; only the commit counts for joining."""
    revision = Revision(
        spec=at("dev"), commit=NEW, url="https://e.org/r", name="r", committed_at=datetime(2026, 1, 2, tzinfo=UTC)
    )
    request = replace(REQUEST, spec=at("dev"), revision=revision)
    assert decode_request(encode_request(request)) == request
    assert request_key(request) == request_key(replace(REQUEST, spec=at(NEW), revision=replace(revision, url="x")))


async def test_a_newer_commit_can_take_the_place_of_those_that_wait(start: Start) -> None:
    """Of the same person, branch and folder, where nobody has begun, and only when asked for."""
    host, builder = Host(), FakeBuilder(held=True)
    jobs = await start(builder, replace(QUICK, at_once=1), sources=Sources(resolve=host.resolve))
    running, _ = await jobs.submit(replace(REQUEST, spec=at("main")), "ada")
    await builder.until_started(1)
    waiting = {}
    for name, ref, user in (("mine", "main", "ada"), ("branch", "dev", "ada"), ("hers", "main", "grace")):
        host.refs["main"] = {"ada": "c" * 40, "grace": "d" * 40}[user]
        waiting[name], _ = await jobs.submit(replace(REQUEST, spec=at(ref)), user)
    host.refs["main"] = "e" * 40
    same, _ = await jobs.submit(replace(REQUEST, spec=at("main")), "ada")
    assert (await jobs.record(waiting["mine"].id)).state == Phase.QUEUED
    host.refs["main"] = "f" * 40
    newest, _ = await jobs.submit(replace(REQUEST, spec=at("main")), "ada", supersede=True)
    states = {name: (await jobs.record(record.id)).state for name, record in waiting.items()}
    assert states == {"mine": Phase.CANCELLED, "branch": Phase.QUEUED, "hers": Phase.QUEUED}
    assert (await jobs.record(same.id)).state == Phase.CANCELLED
    assert (await jobs.record(newest.id)).state == Phase.QUEUED
    assert not (await jobs.record(running.id)).ended
    builder.release()

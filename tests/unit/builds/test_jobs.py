"""What a user of builds can rely on."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from hubkiln.builds.events import Entered, Log, Phase, Queued
from hubkiln.builds.interface import BuildSettings, Record
from hubkiln.builds.journal import Journal
from hubkiln.database.engine import Database
from hubkiln.errors import BadSpec, BuildFailed, Conflict, Interrupted, NotFound
from hubkiln.testing.builds import BUILT, COMMIT, SCRIPT, FakeBuilder
from hubkiln.values import Spec

from .conftest import QUICK, REQUEST, Start, everything


async def test_a_build_that_succeeds_is_recorded_whole(start: Start) -> None:
    """The record of a success holds its result, commit, plan and the time of every phase."""
    jobs = await start(FakeBuilder())
    record, joined = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert not joined
    assert (record.state, record.built, record.commit, record.plan) == (Phase.READY, BUILT, COMMIT, "compose")
    assert record.started and record.finished and record.error is None
    assert set(record.seconds) >= {"queued", "resolving", "fetching", "building", "verifying"}


async def test_followers_get_every_event_in_order(start: Start) -> None:
    """A follower gets queued, all that the builder told, and the end, numbered without a gap."""
    jobs = await start(FakeBuilder())
    record, _ = await jobs.submit(REQUEST, "ada")
    told = await everything(jobs, record.id)
    assert [one.event for one in told] == [Entered(Phase.QUEUED), *SCRIPT, Entered(Phase.READY)]
    assert [one.seq for one in told] == list(range(1, len(told) + 1))


async def test_a_late_follower_gets_the_same(start: Start) -> None:
    """Following an ended build tells what following it live told."""
    jobs = await start(FakeBuilder())
    record, _ = await jobs.submit(REQUEST, "ada")
    live = await everything(jobs, record.id)
    assert await everything(jobs, record.id) == live


@pytest.mark.parametrize("after", [1, 5, 12, 13, 99])
async def test_following_resumes_after_a_number(start: Start, after: int) -> None:
    """Nothing up to the given number is told again."""
    jobs = await start(FakeBuilder())
    record, _ = await jobs.submit(REQUEST, "ada")
    all_of_it = await everything(jobs, record.id)
    assert await everything(jobs, record.id, after) == all_of_it[after:]


async def test_equal_requests_join(start: Start) -> None:
    """A second user who asks for the same joins; both are on the record, and it is built once."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    first, _ = await jobs.submit(REQUEST, "ada")
    second, joined = await jobs.submit(REQUEST, "grace")
    builder.release()
    await everything(jobs, first.id)
    assert joined and second.id == first.id and second.users == ("ada", "grace")
    assert len(builder.requests) == 1


async def test_many_at_once_make_one_build(start: Start) -> None:
    """Twenty simultaneous requests share one build."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    records = await asyncio.gather(*(jobs.submit(REQUEST, f"user{n}") for n in range(20)))
    assert len({record.id for record, _ in records}) == 1
    assert sorted(joined for _, joined in records) == [False] + [True] * 19


async def test_different_requests_do_not_join(start: Start) -> None:
    """Another ref, or a wish for new packages, is another build."""
    jobs = await start(FakeBuilder(held=True))
    requests = [REQUEST, replace(REQUEST, refresh=True), replace(REQUEST, spec=replace(REQUEST.spec, ref="dev"))]
    assert len({(await jobs.submit(request, "ada"))[0].id for request in requests}) == 3


async def test_an_ended_build_is_not_joined(start: Start) -> None:
    """Asking again after the end starts a new build."""
    jobs = await start(FakeBuilder())
    first, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, first.id)
    second, joined = await jobs.submit(REQUEST, "ada")
    assert not joined and second.id != first.id


async def test_a_failing_repository_is_recorded_with_its_reason(start: Start) -> None:
    """The record of a failure holds the error's code, sentence and hint."""
    jobs = await start(FakeBuilder(raises=BuildFailed("pip said no.", hint="Ask nicely.")))
    record, _ = await jobs.submit(REQUEST, "ada")
    told = await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert told[-1].event == Entered(Phase.FAILED)
    assert record.error == {"code": "build_failed", "message": "pip said no.", "hint": "Ask nicely."}


async def test_a_bug_of_ours_is_not_shown(start: Start) -> None:
    """An unexpected exception ends the build as failed, without its text."""
    jobs = await start(FakeBuilder(raises=KeyError("internals")))
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert record.state == Phase.FAILED and record.error and "internals" not in str(record.error)


async def test_a_builder_that_ends_too_early_has_failed(start: Start) -> None:
    """A result out of a phase that cannot be followed by ready is a failure, not an illegal record."""
    jobs = await start(FakeBuilder(script=[Entered(Phase.RESOLVING), Entered(Phase.FETCHING)]))
    record, _ = await jobs.submit(REQUEST, "ada")
    assert (await everything(jobs, record.id))[-1].event == Entered(Phase.FAILED)


async def test_illegal_phases_never_reach_the_journal(start: Start) -> None:
    """A phase that may not follow is dropped."""
    jobs = await start(FakeBuilder(script=[Entered(Phase.RESOLVING), Entered(Phase.VERIFYING), Log("x\n")]))
    record, _ = await jobs.submit(REQUEST, "ada")
    phases = [one.event.phase for one in await everything(jobs, record.id) if isinstance(one.event, Entered)]
    assert phases == [Phase.QUEUED, Phase.RESOLVING, Phase.READY]


async def test_the_only_user_cancels(start: Start) -> None:
    """Cancelling stops the builder and is over when the call returns."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    await builder.until_started(1)
    record = await jobs.cancel(record.id, "ada")
    assert record.state == Phase.CANCELLED and builder.running == 0 and builder.cancelled == 1


async def test_one_user_leaving_does_not_stop_the_others(start: Start) -> None:
    """The owner leaves, the build goes on for who joined; when that one leaves too it stops."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    await jobs.submit(REQUEST, "grace")
    await builder.until_started(1)
    assert not (await jobs.cancel(record.id, "ada")).ended
    assert (await jobs.cancel(record.id, "grace")).state == Phase.CANCELLED


async def test_who_has_left_cannot_leave_again(start: Start) -> None:
    """They are told so, and that the build goes on for others, which their leaving again does not stop."""
    jobs = await start(FakeBuilder(held=True))
    record, _ = await jobs.submit(REQUEST, "ada")
    await jobs.submit(REQUEST, "grace")
    await jobs.cancel(record.id, "ada")
    with pytest.raises(Conflict, match="You have left this build already"):
        await jobs.cancel(record.id, "ada")
    assert not (await jobs.record(record.id)).ended


async def test_who_left_can_come_back(start: Start) -> None:
    """Asking again after leaving joins again."""
    jobs = await start(FakeBuilder(held=True))
    record, _ = await jobs.submit(REQUEST, "ada")
    await jobs.submit(REQUEST, "grace")
    await jobs.cancel(record.id, "ada")
    again, joined = await jobs.submit(REQUEST, "ada")
    assert joined and again.id == record.id and again.left == ()


async def test_strangers_cannot_cancel(start: Start) -> None:
    """A user who did not ask for a build is told that there is none; everybody's leave needs saying so."""
    jobs = await start(FakeBuilder(held=True))
    record, _ = await jobs.submit(REQUEST, "ada")
    with pytest.raises(NotFound):
        await jobs.cancel(record.id, "mallory")
    assert (await jobs.cancel(record.id, "admin", everybody=True)).state == Phase.CANCELLED


async def test_an_ended_build_cannot_be_cancelled(start: Start) -> None:
    """Cancelling after the end is a conflict."""
    jobs = await start(FakeBuilder())
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    with pytest.raises(Conflict):
        await jobs.cancel(record.id, "ada")


async def test_a_follower_who_leaves_stops_nothing(start: Start) -> None:
    """Closing the stream leaves the build running."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    following = jobs.follow(record.id)
    await anext(following)
    await following.aclose()  # type: ignore[attr-defined]
    builder.release()
    assert (await everything(jobs, record.id))[-1].event == Entered(Phase.READY)


async def test_only_so_many_run_at_once(start: Start) -> None:
    """The rest wait in order."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder, replace(QUICK, at_once=1))
    specs = [replace(REQUEST, spec=Spec(provider="gh", repository=f"org/{n}")) for n in range(3)]
    records = [(await jobs.submit(spec, "ada"))[0] for spec in specs]
    await builder.until_started(1)
    builder.release()
    for record in records:
        await everything(jobs, record.id)
    assert builder.most_running == 1 and [r.spec.repository for r in builder.requests] == ["org/0", "org/1", "org/2"]


async def test_places_in_the_queue_count_down(start: Start) -> None:
    """Who waits is told their place, and a new one when it changes; the record says it too; nothing of it is kept."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder, replace(QUICK, at_once=1))
    specs = [replace(REQUEST, spec=Spec(provider="gh", repository=f"org/{n}")) for n in range(3)]
    records = [(await jobs.submit(spec, "ada"))[0] for spec in specs]
    await builder.until_started(1)
    assert [(await jobs.record(record.id)).queue_position for record in records] == [None, 1, 2]
    places: list[int] = []
    async for told in jobs.follow(records[2].id):
        if isinstance(told.event, Queued):
            places.append(told.event.position)
            await jobs.cancel(records[len(places) - 1].id, "ada")
        elif len(places) == 2:
            builder.release()
    assert places == [2, 1]
    assert Queued not in [type(one.event) for one in await everything(jobs, records[2].id)]


async def test_a_build_that_takes_too_long_fails(start: Start) -> None:
    """The time limit is a failure that says how long was allowed."""
    jobs = await start(FakeBuilder(held=True), replace(QUICK, seconds=0.01))
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    record = await jobs.record(record.id)
    assert record.error and "longer than 0.01 seconds" in record.error["message"]


async def test_stopping_gives_back(start: Start) -> None:
    """What runs when the service stops goes back to the queue, its followers are let go, and the next one builds it."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    await builder.until_started(1)
    following = asyncio.create_task(everything(jobs, record.id))
    await jobs.stop()
    assert Entered(Phase.QUEUED) in [one.event for one in (await following)[5:]]
    with pytest.raises(Interrupted):
        await jobs.submit(REQUEST, "ada")
    assert (await jobs.record(record.id)).state == Phase.QUEUED and builder.cancelled == 1
    jobs = await start(FakeBuilder())
    told = await everything(jobs, record.id)
    assert told[-1].event == Entered(Phase.READY) and [one.seq for one in told] == list(range(1, len(told) + 1))
    assert "was stopped" in (await jobs.log(record.id)).decode()
    assert (await jobs.record(record.id)).attempts == 1


async def test_stopping_waits_for_no_database(start: Start, database: Database) -> None:
    """What runs is ended all the same, and left to whoever finds this process dead."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder, replace(QUICK, stop_seconds=0.1))
    record, _ = await jobs.submit(REQUEST, "ada")
    await builder.until_started(1)
    await database.change("ALTER TABLE build_events RENAME TO away")
    async with asyncio.timeout(30):
        await jobs.stop()
    await database.change("ALTER TABLE away RENAME TO build_events")
    assert (builder.running, builder.cancelled) == (0, 1)
    assert not (await Journal(database).record(record.id)).ended


async def test_retry_asks_the_same_again(start: Start) -> None:
    """A retried build is new and has the same request; a running one cannot be retried."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(replace(REQUEST, refresh=True), "ada")
    with pytest.raises(Conflict):
        await jobs.retry(record.id, "ada")
    await jobs.cancel(record.id, "ada")
    again, _ = await jobs.retry(record.id, "ada")
    assert again.id != record.id and again.request == record.request


async def test_listing_shows_own_and_joined(start: Start) -> None:
    """A user's list has the builds asked for and joined, newest first, and nobody else's."""
    jobs = await start(FakeBuilder(held=True))
    first, _ = await jobs.submit(REQUEST, "ada")
    second, _ = await jobs.submit(replace(REQUEST, refresh=True), "grace")
    await jobs.submit(REQUEST, "grace")
    assert [record.id for record in await jobs.listing("grace")] == [second.id, first.id]
    assert [record.id for record in await jobs.listing("ada")] == [first.id]
    assert len(await jobs.listing(None)) == 2


async def test_listeners_know_before_the_world(start: Start) -> None:
    """Whoever must act on success has done so before the record says ready, for all who wanted it."""
    seen: list[tuple[Record, str]] = []

    async def save(record: Record) -> None:
        seen.append((record, (await jobs.record(record.id)).state))

    builder = FakeBuilder(held=True)
    jobs = await start(builder, on_ready=[save])
    record, _ = await jobs.submit(REQUEST, "ada")
    await jobs.submit(REQUEST, "grace")
    builder.release()
    await everything(jobs, record.id)
    assert [(one.wanting, one.built) for one, _ in seen] == [(("ada", "grace"), BUILT)]
    assert seen[0][1] != Phase.READY


async def test_an_address_with_a_password_is_refused(start: Start) -> None:
    """Nothing with credentials in its address is recorded."""
    jobs = await start(FakeBuilder())
    spec = Spec(provider="git", repository="https://me:hunter22@example.org/r.git")
    with pytest.raises(BadSpec):
        await jobs.submit(replace(REQUEST, spec=spec), "ada")


async def test_unknown_builds_are_not_found(start: Start) -> None:
    """An id that never was is not found, whatever is asked of it."""
    jobs = await start(FakeBuilder())
    with pytest.raises(NotFound):
        await everything(jobs, "nope")
    with pytest.raises(NotFound):
        await jobs.record("nope")


async def test_a_log_has_an_end(start: Start) -> None:
    """Text after the cap is dropped, and the log says so once."""
    script = [Entered(Phase.RESOLVING), *(Log("é" * 10 + "\n") for _ in range(50))]
    jobs = await start(FakeBuilder(script), BuildSettings(log_bytes=100, flush_seconds=0.001))
    record, _ = await jobs.submit(REQUEST, "ada")
    await everything(jobs, record.id)
    text = (await jobs.log(record.id)).decode()
    assert text.count("is not kept") == 1 and len(text.encode()) < 250


async def test_the_log_can_be_read_in_pieces(start: Start) -> None:
    """Any byte range of the log is that range of the whole, and offsets point at first bytes."""
    script = [Entered(Phase.RESOLVING), *(Log(f"línea {n}\n") for n in range(40))]
    jobs = await start(FakeBuilder(script), BuildSettings(flush_bytes=32, flush_seconds=0.001))
    record, _ = await jobs.submit(REQUEST, "ada")
    told = await everything(jobs, record.id)
    whole = await jobs.log(record.id)
    assert whole.decode() == "".join(f"línea {n}\n" for n in range(40))
    for start_at in range(0, len(whole), 7):
        assert await jobs.log(record.id, start_at, start_at + 11) == whole[start_at : start_at + 11]
    for one in told:
        if isinstance(one.event, Log):
            assert one.offset is not None
            assert whole[one.offset :].startswith(one.event.text.encode())
    assert (await jobs.record(record.id)).log_bytes == len(whole)


@pytest.mark.parametrize(("seconds", "size"), [(0, None), (None, 0)])
async def test_old_logs_are_forgotten_and_nothing_else(
    start: Start, database: Database, seconds: float | None, size: int | None
) -> None:
    """By age or by size, the log goes; the record, its phases and its end stay, and can be followed."""
    jobs = await start(FakeBuilder(), replace(QUICK, keep_logs_seconds=None, keep_logs_bytes=None))
    record, _ = await jobs.submit(REQUEST, "ada")
    told = await everything(jobs, record.id)
    assert await Journal(database).forget_logs(3600, 10_000) == 0
    assert await Journal(database).forget_logs(seconds, size) == 1
    assert await jobs.log(record.id) == b"" and (await jobs.record(record.id)).log_bytes == 0
    assert await everything(jobs, record.id) == [one for one in told if not isinstance(one.event, Log)]
    assert (await jobs.record(record.id)).built == BUILT


async def test_the_log_of_a_running_build_is_never_forgotten(start: Start, database: Database) -> None:
    """However long it is, and however long it runs."""
    builder = FakeBuilder(held=True)
    jobs = await start(builder)
    record, _ = await jobs.submit(REQUEST, "ada")
    await builder.until_started(1)
    assert await Journal(database).forget_logs(0, 0) == 0
    builder.release()
    assert (await everything(jobs, record.id))[-1].event == Entered(Phase.READY)

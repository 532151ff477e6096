"""What every engine promises: bubblewrap's, the one without walls, and the fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubkiln.errors import ServiceError
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Engine, Mount, Room, SandboxSettings
from hubkiln.sandbox.plain import NoIsolation
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.values import Limits

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
ROOM = Room(env=PATH)


async def speaks(inside: Inside) -> int:
    inside.say("out\nerr\n")
    return 3


async def tells(inside: Inside) -> int:
    inside.say(inside.room.env["GREETING"] + "\n")
    return 0


async def obeys(inside: Inside) -> int:
    inside.say("ready\n")
    await inside.terminated.wait()
    inside.say("bye\n")
    return 7


async def ignores(inside: Inside) -> int:
    inside.say("ready\n")
    await asyncio.Event().wait()
    return 0


PROGRAMS = {"speaks": speaks, "tells": tells, "obeys": obeys, "ignores": ignores}
SCRIPTS = {
    "speaks": "echo out; echo err >&2; exit 3",
    "tells": 'echo "$GREETING"',
    "obeys": "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.02; done",
    "ignores": "trap '' TERM; echo ready; while :; do sleep 1; done",
}


@dataclass
class Case:
    """An engine, and another one over the same folder: one of a later life."""

    engine: Engine
    later: Engine
    argv: Callable[[str], list[str]]


@pytest.fixture(params=["fake", "plain", pytest.param("bubblewrap", marks=pytest.mark.sandbox)])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    """Each engine in turn."""
    if request.param == "fake":
        engine = FakeEngine(PROGRAMS)
        yield Case(engine, engine, lambda name: [name])
        return
    kind = SandboxEngine if request.param == "bubblewrap" else NoIsolation
    settings = SandboxSettings(state=tmp_path / "state")
    yield Case(kind(settings), kind(settings), lambda name: ["sh", "-c", SCRIPTS[name]] if name in SCRIPTS else [name])


async def line_in(log: Path, text: str) -> None:
    """Return when `log` holds `text`."""
    while not log.exists() or text not in log.read_text():  # noqa: ASYNC110 - a file tells nobody
        await asyncio.sleep(0.01)


async def test_it_says_that_it_works(case: Case) -> None:
    """A probe that fails would come with a reason."""
    capability = await case.engine.probe()
    assert capability.works, capability.reason


async def test_what_works_refuses_nothing(case: Case) -> None:
    """Asked twice, and by a later life."""
    assert [await case.engine.refusal(), await case.engine.refusal(), await case.later.refusal()] == ["", "", ""]


async def test_code_and_output_come_back(case: Case) -> None:
    """Both kinds of output are told as they come, and kept."""
    said: list[str] = []
    outcome = await case.engine.run(ROOM, case.argv("speaks"), say=said.append)
    assert (outcome.code, outcome.output, outcome.timed_out) == (3, "out\nerr\n", False)
    assert "".join(said) == outcome.output


async def test_the_environment_is_the_rooms(case: Case) -> None:
    """A program sees what the room says."""
    outcome = await case.engine.run(Room(env=PATH | {"GREETING": "hello"}), case.argv("tells"))
    assert (outcome.code, outcome.output) == (0, "hello\n")


@pytest.mark.slow
async def test_time_runs_out(case: Case) -> None:
    """After its seconds a command is ended, and the outcome says so."""
    assert (await case.engine.run(Room(env=PATH, limits=Limits(seconds=0.3)), case.argv("ignores"))).timed_out


@pytest.mark.slow
async def test_who_is_cancelled_returns_at_once(case: Case) -> None:
    """A cancelled run ends what it ran, whatever that thinks of it."""
    ready = asyncio.Event()
    run = asyncio.create_task(case.engine.run(ROOM, case.argv("ignores"), say=lambda _: ready.set()))
    await ready.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_one_that_obeys_ends_as_it_likes(case: Case, tmp_path: Path) -> None:
    """It is asked to end, may put things in order, and its own code comes back; its log has all it said."""
    log = tmp_path / "log"
    running = await case.engine.start(ROOM, case.argv("obeys"), log=log)
    await line_in(log, "ready")
    assert running.poll() is None
    assert await running.stop(grace=10) == 7
    assert running.poll() == 7 and await running.wait() == 7 and not running.out_of_memory
    said = log.read_text().splitlines()
    assert (said[0], said[-1]) == ("ready", "bye")  # without walls the shell's own children are told too


async def test_one_that_does_not_is_ended(case: Case, tmp_path: Path) -> None:
    """After the grace it is killed."""
    log = tmp_path / "log"
    running = await case.engine.start(ROOM, case.argv("ignores"), log=log)
    await line_in(log, "ready")
    assert await running.stop(grace=0.1) == 137


async def test_one_is_found_again_by_its_state(case: Case, tmp_path: Path) -> None:
    """Who comes later can poll and stop it."""
    log = tmp_path / "log"
    running = await case.engine.start(ROOM, case.argv("obeys"), log=log)
    await line_in(log, "ready")
    again = case.later.attach(running.to_state())
    assert again.poll() is None
    await again.stop(grace=10)
    assert await running.wait() == 7 and again.poll() is not None


async def test_a_folder_that_is_not_there_is_no_exit_code(case: Case) -> None:
    """A room that cannot be made is an error that names what is missing."""
    if isinstance(case.engine, NoIsolation):
        pytest.skip("without walls nothing is mounted")
    room = Room(env=PATH, mounts=(Mount(source=Path("/no/such/folder"), target="/x"),))
    with pytest.raises(ServiceError, match="/no/such/folder"):
        await case.engine.run(room, case.argv("speaks"))


async def test_a_program_that_is_not_there_says_so(case: Case) -> None:
    """An exit code, and its name in the output."""
    if isinstance(case.engine, NoIsolation):
        pytest.skip("without walls it is an error of the system")
    outcome = await case.engine.run(ROOM, ["no-such-program"])
    assert outcome.code in (1, 127) and "no-such-program" in outcome.output

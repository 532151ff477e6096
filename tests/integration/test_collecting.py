"""Collecting beside those who build, and when somebody is killed: an image that is there is there with all of it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import random
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from collecting_yard import RECIPES, Yard, pass_hours

from hubkiln.builds import BuildRequest
from hubkiln.data_dir import DataDir
from hubkiln.database import open_local
from hubkiln.environments import StoredLocks
from hubkiln.packages import PackageSettings, preferred_stack
from hubkiln.packages.uv_locker import UvLocker
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings, Timer
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import fake_workshop
from index_server import Index, serve
from wheels import make_wheel

PROGRAM = Path(__file__).parent / "collecting_yard.py"
ALL = CollectSettings(keep_seconds=0)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index of three packages and one of the Jupyter stack."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    make_wheel(folder, "ipykernel", dict(preferred_stack("3.11"))["ipykernel"])
    for name in ("one", "two", "three"):
        make_wheel(folder, name, files={f"{name}.py": "X = 1\n"})
    with serve(folder) as running:
        yield running


@pytest.fixture
def yard(tmp_path: Path, index: Index) -> Yard:
    """A machine that builds from it."""
    return Yard(DataDir(tmp_path / "data").make(), [index.wheel(path) for path in sorted(index.folder.glob("*.whl"))])


@asynccontextmanager
async def program(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The yard's program; killed at the end, if it has not ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, PROGRAM, *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def builder(yard: Yard) -> list[str]:
    """The words that make the program build."""
    return ["build", str(yard.data.root), json.dumps([asdict(wheel) for wheel in yard.wheels])]


async def test_builds_of_another_process_lose_nothing_while_everything_goes(yard: Yard) -> None:
    """Hours pass between two looks, everything old goes, and what a build has begun to use is there at its end."""
    gone = built = 0
    async with program(*builder(yard)) as one, program(*builder(yard)) as other:
        assert one.stdout is not None and other.stdout is not None
        while built < 30 or gone < 30:
            pass_hours(yard.data)
            _, swept = await Storage(yard.data).collect(ALL)
            gone += len(swept.gone)
            for process in (one.stdout, other.stdout):
                assert await process.readline() == b"built\n"
                built += 1


async def test_a_killed_collector_leaves_things_whole_or_gone(yard: Yard) -> None:
    """Killed at any moment of its sweep, again and again; the next one finishes, and nothing of it is left."""
    moments = random.Random(20261129)
    for _ in range(4):
        for name in RECIPES:
            await yard.build(name)
        pass_hours(yard.data)
        async with program("collect", str(yard.data.root)) as collector:
            assert collector.stdout is not None and collector.stdin is not None
            assert (await collector.stdout.readline()).startswith(b"found ")
            collector.stdin.write(b"\n")
            await asyncio.sleep(moments.uniform(0, 0.01))  # not for an event: the moment is to be any
        yard.whole()
    pass_hours(yard.data)
    await Storage(yard.data).collect(ALL)
    left = [thing for store in Storage(yard.data).stores() for thing in store.things()]
    assert not left and not list((yard.data.root / "trash").iterdir()) and not Storage(yard.data).nobodys()


async def test_what_a_killed_build_left_goes(yard: Yard) -> None:
    """Its lease ends with it, and its unfinished things are garbage."""
    async with program(*builder(yard)) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        (yard.data.work / "tree-unfinished").mkdir()
        while not list((yard.data.root / "leases").iterdir()):  # noqa: ASYNC110 - between two of its builds it has none
            await asyncio.sleep(0.001)
    for held in (yard.data.root / "leases").iterdir():  # also by what it had just forked, for a moment
        with held.open("rb") as file:
            await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_SH)
    pass_hours(yard.data)
    await Storage(yard.data).collect(ALL)
    yard.whole()
    assert not list(yard.data.work.iterdir()) and not list((yard.data.root / "leases").iterdir())


async def test_a_collection_sees_a_build_that_begins_meanwhile(yard: Yard) -> None:
    """What was about to go is used again by it, and stays."""
    built = await yard.build("gh/ann/a")
    pass_hours(yard.data)
    collector, found = await Storage(yard.data).look(ALL)
    assert len(found.garbage) > 3
    again = await yard.build("gh/ann/a")
    swept = collector.sweep(found)
    assert again.image == built.image and swept.rescued
    yard.whole()


async def test_a_service_collects_in_a_process_of_its_own(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    """Now and then, with what the admin chose; the log has it, and nothing is left running when the service ends."""
    await yard.build("gh/ann/a")
    pass_hours(yard.data)
    done, caplog.handler.level = asyncio.Event(), 0
    logging.getLogger("hubkiln.stores.timer").setLevel(logging.INFO)
    caplog.handler.addFilter(lambda record: not done.set())
    timer = Timer(root=yard.data.root, settings=replace(ALL, every_seconds=0.1))
    assert await replace(timer, settings=CollectSettings()).look() is not None
    assert list(yard.data.environments.iterdir())
    done.clear()
    async with timer.running():
        await done.wait()
    assert not list(yard.data.environments.iterdir())
    assert [record.message for record in caplog.records[:2]] == ["storage looked at", "storage collected"]


async def test_without_a_time_to_do_so_a_service_never_collects(yard: Yard) -> None:
    """An admin says that it may."""
    async with Timer(root=yard.data.root, settings=CollectSettings(), first_seconds=0).running():
        (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "collect"]
        await asyncio.wait_for(asyncio.shield(task), 60)


async def starts(inside: Inside) -> int:
    """A server's program that runs."""
    inside.say("6.1.1\n")
    return 0


async def test_a_deleted_environment_comes_back_the_same_from_its_lock(tmp_path: Path) -> None:
    """Real uv, and an index that has newer packages by then: the kept lock gives the same digest."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    for name, version in preferred_stack("3.11"):
        make_wheel(folder, name, version, files={f"{name.replace('-', '_')}.py": "X = 1\n"})
    make_wheel(folder, "one", files={"one.py": "X = 1\n"})
    data, repositories, engine = DataDir(tmp_path / "data").make(), FakeRepositories(), FakeEngine()
    engine.programs["jupyterhub-singleuser"] = starts
    repositories.add("gh/ann/work", {"requirements.txt": "one\n"})
    with ExitStack() as opened:
        index = opened.enter_context(serve(folder))
        locker = UvLocker(PackageSettings(index_url=index.simple), data.cache, hidden=(data.root,))
        database = await open_local(data.database)
        opened.callback(database.close)
        workshop = fake_workshop(
            data.root, repositories, locker=locker, engine=engine, locks=StoredLocks(database), opened=opened
        )
        request = BuildRequest(spec=repositories.parse("gh/ann/work"))
        first = await workshop.pipeline.build(request, lambda event: None)
        pass_hours(data)
        await Storage(data).collect(ALL)
        assert not list(data.environments.iterdir()) and not list((data.images / "documents").iterdir())
        make_wheel(folder, "one", "2.0", files={"one.py": "X = 2\n"})
        second = await workshop.pipeline.build(request, lambda event: None)
    assert (second.image, second.environment_key, second.reused) == (first.image, first.environment_key, False)
    assert (second.lock_digest, second.commit) == (first.lock_digest, first.commit)

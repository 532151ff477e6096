"""What holds for builds on SQLite holds on a real PostgreSQL: the same tests, run again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from stopped_worker import LATE, SETTINGS

from hubkiln.builds.events import Entered, Phase
from hubkiln.builds.jobs import compose
from hubkiln.database.engine import Database, open_database
from hubkiln.database.tables import metadata
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.values import Spec
from postgresql import throw_away_server
from unit.builds.conftest import REQUEST
from unit.builds.conftest import start as start
from unit.builds.test_claims import *  # noqa: F403
from unit.builds.test_jobs import *  # noqa: F403
from unit.builds.test_joining import *  # noqa: F403
from unit.builds.test_occasions import *  # noqa: F403
from unit.builds.test_quotas import *  # noqa: F403
from unit.builds.test_workers import *  # noqa: F403
from unit.builds.test_writer import *  # noqa: F403
from unit.test_users import jobs as jobs
from unit.test_users import kept as kept
from unit.test_users import (
    test_a_build_that_others_want_too_goes_on_for_them,  # noqa: F401
    test_a_build_that_runs_stops_and_is_nobodys,  # noqa: F401
    test_a_name_that_has_something_keeps_it,  # noqa: F401
    test_another_name_has_what_the_first_had,  # noqa: F401
    test_whoever_gets_a_forgotten_name_has_nothing,  # noqa: F401
    test_without_the_key_nothing_is_renamed,  # noqa: F401
)
from unit.web.test_visitors import test_two_processes_have_one_limit as test_two_processes_have_one_limit
from unit.web.test_visitors import (
    test_windows_of_a_clock_that_was_wrong_end as test_windows_of_a_clock_that_was_wrong_end,
)

pytest.importorskip("asyncpg")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a PostgreSQL."""
    with throw_away_server() as url:
        yield url


@pytest_asyncio.fixture
async def database(server: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database, in place of the SQLite file that those tests have else."""
    database = await open_database(server)
    async with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
    yield database
    await database.close()


STOPPED = Path(__file__).with_name("stopped_worker.py")
AS_ROOT = () if os.geteuid() == 0 else ("--user", "--map-root-user")
ELSEWHERE = ("unshare", *AS_ROOT, "--pid", "--fork", "--kill-child", "--mount-proc")
"""Where the kernel's numbers of processes are others, as on another machine."""


def can_be_elsewhere() -> bool:
    """Whether this machine lets processes have a place of their own."""
    try:
        return subprocess.run([*ELSEWHERE, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@asynccontextmanager
async def elsewhere(url: str) -> AsyncIterator[Process]:
    """A process of the service on another machine, as far as anybody can tell; all of it is one process group."""
    argv = (*ELSEWHERE, sys.executable, "-W", "error", str(STOPPED), url)
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, start_new_session=True)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def test_who_stood_still_too_long_has_nothing_to_say(server: str, database: Database) -> None:
    """
    A process that is stopped beyond its lease is taken for dead, and its build over; when it goes on, its result is
    nobody's, and it builds what comes next.
    """
    if not can_be_elsewhere():
        pytest.skip("processes have one place here")
    builder = FakeBuilder([Entered(Phase.RESOLVING)], held=True)
    jobs = compose(builder, database, SETTINGS)
    first, _ = await jobs.submit(REQUEST, "ada")
    async with asyncio.timeout(200), elsewhere(server) as other:
        assert other.stdin is not None and other.stdout is not None
        assert await other.stdout.readline() == b"begun\n"
        os.killpg(other.pid, signal.SIGSTOP)
        await jobs.start()
        await builder.until_started(1)
        other.stdin.write(b"\n")
        os.killpg(other.pid, signal.SIGCONT)
        second, _ = await jobs.submit(replace(REQUEST, spec=Spec(provider="gh", repository="org/next")), "ada")
        [one async for one in jobs.follow(second.id)]  # the other alone has a place free
        builder.release()
        told = [one async for one in jobs.follow(first.id)]
    built = {id: (await jobs.record(id)).built for id in (first.id, second.id)}
    await jobs.stop()
    assert built == {first.id: BUILT, second.id: LATE}
    assert [one.seq for one in told] == list(range(1, len(told) + 1))
    assert [one.event for one in told].count(Entered(Phase.READY)) == 1 and told[-1].event == Entered(Phase.READY)

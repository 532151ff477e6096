"""Builds in processes of their own: what happens where one of them is killed, hangs, floods or is left alone."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import fake_child
from fake_child import apart
from hubkiln.builds import BuildRequest, Event, Log
from hubkiln.builds.interface import BuildDied
from hubkiln.data_dir import DataDir
from hubkiln.local_images import at_desk, clear_left
from hubkiln.processes import ProcessId
from hubkiln.testing.builds import BUILT, SCRIPT
from hubkiln.values import Spec

pytestmark = pytest.mark.slow

REQUEST = BuildRequest(spec=Spec(provider="gh", repository="org/repo"))


def ignore(event: Event) -> None:
    """Nobody listens."""


def children() -> list[ProcessId]:
    """Processes of ours that live."""
    return [process for process in ProcessId.ours().children() if process.alive()]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("killed", "was killed by signal 9 (SIGKILL)"),
        ("crashed", "was killed by signal 11 (SIGSEGV)"),
        ("left", "ended with status 7 before it had told its end"),
    ],
)
async def test_a_death_is_told_as_what_it_was(tmp_path: Path, kind: str, what: str) -> None:
    """All that was told before it has been heard, and the same builder builds on."""
    told: list[Event] = []
    async with apart(kind, tmp_path) as builder:
        for _ in range(2):
            with pytest.raises(BuildDied, match="The process that built this") as caught:
                await builder.build(REQUEST, told.append)
            assert what in caught.value.message
    assert tuple(told) == SCRIPT * 2 and children() == []


async def test_what_a_killed_one_had_begun_is_taken_away(tmp_path: Path) -> None:
    """It is gone when its death is told; what a process that lives has begun stays."""
    data = DataDir(tmp_path / "data").make()
    told: list[Event] = []
    with at_desk(data) as ours:
        (ours.work / "mine").mkdir()
        async with apart("working", tmp_path, data=str(data.root), clear=partial(clear_left, data)) as builder:
            with pytest.raises(BuildDied):
                await builder.build(REQUEST, told.append)
        assert [one.text for one in told if isinstance(one, Log)] != []
        assert [path.name for path in data.work.rglob("*")] == [ours.desk, "mine"]
    assert [*data.work.iterdir(), *(data.root / "trash").iterdir()] == []


async def test_what_does_not_end_when_told_is_ended(tmp_path: Path) -> None:
    """A cancellation ends in bounded time, whatever the process does."""
    begun = asyncio.Event()
    async with apart("deaf", tmp_path, grace=0.2) as builder:
        task = asyncio.create_task(builder.build(REQUEST, lambda event: begun.set()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)
    assert children() == []


async def test_a_flood_of_lines_waits_for_whoever_reads(tmp_path: Path) -> None:
    """Ten thousand lines come in order and none is missing; a cancellation in the middle of them ends it."""
    told: list[str] = []
    half, enough = asyncio.Event(), asyncio.Event()

    def tell(event: Event) -> None:
        if isinstance(event, Log) and event.text.startswith("line"):
            told.append(event.text)
        (half if len(told) == 5000 else enough if len(told) == 10_000 else asyncio.Event()).set()

    async with apart("talking", tmp_path, lines=10_000) as builder:
        task = asyncio.create_task(builder.build(REQUEST, tell))
        await enough.wait()
        task.cancel()
        await asyncio.wait([task])
    assert told == [f"line {number}\n" for number in range(10_000)]
    told.clear()
    half.clear()
    async with apart("talking", tmp_path, lines=1_000_000, grace=0.2) as builder:
        task = asyncio.create_task(builder.build(REQUEST, tell))
        await half.wait()
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled() and len(told) < 1_000_000 and children() == []


async def test_secrets_come_by_the_pipe_and_to_their_build_alone(tmp_path: Path) -> None:
    """Each process is told what belongs to its order; whoever lists processes reads nothing of it."""

    async def secrets(request: BuildRequest) -> dict[str, str]:
        return {"token": f"s3cret of {request.spec.reader}"}

    told: list[str] = []
    async with apart("telling", tmp_path, secrets=secrets) as builder:
        for reader in ("ada", "grace"):
            told.clear()
            spec = replace(REQUEST.spec, reader=reader)
            await builder.build(replace(REQUEST, spec=spec), lambda e: told.append(getattr(e, "text", "")))
            assert json.loads(told[0])["token"] == f"s3cret of {reader}"
            assert "s3cret" not in "".join(told[1:])


async def test_the_next_process_waits_before_it_is_needed(tmp_path: Path) -> None:
    """While nothing is built one is there; when the block ends none is left."""
    async with apart("usual", tmp_path) as builder:
        assert await builder.build(REQUEST, ignore) == BUILT
        (waiting,) = children()
        waiting.signal(signal.SIGKILL)  # one that died meanwhile is not given an order
        await waiting.ended()
        assert await builder.build(REQUEST, ignore) == BUILT
    assert children() == []


@pytest.mark.parametrize("how", ["its orders end", "its parent is killed"])
def test_a_build_ends_with_whoever_ordered_it(tmp_path: Path, how: str) -> None:
    """No build goes on that nobody would hear of: it cancels itself, in time to clean up."""
    program = f"""
import json, os, subprocess, sys, time
from hubkiln.builds.codec import encode_request
from hubkiln.builds import BuildRequest
from hubkiln.values import Spec
begin = {{"kind": "held", "file": {str(tmp_path / "file")!r}}}
words = [sys.executable, {fake_child.__file__!r}, str(os.getpid())]
child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
order = {{"request": encode_request(BuildRequest(spec=Spec(provider="gh", repository="org/repo"))), "secrets": {{}}}}
child.stdin.write(json.dumps(begin).encode() + b"\\n" + json.dumps(order).encode() + b"\\n")
child.stdin.flush()
child.stdout.readline()
print(child.pid, flush=True)
if sys.argv[1] == "its orders end":
    child.stdin.close()
    child.wait()
else:
    os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", program, how], capture_output=True, text=True, timeout=60)
    process = ProcessId.of(int(done.stdout))
    if process is not None:
        asyncio.run(asyncio.wait_for(process.ended(), 10))
    assert (tmp_path / "file").read_text() == "cancelled"

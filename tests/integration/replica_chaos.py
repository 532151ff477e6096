"""Replicas of the service on one database, of which one is killed again and again while people ask for builds."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
from web_process import TOKENS, Running, running

from hubkiln.builds.events import ENDS, Entered, Log, Phase
from hubkiln.builds.interface import BuildSettings
from hubkiln.builds.jobs import compose
from hubkiln.builds.journal import Journal
from hubkiln.database.engine import database_at
from hubkiln.testing.builds import SCRIPT, FakeBuilder
from hubkiln.testing.hub import FakeHub

USERS = 6


@dataclass
class Chaos:
    """What came of it."""

    kills: int = 0
    asked: dict[str, str] = field(default_factory=dict)
    """Id of each build to the repository that was asked for."""
    refused: int = 0
    """Requests to a replica that was dead at that moment."""
    wrong: list[str] = field(default_factory=list)
    """What is not as it must be, in a sentence each."""
    states: Counter[str] = field(default_factory=Counter)
    attempts: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    """Seconds from a request to its build's end."""


async def killed_repeatedly(
    database: str, seconds: float, every: float, replicas: int = 3, kills: int = 0, builds: int = 0
) -> Chaos:
    """
    Ask for builds for so many `seconds`, killing one of the replicas `every` so many after the last is back, and
    longer until there were so many `kills` and so many `builds` were asked for; then wait for those.
    """
    chaos, users = Chaos(), [f"user{n}" for n in range(USERS)]
    async with FakeHub({user: TOKENS["ada"] | {"name": user} for user in users}) as hub, AsyncExitStack() as stack:
        starting = (stack.enter_async_context(running(hub, database, "paced")) for _ in range(replicas))
        alive = await asyncio.gather(*starting)
        end = time.monotonic() + seconds
        over = asyncio.Event()
        asking = [asyncio.create_task(_ask(chaos, alive, user, over)) for user in users]
        while chaos.kills < kills or len(chaos.asked) < builds or time.monotonic() + every < end:
            await asyncio.sleep(every)
            victim = chaos.kills % replicas
            await alive[victim].end(signal.SIGKILL)
            alive[victim] = await stack.enter_async_context(running(hub, database, "paced"))
            chaos.kills += 1
        over.set()
        await asyncio.gather(*asking)
        async with asyncio.timeout(200):
            await _until_all_ended(database, list(chaos.asked))
    await _judge(chaos, database)
    return chaos


async def _ask(chaos: Chaos, alive: list[Running], user: str, over: asyncio.Event) -> None:
    count = 0
    while not over.is_set():
        count += 1
        repository = f"{user}/{count}"
        try:
            answer = await random.choice(alive).ask("POST", "api/builds", user, json={"spec": repository})
            answer.raise_for_status()
            chaos.asked[answer.json()["id"]] = repository
        except (httpx.TransportError, httpx.HTTPStatusError):
            chaos.refused += 1
        await asyncio.sleep(random.uniform(0.2, 0.6))


async def _until_all_ended(url: str, ids: list[str]) -> None:
    async with database_at(url) as database:
        jobs = compose(FakeBuilder(), database, BuildSettings(at_once=0, poll_seconds=0.1))
        for id in ids:
            async for _ in jobs.follow(id):
                pass


async def _judge(chaos: Chaos, url: str) -> None:
    """Every build that was taken has one end, its own image, and events without a gap or a repetition."""
    async with database_at(url) as database:
        journal = Journal(database)
        for id, repository in chaos.asked.items():
            record = await journal.record(id)
            chaos.states[record.state] += 1
            chaos.attempts[record.attempts] += 1
            told = await journal.events(id, limit=10_000)
            ends = [one for one in told if isinstance(one.event, Entered) and one.event.phase in ENDS]
            log = "".join(one.event.text for one in told if isinstance(one.event, Log))
            whole = "".join(event.text for event in SCRIPT if isinstance(event, Log))
            faults = {
                "has not ended": not record.ended,
                "has not one end": len(ends) != 1,
                "has another's image": record.state == Phase.READY
                and record.built is not None
                and record.built.image != f"hubkiln.local/{repository}:made",
                "has a gap in its events": [one.seq for one in told] != list(range(1, len(told) + 1)),
                "has not its log": record.state == Phase.READY and not log.endswith(whole),
                "failed": record.state not in (Phase.READY, Phase.INTERRUPTED),
                "was given up too early": record.state == Phase.INTERRUPTED and record.attempts < 3,
            }
            chaos.wrong += [f"{repository} {fault}" for fault, true in faults.items() if true]
            if record.finished:
                chaos.slowest = max(chaos.slowest, (record.finished - record.created).total_seconds())

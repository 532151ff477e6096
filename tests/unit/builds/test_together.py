"""One answer for all who ask at a time."""

from __future__ import annotations

import asyncio

import pytest

from hubkiln.builds.together import Together
from hubkiln.errors import ServiceError


async def test_nobody_gets_an_answer_older_than_their_question() -> None:
    """Who comes while somebody is asked shares the next answer with all who do; other questions do not wait."""
    asked: list[str] = []
    go, began = asyncio.Event(), asyncio.Event()

    async def ask(key: str) -> int:
        asked.append(key)
        began.set()
        if key == "slow":
            await go.wait()
        return len(asked)

    together = Together(ask)
    first = asyncio.create_task(together.find("slow"))
    await began.wait()
    others = [asyncio.create_task(together.find("slow")) for _ in range(50)]
    assert await together.find("quick") == 2
    go.set()
    assert await first == 2 and set(await asyncio.gather(*others)) == {3}
    assert asked == ["slow", "quick", "slow"]


async def test_a_failure_is_everybodys_and_not_the_nexts() -> None:
    """All who shared it get it; who asks afterwards is answered."""
    failing = [True]

    async def ask(key: None) -> str:
        if failing[0]:
            raise ServiceError("away")
        return "here"

    together = Together(ask)
    for error in await asyncio.gather(*(together.find(None) for _ in range(3)), return_exceptions=True):
        assert isinstance(error, ServiceError)
    failing[0] = False
    assert await together.find(None) == "here"


async def test_who_stops_waiting_stops_nobody_else() -> None:
    """One who leaves does not cancel the question of the others."""
    go = asyncio.Event()

    async def ask(key: None) -> str:
        await go.wait()
        return "here"

    together = Together(ask)
    leaving, staying = (asyncio.create_task(together.find(None)) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    go.set()
    assert await staying == "here"

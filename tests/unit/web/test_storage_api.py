"""What is kept on the machine, for admins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hubkiln.testing.service import in_memory
from hubkiln.web import StorageReport

TOLD: dict[str, Any] = {
    "dry_run": True,
    "kept_bytes": 30,
    "gone_bytes": 7,
    "kept": [
        {"store": "trees", "key": "a", "bytes": 10, "for": "images/documents/x", "why": 'saved by eve as "secret"'},
        {"store": "trees", "key": "b", "bytes": 15, "for": "trees/b", "why": "used 1 day ago"},
        {"store": "content", "key": "c", "bytes": 5, "for": "content/c", "why": "used 1 day ago"},
    ],
    "gone": [{"store": "wheels", "key": "d", "bytes": 7}],
    "rescued": [],
    "leases": [{"what": "a build of https://git.test/secret", "since": 1.0, "pid": 1}],
    "nobodys": ["/data/notes.txt"],
}


async def test_admins_see_sums_and_no_names(tmp_path: Path) -> None:
    """Of each store what stays and what would go; nothing of whose it is."""

    async def told() -> dict[str, Any]:
        return TOLD

    async with in_memory(tmp_path, storage=StorageReport(told)) as service:
        answer = await service.ask("GET", "api/storage", "root")
        found = answer.json()
        for path in ("api/storage", "api/storage/users"):
            assert (await service.ask("GET", path)).status_code == 403
        assert (await service.ask("GET", "api/storage/users", "root")).json() == {"users": []}
    assert [found[name] for name in ("kept", "kept_bytes", "gone", "gone_bytes", "at_work")] == [3, 30, 1, 7, 1]
    assert found["stores"] == [
        {"name": "content", "kept": 1, "kept_bytes": 5, "gone": 0, "gone_bytes": 0},
        {"name": "trees", "kept": 2, "kept_bytes": 25, "gone": 0, "gone_bytes": 0},
        {"name": "wheels", "kept": 0, "kept_bytes": 0, "gone": 1, "gone_bytes": 7},
    ]
    assert found["nobodys"] == ["/data/notes.txt"] and "secret" not in answer.text


async def test_who_asks_meanwhile_is_told_the_same() -> None:
    """One look at a time, whoever of them leaves; afterwards one looks anew."""
    looks, begun, over = [], asyncio.Event(), asyncio.Event()

    async def told() -> dict[str, Any]:
        looks.append(asyncio.current_task())
        begun.set()
        await over.wait()
        return TOLD

    shared = StorageReport(told)
    one, other = asyncio.create_task(shared.look()), asyncio.create_task(shared.look())
    await begun.wait()
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    over.set()
    assert (await other).kept == 3 and one.cancelled() and len(looks) == 1
    assert (await shared.look()).looked > (await other).looked and len(looks) == 2


async def test_a_look_that_failed_is_the_services_trouble(tmp_path: Path) -> None:
    """The reason is in its log, and the next who asks looks anew; where nothing is kept, there is nothing to see."""

    async def failed() -> None:
        return None

    async with in_memory(tmp_path, storage=StorageReport(failed)) as service:
        for _ in range(2):
            assert (await service.ask("GET", "api/storage", "root")).status_code == 503
    async with in_memory(tmp_path) as service:
        assert (await service.ask("GET", "api/storage", "root")).status_code == 404

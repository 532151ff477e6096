"""A workshop put together as the real one is, with fakes for what is outside: repositories, locks, engine, registry.

::

    repositories = FakeRepositories()
    repositories.add("gh/ann/work", {"requirements.txt": "one\\n"})
    workshop = fake_workshop(tmp_path / "data", repositories, locker=FakeLocker(wheels))
    built = await workshop.pipeline.build(BuildRequest(spec=repositories.parse("gh/ann/work")), print)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hubkiln.assembly import Supplies, Workshop, put_together
from hubkiln.composer import LockBook
from hubkiln.data_dir import DataDir
from hubkiln.images import PushSettings, RegistryClient, RegistrySettings
from hubkiln.later import Later
from hubkiln.local_images import Run
from hubkiln.packages import Locker, Packages
from hubkiln.recipes import Need
from hubkiln.repositories import AnyRepositories
from hubkiln.sandbox import BuildEngine
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.sandbox import FakeEngine
from hubkiln.values import utc_now


@dataclass(frozen=True, slots=True)
class _Kept:
    recipe_key: str
    repository: str
    digest: str
    text: str
    created: datetime


class InMemoryLocks:
    """Locks in memory; see :class:`hubkiln.composer.LockBook`."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._kept: list[_Kept] = []
        """Kept last comes last."""

    async def find(self, recipe_key: str, repository: str, max_age: timedelta) -> str | None:
        """See :class:`hubkiln.composer.LockBook`."""
        known = [one for one in self._kept if one.recipe_key == recipe_key]
        own = [one for one in known if one.repository == repository]
        if own:
            return own[-1].text
        young = [one for one in known if one.created >= self._now() - max_age]
        return max(young, key=lambda one: one.created).text if young else None

    async def by_digest(self, digest: str) -> str | None:
        """See :class:`hubkiln.composer.LockBook`."""
        return next((one.text for one in self._kept if one.digest == digest), None)

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """See :class:`hubkiln.composer.LockBook`; a lock stays as old as it is, however often it is handed on."""
        same = [one.created for one in self._kept if (one.recipe_key, one.digest) == (recipe_key, digest)]
        new = _Kept(recipe_key, repository, digest, text, min(same, default=self._now()))
        named = (recipe_key, repository, digest)
        self._kept = [one for one in self._kept if (one.recipe_key, one.repository, one.digest) != named] + [new]


def fake_workshop(
    folder: Path,
    repositories: AnyRepositories,
    *,
    locker: Locker | None = None,
    engine: BuildEngine | None = None,
    locks: LockBook | None = None,
    run: Run | None = None,
    can: frozenset[Need] = frozenset(),
    opened: ExitStack | None = None,
    push: PushSettings | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    later: Later | None = None,
) -> Workshop:
    """A workshop on the data folder `folder`; what it opens is closed with `opened`, or with the process."""
    data = DataDir(folder).make()
    supplies = Supplies(
        repositories=repositories,
        engine=engine or FakeEngine(),
        packages=Packages(data, locker=locker or FakeLocker()),
        locks=locks or InMemoryLocks(),
        clients=client,
        can=can,
        run=run,
        push=push or PushSettings(seconds=0),
        sleep=sleep,
        later=later,
    )
    return put_together(data, supplies, opened or ExitStack())


def client() -> RegistryClient:
    """A client without logins, which asks once."""
    return RegistryClient(RegistrySettings(attempts=1), credentials=FixedLogins({}))

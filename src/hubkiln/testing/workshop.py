"""A workshop put together as the real one is, with fakes for what is outside: repositories, locks, engine, registry.

::

    repositories = FakeRepositories()
    repositories.add("gh/ann/work", {"requirements.txt": "one\\n"})
    workshop = fake_workshop(tmp_path / "data", repositories, locker=FakeLocker(wheels))
    built = await workshop.pipeline.build(BuildRequest(spec=repositories.parse("gh/ann/work")), print)
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.assembly import Supplies, Workshop, put_together
from hubkiln.data_dir import DataDir
from hubkiln.images import FixedLogins, RegistryClient, RegistrySettings
from hubkiln.local_images import Run
from hubkiln.packages import Locker, Packages
from hubkiln.recipes import Need
from hubkiln.repositories import AnyRepositories
from hubkiln.sandbox import BuildEngine
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.sandbox import FakeEngine


@dataclass
class InMemoryLocks:
    """Locks in memory; see :class:`hubkiln.composer.LockBook`."""

    locks: dict[tuple[str, str], str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    async def find(self, recipe_key: str, repository: str, max_age: object) -> str | None:
        """What was kept for that repository, however long ago."""
        return self.locks.get((recipe_key, repository))

    async def by_digest(self, digest: str) -> str | None:
        """The lock of that digest."""
        return self.digests.get(digest)

    async def keep(self, recipe_key: str, repository: str, text: str, digest: str) -> None:
        """Remember a lock."""
        self.locks[recipe_key, repository] = self.digests[digest] = text


def fake_workshop(
    folder: Path,
    repositories: AnyRepositories,
    *,
    locker: Locker | None = None,
    engine: BuildEngine | None = None,
    locks: InMemoryLocks | None = None,
    run: Run | None = None,
    can: frozenset[Need] = frozenset(),
    opened: ExitStack | None = None,
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
    )
    return put_together(data, supplies, opened or ExitStack())


def client() -> RegistryClient:
    """A client without logins, which asks once."""
    return RegistryClient(RegistrySettings(attempts=1), credentials=FixedLogins({}))

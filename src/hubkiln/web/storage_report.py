"""A look at what a collection would do, shared by all who ask meanwhile.

Sums only: the names of what was built of private repositories are nobody's but their readers'. On the machine
itself, ``hubkiln gc --dry-run`` names each thing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from hubkiln.errors import NotFound, ServiceError

Ask = Callable[[], Awaitable[dict[str, Any] | None]]
"""What ``hubkiln gc --dry-run --json`` says; None if it failed."""


class StoreModel(BaseModel):
    """What one store holds."""

    name: str
    kept: int
    kept_bytes: int
    gone: int
    gone_bytes: int


class StorageModel(BaseModel):
    """What stays, and what would go."""

    looked: datetime
    kept: int
    kept_bytes: int
    gone: int
    gone_bytes: int
    at_work: int
    """Builds, starts and commands that run: what was used since they began stays."""
    stores: list[StoreModel]
    nobodys: list[str]
    """Files in the data folder that are none of ours; never touched."""


@dataclass(slots=True)
class StorageReport:
    """Looks by `ask`, once at a time: whoever asks while somebody looks is told the same."""

    ask: Ask | None = None
    """None for a service that keeps nothing."""
    _looking: asyncio.Task[StorageModel] | None = None

    async def look(self) -> StorageModel:
        """
        What is there now.

        Raises:
            NotFound: this service keeps nothing.
            ServiceError: the look failed.
        """
        if self.ask is None:
            raise NotFound("This service keeps nothing on a disk.")
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._once(self.ask), name="look at the storage")
        return await asyncio.shield(self._looking)  # whoever leaves ends it for nobody else

    async def _once(self, ask: Ask) -> StorageModel:
        moment, told = datetime.now(UTC), await ask()
        if told is None:
            raise ServiceError(
                "What is kept could not be looked at.", hint="An admin finds the reason in the service's log."
            )
        return storage_model(told, moment)


def storage_model(told: dict[str, Any], looked: datetime) -> StorageModel:
    """The sums of what ``hubkiln gc --dry-run --json`` told."""
    stores: dict[str, StoreModel] = {}
    for kind in ("kept", "gone"):
        for thing in told[kind]:
            name = thing["store"]
            store = stores.setdefault(name, StoreModel(name=name, kept=0, kept_bytes=0, gone=0, gone_bytes=0))
            setattr(store, kind, getattr(store, kind) + 1)
            setattr(store, f"{kind}_bytes", getattr(store, f"{kind}_bytes") + thing["bytes"])
    return StorageModel(
        looked=looked,
        kept=len(told["kept"]),
        kept_bytes=told["kept_bytes"],
        gone=len(told["gone"]),
        gone_bytes=told["gone_bytes"],
        at_work=len(told["leases"]),
        stores=sorted(stores.values(), key=lambda store: store.name),
        nobodys=told["nobodys"],
    )

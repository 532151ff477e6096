"""Whoever asks without a login: where from, how often in an hour, and whether a page of ours let them ask.

Counts are in the database, so that several processes behind one address have one limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from hubkiln.database import Database, visits_table
from hubkiln.errors import LimitReached, Refused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

WINDOW_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What is left of an allowance."""

    limit: int
    remaining: int
    reset: int
    """When it begins anew, in seconds since 1970."""

    @property
    def headers(self) -> dict[str, str]:
        """As BinderHub tells it."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }


class Visits:
    """Counts the requests of each address in windows of an hour, for all processes of the service together."""

    def __init__(self, limit: int, database: Database, now: Callable[[], float] = time.time) -> None:
        self.limit, self.now, self._database = limit, now, database

    async def count(self, address: str) -> Allowed:
        """
        One more request of `address`; what is left is negative once it asked too often.

        Whether that is refused is the caller's to say; see :func:`check`.

        Raises:
            ServiceError: the database is away.
        """
        while True:
            try:
                async with self._database.writing() as connection:
                    asked, ends = await self._counted(connection, address, int(self.now()))
                return Allowed(limit=self.limit, remaining=self.limit - asked, reset=ends)
            except IntegrityError:  # another process began the same window in the same moment
                continue

    async def _counted(self, connection: AsyncConnection, address: str, now: int) -> tuple[int, int]:
        mine = visits_table.c.address == address
        under_way = visits_table.c.ends.between(now + 1, now + WINDOW_SECONDS)  # a later end is a wrong clock's
        again = update(visits_table).where(mine, under_way).values(asked=visits_table.c.asked + 1)
        if not (await connection.execute(again)).rowcount:
            await connection.execute(delete(visits_table).where(~under_way))
            first = {"address": address, "asked": 1, "ends": now + WINDOW_SECONDS}
            await connection.execute(insert(visits_table).values(first))
        row = (await connection.execute(select(visits_table).where(mine))).one()
        return row.asked, row.ends


def check(allowed: Allowed, now: float) -> None:
    """
    Refuse who asked too often.

    Raises:
        LimitReached: the hint says when to come again.
    """
    if allowed.remaining < 0:
        minutes = max(1, round((allowed.reset - now) / 60))
        reached = LimitReached(
            f"Rate limit exceeded: {allowed.limit} builds an hour without a login.",
            hint=f"Try again in {minutes} minute{'s' if minutes > 1 else ''}, or log in.",
        )
        reached.after = max(0.0, allowed.reset - now)
        raise reached


def address_of(request: Request, trusted: Sequence[Network]) -> str:
    """
    Where a request comes from: the last address that no trusted proxy has.

    An IPv6 address counts as its network of 64 bits, of which one machine has as many addresses as it likes.
    """
    told = ",".join(request.headers.getlist("x-forwarded-for"))  # some proxies add a header, others add to it
    return _address(told, request.client.host if request.client else "", tuple(trusted))


@lru_cache(maxsize=1024)
def _address(told: str, here: str, trusted: tuple[Network, ...]) -> str:
    """The same for a header and where its connection comes from."""
    hops = [hop.strip() for hop in told.split(",") if hop.strip()]
    for hop in reversed([*hops, here]):
        address = _read(hop)
        if address is None:
            continue
        if not _within(address, trusted):
            return _counted(address)
    return _counted(address) if (address := _read(hops[0] if hops else here)) else "unknown"


def refuse_banned(address: str, banned: Sequence[Network]) -> None:
    """
    Raise for an address in a banned network.

    Raises:
        Refused.
    """
    found = _read(address.partition("/")[0]) if banned else None
    if found is not None and _within(found, banned):
        raise Refused("Requests from your network are not allowed here.", hint="Ask the admin of this service.")


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _counted(address: Address) -> str:
    return str(address) if address.version == 4 else str(ip_network(f"{address}/64", strict=False))

"""What an admin forbids, or alone allows, while the service runs: repositories, hosts, users and images.

Where there is a rule that allows something of a kind, nothing else of that kind is allowed; what is forbidden is
forbidden all the same. A rule says why, and can have an end.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hubkiln.builds.interface import BuildRequest
from hubkiln.builds.journal import Clock
from hubkiln.builds.together import Together
from hubkiln.database import Database, rules_table
from hubkiln.errors import BadSpec, NotFound, Refused
from hubkiln.values import utc_now


class RuleKind(StrEnum):
    """What a rule speaks of."""

    SPEC = "spec"
    HOST = "host"
    USER = "user"
    IMAGE = "image"
    NETWORK = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule."""

    id: str
    kind: RuleKind
    pattern: str
    """With ``*`` and ``?``: of a spec ``gh/org/*``, of a host ``*.example.org``; capitals do not count. Of a network
    ``192.0.2.0/24``."""
    allowed: bool
    """False forbids what matches; True forbids what matches none of its kind."""
    reason: str
    """Shown to whoever is refused."""
    author: str
    created: datetime
    expires: datetime | None = None
    """From when on it does not count; None for good."""


WORDS = {
    RuleKind.SPEC: "This repository may not be built here",
    RuleKind.HOST: "Nothing may be built from this host here",
    RuleKind.USER: "You may not build here",
    RuleKind.IMAGE: "This image may not be started here",
    RuleKind.NETWORK: "Builds may not be asked for from your network",
}


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules as they were read."""

    rules: tuple[Rule, ...]
    now: Clock
    """Tells which of them have ended."""

    def check(self, values: Mapping[RuleKind, str]) -> None:
        """
        See that all of `values` are allowed; a value of several lines is as many.

        Raises:
            Refused: one is not; the message says why.
        """
        now = self.now()
        rules = [rule for rule in self.rules if rule.expires is None or rule.expires > now]
        for kind, value in [(kind, line) for kind, text in values.items() for line in text.splitlines() or [""]]:
            mine = [rule for rule in rules if rule.kind is kind]
            found = [rule for rule in mine if _speaks_of(rule, value)]
            if forbidding := [rule for rule in found if not rule.allowed]:
                last = max(forbidding, key=_end)
                raise Refused(f"{WORDS[kind]}{f': {last.reason}' if last.reason else '.'}", hint=_what_to_do(last))
            allowing = [rule for rule in mine if rule.allowed]
            if allowing and not any(rule.allowed for rule in found):
                last = max(allowing, key=_end)
                message = f"{WORDS[kind]}: only what the admin has listed is allowed."
                raise Refused(message, hint=_what_to_do(last))

    def allow(self, values: Mapping[RuleKind, str]) -> bool:
        """Whether :meth:`check` has nothing to say."""
        if not self.rules:
            return True
        try:
            self.check(values)
        except Refused:
            return False
        return True


class Rules:
    """The table of rules."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database, self._now = database, now
        self._together = Together(self._read)

    async def add(
        self,
        kind: RuleKind,
        pattern: str,
        *,
        author: str,
        allowed: bool = False,
        reason: str = "",
        expires: datetime | None = None,
    ) -> Rule:
        """
        Make a rule; it holds at once, in every process.

        Raises:
            BadSpec: a network's pattern is none; the rule would have ended.
        """
        if kind is RuleKind.NETWORK and _network(pattern) is None:
            raise BadSpec(f"{pattern[:60]!r} is no network.", hint="Write it as 192.0.2.0/24 or 2001:db8::/32.")
        if expires is not None and expires <= self._now():
            raise BadSpec(
                "That time is over already.", hint="Give an end that lies ahead, or none for a rule for good."
            )
        rule = Rule(
            id=secrets.token_hex(4),
            kind=kind,
            pattern=pattern,
            allowed=allowed,
            reason=reason,
            author=author,
            created=self._now(),
            expires=expires,
        )
        row = {name: getattr(rule, name) for name in Rule.__slots__}
        async with self._database.writing() as connection:
            await connection.execute(insert(rules_table).values(row | {"kind": kind.value}))
        return rule

    async def remove(self, id: str) -> None:
        """
        Raises:
            NotFound: there is no such rule.
        """
        async with self._database.writing() as connection:
            if not (await connection.execute(delete(rules_table).where(rules_table.c.id == id))).rowcount:
                raise NotFound("There is no such rule.")

    async def listing(self) -> list[Rule]:
        """All of them, the newest first, those that have ended too."""
        async with self._database.reading() as connection:
            return await _all(connection)

    async def read(self, connection: AsyncConnection) -> RuleList:
        """All of them, to check by."""
        return RuleList(tuple(await _all(connection)), self._now)

    async def _read(self, key: None) -> RuleList:
        async with self._database.reading() as connection:
            return await self.read(connection)

    async def check(self, values: Mapping[RuleKind, str]) -> None:
        """
        See that all of `values` are allowed.

        Raises:
            Refused: one is not; the message says why.
        """
        (await self._together.find(None)).check(values)


async def _all(connection: AsyncConnection) -> list[Rule]:
    query = select(rules_table).order_by(rules_table.c.created.desc(), rules_table.c.id)
    rows = (await connection.execute(query)).all()
    return [
        Rule(**{name: getattr(row, name) for name in Rule.__slots__} | {"kind": RuleKind(row.kind)}) for row in rows
    ]


def _speaks_of(rule: Rule, value: str) -> bool:
    if rule.kind is not RuleKind.NETWORK:
        return fnmatchcase(value.lower(), rule.pattern.lower())
    asked, network = _network(value), _network(rule.pattern)
    if asked is None or network is None or asked.version != network.version:
        return False
    return asked.network_address in network


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


ASK = "Ask the admin if you think that it should be."


def _end(rule: Rule) -> datetime:
    return rule.expires or datetime.max.replace(tzinfo=UTC)


def _what_to_do(rule: Rule) -> str:
    """What is said behind a refusal that `rule`, the last to end, is the cause of."""
    return f"This holds until {rule.expires:%Y-%m-%d %H:%M} UTC. {ASK}" if rule.expires else ASK


def asked_of(request: BuildRequest, owner: str) -> dict[RuleKind, str]:
    """What rules may say of a request."""
    spec = request.spec
    address = request.revision.url if request.revision else spec.repository
    named = [f"{spec.provider}/{spec.repository}"]
    if spec.packages:  # what rules say of lists of packages holds of these
        named.append(f"inline/{','.join(spec.packages.splitlines())}")
    values = {RuleKind.USER: owner, RuleKind.SPEC: "\n".join(named)}
    if host := urlsplit(address).hostname:
        values[RuleKind.HOST] = host
    return values

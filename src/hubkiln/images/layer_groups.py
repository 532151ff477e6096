"""Which parts of an environment share a layer, and in what order the layers lie.

Large wheels are few and most of the bytes: one layer each, so that any two environments share them. Small wheels go
into eight buckets by a hash of the *name*, so that a new version touches one bucket. Engines fail at run time above
127 layers and people build on top of our images, hence the budget. Pure: parts in, groups out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hubkiln.errors import TooLarge
from hubkiln.images import popularity
from hubkiln.keys import digest

BUDGET = 90
"""Most layers of an image: 127 is where engines fail, and 37 are left to whoever builds on top."""

BIG = 2 * 1024**2
"""Wheels from this size, in bytes as downloaded, have a layer of their own."""

BUCKETS = 8
STACK_BUCKETS = 4


class Role(StrEnum):
    """What a part is in an image; layers lie in this order."""

    BASE = "base"
    SKELETON = "skeleton"
    """The prefix itself: the interpreter's links, users, home."""
    STACK = "stack"
    """A wheel of the Jupyter stack, the same for every image while its pins hold."""
    WHEEL = "wheel"
    STEP = "step"
    """What a run step changed; in the order they ran."""
    CONTENT = "content"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPart:
    """The smallest thing that can be a layer."""

    key: str
    """Hash of all that decides its bytes."""
    name: str
    """Normalised package name; for others what to call it in logs."""
    role: Role
    size: int = 0
    """Bytes as downloaded; 0 where unknown."""
    together: str = ""
    """Wheels with the same non-empty label must share a layer, in the order given: they overlap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGroup:
    """One layer."""

    role: Role
    parts: tuple[LayerPart, ...]

    @property
    def key(self) -> str:
        """Of the layer: the part's own, or a hash over all of them."""
        if len(self.parts) == 1:
            return self.parts[0].key
        return digest([part.key for part in self.parts])

    @property
    def size(self) -> int:
        """Bytes as downloaded, all parts."""
        return sum(part.size for part in self.parts)

    @property
    def title(self) -> str:
        """For logs and the image's history: ``numpy``, ``12 packages``."""
        return self.parts[0].name if len(self.parts) == 1 else f"{len(self.parts)} packages"


def group(parts: Sequence[LayerPart], *, budget: int = BUDGET) -> list[LayerGroup]:
    """
    Layers for `parts`, bottom first; the same parts give the same groups in whatever order the wheels come.

    Raises:
        TooLarge: the base image and the run steps alone have more layers than the budget.
    """
    by_role = {role: [part for part in parts if part.role is role] for role in Role}
    singles = {role: _singly(by_role[role]) for role in (Role.BASE, Role.SKELETON, Role.STEP, Role.CONTENT)}
    left = budget - sum(map(len, singles.values()))
    wheels = _wheels(by_role[Role.STACK], STACK_BUCKETS) + _wheels(by_role[Role.WHEEL], BUCKETS)
    if left < len({one.role for one in wheels}):
        hint = "Use a base image with fewer layers, or fewer run steps."
        raise TooLarge(f"The image would have more than {budget} layers.", hint=hint)
    below = singles[Role.BASE] + singles[Role.SKELETON]
    return below + _squeeze(wheels, left) + singles[Role.STEP] + singles[Role.CONTENT]


def _singly(parts: Iterable[LayerPart]) -> list[LayerGroup]:
    return [LayerGroup(role=part.role, parts=(part,)) for part in parts]


def _wheels(parts: Sequence[LayerPart], buckets: int) -> list[LayerGroup]:
    """Large ones by popularity, then buckets of small ones, then those that overlap, whose order among them counts."""
    overlapping: dict[str, list[LayerPart]] = {}
    small: dict[int, list[LayerPart]] = {}
    big: list[LayerPart] = []
    for part in parts:
        if part.together:
            overlapping.setdefault(part.together, []).append(part)
        elif part.size >= BIG:
            big.append(part)
        else:
            small.setdefault(_bucket(part.name, buckets), []).append(part)
    big.sort(key=lambda part: popularity.rank(part.name))
    found = _singly(big)
    for _, members in sorted(small.items()):
        found.append(LayerGroup(role=members[0].role, parts=tuple(sorted(members, key=lambda part: part.name))))
    for _, members in sorted(overlapping.items()):
        found.append(LayerGroup(role=members[0].role, parts=tuple(members)))
    return found


def _bucket(name: str, buckets: int) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % buckets


def _squeeze(groups: list[LayerGroup], most: int) -> list[LayerGroup]:
    """Merge the two smallest of a role until there are at most `most`; overlapping parts keep their order."""
    groups = list(groups)
    while len(groups) > most:
        wheels = [one for one in groups if one.role is Role.WHEEL]
        candidates = wheels if len(wheels) > 1 else [one for one in groups if one.role is Role.STACK]
        smallest = sorted(candidates, key=lambda one: (one.size, one.key))[:2]
        low, high = sorted(smallest, key=groups.index)
        groups[groups.index(high)] = LayerGroup(role=high.role, parts=low.parts + high.parts)
        groups.remove(low)
    return groups

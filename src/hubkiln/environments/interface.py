"""What the rest may know of environments: what a user can choose again, and who may see it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from hubkiln.values import Spec


class Visibility(StrEnum):
    """Who may start an environment besides its owner."""

    PRIVATE = "private"
    GROUP = "group"
    """The hub's group that it names."""
    PUBLIC = "public"


class State(StrEnum):
    """How it stands with an environment."""

    READY = "ready"
    BUILDING = "building"
    """Its owner asked for it anew; until that is there, today's image goes on."""
    FAILED = "failed"
    """What was asked for last did not come; today's image goes on."""
    GONE = "gone"
    """Today's image is no longer there; it can be made again from its lock."""


class Order(StrEnum):
    """What a list of environments can be sorted by."""

    NAME = "name"
    OWNER = "owner"
    SIZE = "size"
    PACKAGES = "packages"
    MADE = "made"
    USED = "used"
    STATE = "state"
    SHARING = "sharing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A saved environment: a repository of one user and the image last built from it."""

    id: str
    owner: str
    name: str
    description: str
    spec: Spec
    commit: str
    image: str
    environment_key: str
    plan: str
    visibility: Visibility
    created: datetime
    last_used: datetime
    pinned: bool = False
    """Whether all its versions are kept, not today's alone."""
    group: str = ""
    """Who may start it where `visibility` says so."""
    bytes: int | None = None
    """Of today's image, as if it shared nothing with others; None where nobody has looked yet."""
    packages: int | None = None
    """How many are in today's image."""
    built: datetime | None = None
    """When today's image was made."""
    state: State = State.READY
    resources: dict[str, str] = field(default_factory=dict)
    """The profile and its options that servers in it start with, as KubeSpawner keeps them; empty for whatever the
    page would choose."""

    def visible_to(self, user: str, groups: Collection[str] = ()) -> bool:
        """True if `user`, who is in `groups`, may start it."""
        if self.owner == user:
            return True
        shared = self.visibility is Visibility.PUBLIC
        shared |= self.visibility is Visibility.GROUP and self.group in groups
        return shared and not self.spec.reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An image that an environment has, or had."""

    image: str
    commit: str
    plan: str
    lock_digest: str
    built: datetime
    current: bool
    """Whether it is what servers start in."""
    spec: Spec | None = None
    """What it was made of, where that is known."""
    bytes: int | None = None
    packages: int | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What is to be saved when a build is ready."""

    owner: str
    spec: Spec
    commit: str
    image: str
    environment_key: str
    plan: str
    lock_digest: str = ""
    resources: dict[str, str] = field(default_factory=dict)
    """Chosen with it; kept by an environment that has none yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of an image, for one user."""

    known: bool
    """We built it, for anybody, and it has not been forgotten."""
    visible: bool
    """This user may start it."""
    environment: Environment | None = None
    """The one it belongs to, if visible: the user's own rather than another's."""


_BETWEEN_PACKAGES = re.compile(r",(?!\s*[<>=!~])(?![^\[]*\])|\n")
"""Commas of a list of packages, but not those between bounds (``>=1,<3``) and extras (``[a,b]``)."""


def title(spec: Spec) -> str:
    """How people call the repository: ``org/repo``; of packages the first few."""
    if spec.packages:
        return f"{title(replace(spec, packages=''))} + {_few(spec.packages)}"
    if spec.provider == "inline":
        return _few(spec.repository)
    path = spec.repository.rstrip("/").removesuffix(".git").replace("\\", "/")
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2] or path
    elif "@" in path and ":" in path:  # git@host:org/repo
        path = path.partition(":")[2]
    named = "/".join(path.split("/")[-2:]) or spec.repository
    return f"{named}/{spec.subdir}" if spec.subdir else named


def _few(packages: str) -> str:
    words = [word.strip() for word in _BETWEEN_PACKAGES.split(packages) if word.strip()]
    return ", ".join(words[:3]) + (", …" if len(words) > 3 else "")

"""What the rest may know of launches: an image and a user go in, an address comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hubkiln.errors import ServiceError


class LaunchFailed(ServiceError):
    """The server did not start; trying again may help."""

    code = "launch_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """A server that is to be started."""

    image: str
    name: str
    """Of the repository, for people: ``org/repo``."""

    user: str | None = None
    """Whose it will be; None makes a user that is there for this server alone."""

    facts: Mapping[str, str] = field(default_factory=dict)
    """What notebooks may want to know, by BinderHub's keys: ``repo_url``, ``binder_request``, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A server that runs."""

    url: str
    """Absolute path, or whole address where the hub has hosts of their own for users; ends with a slash."""

    token: str = ""
    """Lets its holder use this one server; empty where the user has a login."""


Tell = Callable[[str], None]
"""Receives a line for people whenever something happened."""


class Launcher(Protocol):
    """Starts servers."""

    async def launch(self, launch: Launch, tell: Tell) -> Launched:
        """
        Start the server, or find it running, and wait until it answers.

        Raises:
            UserError: it is not allowed, or the user has another server in its place.
            LaunchFailed: it did not start, as often as it was tried; Unreachable: the Hub does not answer.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSettings:
    """How servers are started."""

    attempts: int = 3
    """How often a start is tried."""

    seconds: float = 600
    """Longest start, each attempt."""

    pause_seconds: float = 2
    """Before the second attempt; doubled before each further one."""

    token_seconds: int = 24 * 3600
    """How long a temporary user's token works; their server is culled long before."""

    origins: tuple[str, ...] = ()
    """Other sites whose pages may use a temporary user's server."""

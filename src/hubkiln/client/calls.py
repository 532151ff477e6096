"""What is asked of the service: each request as a value, and what to make of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from hubkiln.client.answers import Build, Environment, build_of, builds_of, environment_of, environments_of
from hubkiln.errors import BadSpec

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to build; see the API's reference."""

    spec: str
    ref: str | None = None
    subdir: str = ""
    as_of: str = "today"
    refresh: bool = False
    priority: int = 0
    supersede: bool = False


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request below the service's prefix."""

    method: str
    path: str
    read: Callable[[Any], T]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] = field(default_factory=dict)


def base_of(url: str) -> str:
    """
    The address of a service with a slash at its end.

    Raises:
        BadSpec: it is none.
    """
    if not url.startswith(("http://", "https://")):
        raise BadSpec(
            f"{url[:100]!r} is no address of a service.", hint="Write https://hub.example.org/services/binder/."
        )
    return f"{url.rstrip('/')}/"


def order(order: Order) -> Call[Build]:
    """Build something."""
    return Call("POST", "api/builds", build_of, asdict(order))


def show(id: str) -> Call[Build]:
    """One build."""
    return Call("GET", _build(id), build_of)


def builds(limit: int) -> Call[list[Build]]:
    """Own builds."""
    return Call("GET", "api/builds", builds_of, params={"limit": str(limit)})


def cancel(id: str) -> Call[Build]:
    """Leave a build."""
    return Call("DELETE", _build(id), build_of)


def retry(id: str) -> Call[Build]:
    """Build the same again."""
    return Call("POST", f"{_build(id)}/retry", build_of)


def environments() -> Call[list[Environment]]:
    """Saved environments."""
    return Call("GET", "api/environments", environments_of)


def change_environment(id: str, changes: Mapping[str, str]) -> Call[Environment]:
    """Name, description or visibility."""
    return Call("PATCH", f"api/environments/{quote(id, safe='')}", environment_of, changes)


def forget_environment(id: str) -> Call[None]:
    """Delete a saved environment."""
    return Call("DELETE", f"api/environments/{quote(id, safe='')}", lambda _: None)


def events_path(id: str) -> str:
    """Where a build's events are."""
    return f"{_build(id)}/events"


def log_path(id: str) -> str:
    """Where a build's log is."""
    return f"{_build(id)}/log"


def _build(id: str) -> str:
    return f"api/builds/{quote(id, safe='')}"

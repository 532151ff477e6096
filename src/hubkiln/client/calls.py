"""What is asked of the service: each request as a value, and what to make of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from hubkiln.client.answers import (
    Build,
    Document,
    Environment,
    build_of,
    builds_of,
    environment_of,
    environments_of,
)
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
    notify: str | None = None


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """A request below the service's prefix."""

    method: str
    path: str
    read: Callable[[Any], T]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    also: int = 200
    """A status besides those of success whose answer is one."""


def login_of(token: str) -> dict[str, str]:
    """
    What a request says of who asks; a file's last line break is none of the token.

    Raises:
        BadSpec: it is no token.
    """
    plain = token.strip()
    if not plain or not all("!" <= letter <= "~" for letter in plain):
        raise BadSpec(
            "This is no Hub token: it is empty, or has characters that none has.",
            hint="Make one on the hub's token page, and give it whole.",
        )
    return {"Authorization": f"Bearer {plain}"}


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


def builds(limit: int, everybody: bool) -> Call[list[Build]]:
    """Own builds, or all."""
    return Call("GET", "api/builds", builds_of, params=_given(limit=limit, all=everybody))


def cancel(id: str) -> Call[Build]:
    """Leave a build."""
    return Call("DELETE", _build(id), build_of)


def retry(id: str) -> Call[Build]:
    """Build the same again."""
    return Call("POST", f"{_build(id)}/retry", build_of)


def environments(q: str, offset: int, limit: int | None, everybody: bool) -> Call[list[Environment]]:
    """Saved environments."""
    params = _given(q=q, offset=offset, limit=limit, all=everybody)
    return Call("GET", "api/environments", environments_of, params=params)


def environment(id: str) -> Call[Environment]:
    """One of them."""
    return Call("GET", _environment(id), environment_of)


def change_environment(id: str, changes: Mapping[str, str | bool | dict[str, str]]) -> Call[Environment]:
    """Its name, description, visibility or version."""
    return Call("PATCH", _environment(id), environment_of, changes)


def forget_environment(id: str) -> Call[None]:
    """Delete it."""
    return Call("DELETE", _environment(id), _nothing)


def build_environment(id: str, what: str, image: str | None) -> Call[Build]:
    """Build it again."""
    return Call("POST", f"{_environment(id)}/builds", build_of, {"what": what} | _given(image=image))


def copy_environment(id: str) -> Call[Environment]:
    """Make one's own of it."""
    return Call("POST", f"{_environment(id)}/copies", environment_of)


def newer(ids: list[str]) -> Call[Document]:
    """Which of them have newer commits."""
    return Call("GET", "api/newer", dict, params={"id": ids})


def packages(id: str, image: str) -> Call[Document]:
    """What is in it."""
    return Call("GET", f"{_environment(id)}/packages", dict, params=_given(image=image))


def export_path(id: str, kind: str, image: str) -> str:
    """Where it is in another tool's words."""
    query = f"?image={quote(image, safe='')}" if image else ""
    return f"{_environment(id)}/exports/{quote(kind, safe='')}{query}"


LONGEST = 4000
"""Characters that are asked in an address: some proxies take 8 KB of it, the headers and the rest together."""


def look(path: str, **asked: str | int | bool | None) -> Call[Document]:
    """What is only looked at, and answered with an object."""
    return Call("GET", path, dict, params=_given(**asked))


def ask(path: str, **asked: str | None) -> Call[Document]:
    """The same about a text that may be a long list, for which addresses have no room."""
    given = _given(**asked)
    return Call("POST", path, dict, given) if sum(map(len, given.values())) > LONGEST else look(path, **asked)


def health() -> Call[Document]:
    """How the service is, also where it is not well."""
    return Call("GET", "health", dict, also=503)


def looks(path: str, name: str = "") -> Call[list[Document]]:
    """The same for a list, below `name` of an object where there is one."""
    return Call("GET", path, lambda answer: list(answer[name] if name else answer))


def store_token(host: str, token: str) -> Call[None]:
    """A token of one's own."""
    return Call("PUT", f"api/credentials/{quote(host, safe='')}", _nothing, {"token": token})


def add(path: str, body: Mapping[str, Any]) -> Call[Document]:
    """Something of an admin's."""
    return Call("POST", path, dict, body)


def of_schedule(id: str, what: str) -> Call[Document]:
    """``run``, ``pause`` or ``go-on``."""
    return Call("POST", f"api/schedules/{quote(id, safe='')}/{what}", dict)


def of_user(method: str, name: str, body: Mapping[str, Any] | None = None) -> Call[Document]:
    """What is kept under a name: shown, forgotten, or that of another."""
    return Call(method, f"api/users/{quote(name)}", dict, body)


def remove(path: str, id: str) -> Call[None]:
    """That, or a token, by its name."""
    return Call("DELETE", f"{path}/{quote(id, safe='')}", _nothing)


def events_path(id: str) -> str:
    """Where a build's events are."""
    return f"{_build(id)}/events"


def log_path(id: str) -> str:
    """Where a build's log is."""
    return f"{_build(id)}/log"


def _build(id: str) -> str:
    return f"api/builds/{quote(id, safe='')}"


def _environment(id: str) -> str:
    return f"api/environments/{quote(id, safe='')}"


def _nothing(answer: object) -> None:
    """Of what answers with 204."""


def _given(**asked: str | int | bool | None) -> dict[str, str]:
    """What is asked as a query, without what is as usual."""
    return {name: str(value).lower() if value is True else str(value) for name, value in asked.items() if value}

"""What the service answers, as values: pure functions of its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hubkiln.errors import HubkilnError, ServiceError, Unreachable, UserError, error_told

ENDED = frozenset({"ready", "failed", "cancelled", "interrupted"})

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build as it was when the service told of it."""

    id: str
    phase: str
    title: str
    owner: str
    commit: str | None
    plan: str | None
    image: str | None
    """What servers start; None unless it is ready."""
    reused: bool
    """Whether its image was there already."""
    error: HubkilnError | None
    """Why it ended without an image."""
    log_bytes: int
    document: Document = field(repr=False)
    """Everything that the service said; see the API's reference."""

    @property
    def ended(self) -> bool:
        """True when nothing more will happen."""
        return self.phase in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A saved environment."""

    id: str
    name: str
    title: str
    owner: str
    visibility: str
    commit: str
    image: str
    document: Document = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a build."""

    kind: str
    """``phase``, ``log``, ``queued``, ``planned``, ``resolved``, ``progress``, and ``end`` for the last."""
    data: Document
    seq: int | None = None
    """Its number; None where it has none of its own."""

    @property
    def text(self) -> str:
        """Log text; empty for events of other kinds."""
        return str(self.data.get("text", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that a launch started."""

    url: str
    """Ends with a slash."""
    token: str = field(repr=False)
    """For whoever has no login of the hub; else empty."""
    image: str

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f"{self.url}?token={self.token}" if self.token else self.url


def build_of(document: Document) -> Build:
    """The build that the service told of."""
    names = ("id", "phase", "title", "owner", "commit", "plan", "image", "reused", "log_bytes")
    error = document.get("error")
    return Build(
        **{name: document[name] for name in names}, error=error_of(error) if error else None, document=document
    )


def builds_of(document: Document) -> list[Build]:
    """Those of a list."""
    return [build_of(one) for one in document["builds"]]


def environment_of(document: Document) -> Environment:
    """The environment that the service told of."""
    names = ("id", "name", "title", "owner", "visibility", "commit", "image")
    return Environment(**{name: document[name] for name in names}, document=document)


def environments_of(document: Document) -> list[Environment]:
    """Those of a list."""
    return [environment_of(one) for one in document["environments"]]


def server_of(document: Document) -> Server:
    """What the last event of a launch says."""
    return Server(url=document["url"], token=document.get("token", ""), image=document.get("image", ""))


def error_of(told: Document, status: int = 0) -> HubkilnError:
    """
    The error that the service told of, of the class that has its code.

    One that is not known here is whose turn its `status` says.
    """
    code, message, hint = (str(told.get(name, "")) for name in ("code", "message", "hint"))
    return error_told(code, message, hint, status or ServiceError.status)


def refusal_of(status: int, body: bytes) -> HubkilnError:
    """The error of an answer that is none of success."""
    try:
        told = json.loads(body)["error"]
        return error_of(told, status)
    except (ValueError, KeyError, TypeError, AttributeError):
        kind = UserError if 400 <= status < 500 else Unreachable
        return kind(
            f"The service's address answered with status {status}, and not as the build service does.",
            hint="Check the address: it ends with the service's prefix, as https://hub.example.org/services/binder/.",
        )


def failure_of(event: Document) -> HubkilnError:
    """The error that a ``failed`` event of BinderHub's stream tells."""
    status = int(event.get("status_code") or 500)
    return error_of({"message": str(event.get("message", "")).strip()}, status)

"""What an admin chooses of how the service speaks. Loads nothing of a web framework."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """How the service speaks."""

    keepalive_seconds: float = 15
    """Silence after which a stream sends a comment; proxies close what is silent for 30 to 60 seconds."""

    hold_seconds: float = 60
    """How long a BinderHub stream stays open after ``ready``: clients take an early end for a failure or reconnect."""

    max_body_bytes: int = 64 * 1024
    """Largest request; a package list with a thousand lines fits."""

    allow_origin: str | None = None
    """``Access-Control-Allow-Origin`` of the BinderHub stream; None lets no other site read it."""

"""Whether what `setup` put into a hub is still there: later lines, or the spawner's class, may have overwritten it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hubkiln.hub.config import entries, tables
from hubkiln.hub.static_files import FrontEnd

_OURS = "hubkiln"
"""Attribute of a hook that calls one of ours."""


def mark(hook: Any) -> Any:
    """`hook`, which calls one of ours, as one that counts as ours."""
    setattr(hook, _OURS, True)
    return hook


def overwritten(spawner: Any, names: Iterable[str], kind: type) -> list[str]:
    """Those of the hooks `names` of `spawner` that are no methods of `kind`, and call none of its."""
    there = {name: getattr(spawner, name) for name in names if hasattr(spawner, name)}  # one is of JupyterHub 5.3
    return [
        name
        for name, hook in there.items()
        if not (isinstance(getattr(hook, "__self__", None), kind) or getattr(hook, _OURS, False))
    ]


def lost(spawner: Any, service: str) -> list[str]:
    """Sentences for an admin about the lists of the hub's configuration that have lost what was added to them."""
    hub = spawner.config.get("JupyterHub", {})
    kept = {
        "services": any(one.get("name") == service for one in tables(hub.get("services"))),
        "extra_handlers": any(row[1] is FrontEnd for row in entries(hub.get("extra_handlers"))),
    }
    return [
        f"A line after setup(c) overwrites c.JupyterHub.{name}, and with it what Hubkiln put there."
        for name, there in kept.items()
        if not there
    ]

"""A whole hub on one machine, started and ended by one process."""

from __future__ import annotations

from collections.abc import Callable

from hubkiln.up.settings import UpSettings

__all__ = ["UpSettings", "up"]


def up(settings: UpSettings, show: Callable[[str], None] = print) -> int:
    """Run a hub until Ctrl-C or SIGTERM; see :func:`hubkiln.up.supervisor.up`, which is imported only here."""
    from hubkiln.up import supervisor

    return supervisor.up(settings, show)

"""Running other programs: no shell, a bounded time, and nothing left behind.

Names are loaded when they are asked for, because our own small programs (:mod:`hubkiln.processes.supervised`) start
through here and must start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.processes.command import (
        CERTIFICATES,
        KEPT,
        PROXIES,
        Finished,
        clean_environment,
        end,
        ended_with_us,
        own_module,
        run,
        tied,
    )
    from hubkiln.processes.identity import ProcessId, place, readable
    from hubkiln.processes.output import last_line
    from hubkiln.processes.parent import die_with_parent
    from hubkiln.processes.ports import free_port, free_ports
    from hubkiln.processes.supervised import WAIT_SECONDS

__all__ = [
    "CERTIFICATES",
    "KEPT",
    "PROXIES",
    "WAIT_SECONDS",
    "Finished",
    "ProcessId",
    "clean_environment",
    "die_with_parent",
    "end",
    "ended_with_us",
    "free_port",
    "free_ports",
    "last_line",
    "own_module",
    "place",
    "readable",
    "run",
    "tied",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

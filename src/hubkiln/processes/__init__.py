"""Running other programs: no shell, a bounded time, and nothing left behind.

Names are loaded when they are asked for, because our own small programs (:mod:`hubkiln.processes.supervised`) start
through here and must start quickly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkiln.processes.command import (
        CERTIFICATES,
        KEPT,
        PROXIES,
        Finished,
        clean_environment,
        end,
        own_module,
        run,
        tied,
    )

__all__ = ["CERTIFICATES", "KEPT", "PROXIES", "Finished", "clean_environment", "end", "own_module", "run", "tied"]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from hubkiln.processes import command

        return getattr(command, name)

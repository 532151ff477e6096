"""The build that this task works for, for those deep inside whose work outlives the task."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class CurrentBuild:
    """One build."""

    id: str
    handed_on: bool = False
    """Set when it is stopped to be taken up by another process, which goes on with what is left running."""


current_build: ContextVar[CurrentBuild | None] = ContextVar("current_build", default=None)
"""None for who builds without a service."""

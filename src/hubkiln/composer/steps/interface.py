"""What a run step leaves behind, as others see it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLayer:
    """What one step changed, in the store: folders stacked over what was there, deletions included."""

    key: str
    title: str
    """For people and for an image's history: ``apt.txt``, ``postBuild``."""

    places: tuple[tuple[str, str], ...]
    """(absolute path inside, folder below ``steps``); only places where something changed."""

    reused: bool = field(default=True, compare=False)
    """False if it was run just now."""

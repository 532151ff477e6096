"""The home of whoever runs us, and paths that are typed from it."""

from __future__ import annotations

from pathlib import Path

NOWHERE = Path("/nonexistent")


def home() -> Path:
    """Ours, where other programs keep what is a user's; :data:`NOWHERE` for a user whom this machine does not know."""
    try:
        return Path.home()
    except RuntimeError:
        return NOWHERE


def typed_path(text: str) -> Path:
    """`text` as a path, with ``~`` and ``~name`` as a shell reads them; as they are where it knows no such home."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)

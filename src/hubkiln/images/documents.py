"""JSON that registries and images hold: strangers wrote it, so it may nest without end or be anything else."""

from __future__ import annotations

import json
from typing import Any

_LARGEST = 8 << 20
"""Bytes of a document that is read: twice what registries take for a manifest."""


def json_object(data: bytes) -> dict[str, Any] | None:
    """The object that `data` is; None if it is none, or larger or deeper than a document is."""
    if len(data) > _LARGEST:
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None

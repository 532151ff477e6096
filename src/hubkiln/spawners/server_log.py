"""The last lines of a log, fit to be shown to people. Imports nothing of JupyterHub's, which takes a second."""

from __future__ import annotations

import re
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SECRET = re.compile(r"(token=|TOKEN['\"]?[=:]\s*['\"]?)[0-9a-f]{16,}")
_TAIL = 65536
_OURS = "Hubkiln: "


def tail(log: Path) -> list[str]:
    """The last lines of `log`, without colours, tokens and empty lines."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    plain = _SECRET.sub(r"\1…", _COLOUR.sub("", text))
    return [line.strip()[:500] for line in plain.splitlines() if line.strip()]


def shown(log: Path) -> list[str]:
    """What the delivery said, for the progress page."""
    return [line.removeprefix(_OURS) for line in tail(log) if line.startswith(_OURS)]

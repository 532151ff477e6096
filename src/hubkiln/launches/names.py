"""Names of servers and of temporary users, by JupyterHub 6's rules.

A letter first, then lower case, digits, single hyphens inside.
"""

from __future__ import annotations

import hashlib
import re
import secrets

LONGEST_SERVER = 30
"""JupyterHub's limit for the name of a server."""

_RANDOM = "abcdefghijklmnopqrstuvwxyz0123456789"


def server_name(name: str, image: str) -> str:
    """The server of `image`, built from the repository `name`: the same image has the same name."""
    mark = hashlib.sha256(image.encode()).hexdigest()[:8]
    return f"{_slug(name, LONGEST_SERVER - len(mark) - 1)}-{mark}"


def user_name(name: str) -> str:
    """A user that was never there."""
    return f"{_slug(name, 32)}-{''.join(secrets.choice(_RANDOM) for _ in range(12))}"


def _slug(name: str, longest: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    words = words if words[:1].isalpha() else f"launch-{words}"
    return words[:longest].strip("-")

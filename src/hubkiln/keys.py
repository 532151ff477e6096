"""Names made of what they stand for."""

from __future__ import annotations

import hashlib
import json


def digest(named: object) -> str:
    """A name made of everything in `named`; short, because the kernel limits how long stacked paths may be."""
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:40]

"""Which modules of the Jupyter stack carry byte code: those that a server and a kernel load in their first minute.

Fewer than half of the stack's modules are loaded in nearly every server and the others in hardly any, while compiling
all of them was a fifth of what a first build cost. The list was observed, not thought up; see
:mod:`hubkiln.packages.find_start_list`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

FILE = Path(__file__).parent / "stacks/start-list.txt"


@cache
def start_list() -> frozenset[str]:
    """Paths of the modules below ``site-packages``."""
    return frozenset(line for line in FILE.read_text().splitlines() if line and not line.startswith("#"))

"""A program that ends when its parent does: ``python -m hubkiln.up.tied PARENT COMMAND…``.

JupyterHub starts its proxy and services in sessions of their own; were it killed, they would go on and hold their
ports. The kernel's death signal survives the exec, so nothing of this module stays in memory.
"""

from __future__ import annotations

import os
import sys

from hubkiln.processes import die_with_parent


def tied(command: list[str], parent: int) -> list[str]:
    """`command` so that it ends with process `parent`, which starts it."""
    return [sys.executable, "-m", "hubkiln.up.tied", str(parent), *command]


if __name__ == "__main__":
    die_with_parent(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])

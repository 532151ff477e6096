"""A program that ends when its parent does: ``python -m hubkiln.up.tied PARENT COMMAND…``.

JupyterHub starts its proxy and services in sessions of their own; were it killed, they would go on and hold their
ports. The kernel's death signal survives the exec, so nothing of this module stays in memory.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Get SIGTERM when `parent`, our parent process, ends; exit now if it has ended already."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def tied(command: list[str], parent: int) -> list[str]:
    """`command` so that it ends with process `parent`, which starts it."""
    return [sys.executable, "-m", "hubkiln.up.tied", str(parent), *command]


if __name__ == "__main__":
    tie(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])

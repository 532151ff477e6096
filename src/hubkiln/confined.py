"""How our own small programs that read strangers' data make themselves harmless, once they have loaded what they need.

Nothing of a stranger is *run* in them; but a parser may have a fault, and it may be made to work for hours. So they
are bounded in memory, open nothing new for writing, start no process, and are nobody where we are root.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

HELPER_UID = 64099
"""Real uid and gid of such programs where we are root: neither a user's nor a sandbox's, and no file is theirs."""

OUTSIDE_UID = 64098
"""Real uid and gid of other people's programs that we run outside sandboxes (git, uv) where we are root: not the same,
because they are told tokens, which what reads strangers' data must not get to see."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine(*, memory_bytes: int, file_bytes: int = 0, processes: bool = False) -> None:
    """
    Bound this process for good, and drop every privilege; it is killed when its parent dies.

    `memory_bytes` is of address space, `file_bytes` the largest file it may write; without `processes` it starts none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(HELPER_UID, HELPER_UID, HELPER_UID)
        os.setresuid(HELPER_UID, HELPER_UID, HELPER_UID)
        if not processes:
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of owner, which resets it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    _lower(resource.RLIMIT_AS, memory_bytes)


def _lower(limit: int, value: int) -> None:
    """Set a limit, unless it is lower already."""
    hard = resource.getrlimit(limit)[1]
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (most, most))

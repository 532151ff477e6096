"""How our own small programs that read strangers' data make themselves harmless, once they have loaded what they need.

Nothing of a stranger is *run* in them; but a parser may have a fault, and it may be made to work for hours. So they
are bounded in memory, open nothing new for writing, start no process, and are nobody where we are root.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

HELPER_UID = 64099
"""Real uid and gid of such programs where we are root: neither a user's nor a sandbox's, and no file is theirs."""

OUTSIDE_UID = 64098
"""Real uid and gid of other people's programs that we run outside sandboxes (git, uv) where we are root: not the same,
because they are told tokens, which what reads strangers' data must not get to see."""

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NEW_USER = 0x10000000
_THIRD_VERSION = 0x20080522
_GIVING_AWAY = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4
"""CAP_CHOWN, DAC_OVERRIDE, FOWNER and FSETID."""


class Owners(NamedTuple):
    """Uids, and gids of the same numbers."""

    uid: int
    many: int = 1


def confine(*, memory_bytes: int, file_bytes: int = 0, processes: bool = False, owners: Sequence[Owners] = ()) -> None:
    """
    Bound this process for good, and drop every privilege; it is killed when its parent dies.

    `memory_bytes` is of address space, `file_bytes` the largest file it may write; without `processes` it starts none.
    Where we are root, it may give its files to `owners`, and do to theirs what their owner may; what it starts may not.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        os.setgroups([])
        if owners:
            _enter_namespace(libc, (Owners(HELPER_UID), *(one for one in owners if one.uid != HELPER_UID)))
        os.setresgid(HELPER_UID, HELPER_UID, HELPER_UID)
        os.setresuid(HELPER_UID, HELPER_UID, HELPER_UID)
        if owners:
            _keep(libc, _GIVING_AWAY)
        if not processes:
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # after the change of owner, which resets it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    _lower(resource.RLIMIT_AS, memory_bytes)


def _enter_namespace(libc: ctypes.CDLL, owners: Sequence[Owners]) -> None:
    """A user namespace in which nobody is but `owners`, under their own numbers: not root, nor any other user."""
    mapping = "".join(f"{first} {first} {many}\n" for first, many in owners)
    this, (ready, entered) = os.getpid(), os.pipe()
    outside = os.fork()
    if outside == 0:  # who has entered may not write it any more
        code = 1
        try:
            os.close(entered)
            if os.read(ready, 1) == b".":
                for name in ("uid_map", "gid_map"):
                    Path(f"/proc/{this}/{name}").write_text(mapping)
                code = 0
        finally:
            os._exit(code)
    os.close(ready)
    failed = ctypes.get_errno() if libc.unshare(_NEW_USER) != 0 else 0
    if not failed:
        os.write(entered, b".")
    os.close(entered)
    if os.waitpid(outside, 0)[1] != 0:
        raise OSError(failed, "a user namespace for those whom files are given to")


def _keep(libc: ctypes.CDLL, capabilities: int) -> None:
    """Of what one may do in one's user namespace keep `capabilities` alone, and hand none on."""
    header = (ctypes.c_uint32 * 2)(_THIRD_VERSION, 0)
    lower = (capabilities, capabilities, 0)
    if libc.capset(header, (ctypes.c_uint32 * 6)(*lower, 0, 0, 0)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _lower(limit: int, value: int) -> None:
    """Set a limit, unless it is lower already."""
    hard = resource.getrlimit(limit)[1]
    most = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(limit, (most, most))

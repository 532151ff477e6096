"""Stepping into the network of a process; what is already open stays where it was made."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from contextlib import suppress

_NS_GET_USERNS = 0xB701
NEW_USER, NEW_NET = 0x10000000, 0x40000000


class Network:
    """The network namespace of the process `pid`, held open."""

    def __init__(self, pid: int) -> None:
        self.descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        self.owner: int | None = None
        """The user namespace that it belongs to, if we may do things in it only from there."""
        with suppress(PermissionError):  # it belongs to one above ours: ours must do
            self.owner = fcntl.ioctl(self.descriptor, _NS_GET_USERNS)
        if self.owner is not None and _same(self.owner, "/proc/self/ns/user"):
            self.owner = None

    @property
    def is_ours(self) -> bool:
        """Whether we are in it already."""
        return _same(self.descriptor, "/proc/self/ns/net")

    def enter(self) -> None:
        """
        Step into it; there is no way back.

        Raises:
            OSError: the kernel does not let us.
        """
        if self.owner is not None:
            try:
                setns(self.owner, NEW_USER)
            except OSError as error:
                if error.errno != errno.EINVAL:  # that is where we are
                    raise
        setns(self.descriptor, NEW_NET)


def setns(namespace: int, kind: int) -> None:
    """
    Raises:
        OSError: the kernel does not let us.
    """
    if ctypes.CDLL(None, use_errno=True).setns(namespace, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _same(descriptor: int, path: str) -> bool:
    other = os.open(path, os.O_RDONLY)
    try:
        return os.path.sameopenfile(descriptor, other)
    finally:
        os.close(other)

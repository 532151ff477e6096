"""A program: makes a listening socket in the network of another process and hands it to whoever started it.

Run by path, so it imports the standard library alone (see :mod:`hubkiln.sandbox.door`). Where the
network belongs to another user namespace, that is entered first.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import sys
from contextlib import suppress

_NS_GET_USERNS = 0xB701
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000


def main(pid: int, channel: int, port: int) -> None:
    """Listen at `port` in the network of process `pid`; the socket goes through the socket `channel`."""
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if os.path.sameopenfile(network, os.open("/proc/self/ns/net", os.O_RDONLY)):
        sys.exit("it has no network of its own")
    with suppress(PermissionError):  # it belongs to a user namespace above ours: there we may do nothing more
        owner = fcntl.ioctl(network, _NS_GET_USERNS)
        if not os.path.sameopenfile(owner, os.open("/proc/self/ns/user", os.O_RDONLY)):
            enter(owner, _NEW_USER)
    enter(network, _NEW_NET)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, socket.socket(fileno=channel) as out:
        listener.bind(("", port))  # loopback may not be up yet, and there is nothing else
        listener.listen(128)
        socket.send_fds(out, [b"."], [listener.fileno()])


def enter(namespace: int, kind: int) -> None:
    """
    Raises:
        OSError: the kernel does not let us.
    """
    if ctypes.CDLL(None, use_errno=True).setns(namespace, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))

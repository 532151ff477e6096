"""A program: shows folders with one owner as if they were another's, to the command that it becomes, and nobody else.

``python mapped_inside.py FROM TO FOLDER… -- COMMAND…``, as root. The kernel's idmapped mounts do it: nothing on disk
changes, and the mounts go with the command. Run by path, so it imports the standard library alone.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000
_PRIVATE, _RECURSIVE = 1 << 18, 1 << 14
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
_CLONE, _EMPTY_PATH, _FROM_EMPTY_PATH, _IDMAP = 1, 0x1000, 0x4, 0x00100000
_AT_FDCWD = -100
_ALL = 2**32 - 1

_libc = ctypes.CDLL(None, use_errno=True)


def main(old: int, new: int, folders: Sequence[str], command: list[str]) -> None:
    """Become `command`, for which what belongs to `old` in `folders` belongs to `new`; group and owner alike."""
    namespace = user_namespace(id_map(old, new))
    _check(_libc.unshare(_NEW_NAMESPACE), "a mount namespace")
    _check(_libc.mount(None, b"/", None, _PRIVATE | _RECURSIVE, None), "private mounts")
    for folder in folders:
        show(folder, namespace)
    os.close(namespace)
    os.execv(command[0], command)


def id_map(old: int, new: int) -> str:
    """For an idmapped mount: `old` becomes `new`, everybody else stays; `old` is below `new`, whose own files hide."""
    before, between, after = (0, old), (old + 1, new), (new + 1, _ALL)
    kept = [(first, first, last - first) for first, last in (before, between, after)]
    return "".join(f"{inside} {outside} {count}\n" for inside, outside, count in [*kept, (old, new, 1)] if count > 0)


def user_namespace(mapping: str) -> int:
    """A descriptor of a user namespace with `mapping`; nobody is in it."""
    ready, told = os.pipe()
    wait, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        os._exit(0 if _libc.unshare(_NEW_USER) == 0 and os.write(told, b".") and os.read(wait, 1) == b"" else 1)
    os.close(told)
    os.close(wait)
    try:
        if not os.read(ready, 1):
            sys.exit("hubkiln: user namespaces do not work here")
        for file in ("uid_map", "gid_map"):
            Path("/proc", str(child), file).write_text(mapping)
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(end)
        os.close(ready)
        os.waitpid(child, 0)


def show(folder: str, namespace: int) -> None:
    """Cover `folder` by itself, seen through `namespace`."""
    tree = _check(_libc.syscall(_OPEN_TREE, _AT_FDCWD, os.fsencode(folder), _CLONE | os.O_CLOEXEC), folder)
    attributes = struct.pack("=QQQQ", _IDMAP, 0, 0, namespace)
    _check(_libc.syscall(_MOUNT_SETATTR, tree, b"", _EMPTY_PATH, attributes, len(attributes)), folder)
    _check(_libc.syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, os.fsencode(folder), _FROM_EMPTY_PATH), folder)
    os.close(tree)


def _check(answer: int, what: str) -> int:
    if answer < 0:
        sys.exit(f"hubkiln: {what} cannot be shown with another owner: {os.strerror(ctypes.get_errno())}")
    return answer


if __name__ == "__main__":
    split = sys.argv.index("--")
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:split], sys.argv[split + 1 :])

"""Starting bubblewrap, so that nothing of whoever starts Hubkiln goes along but what is passed on by name.

Who forks passes on the kernel keyring of the session: Kerberos tickets, keys of file systems and of mounts. Only a
thread can give its keyring up, and never gets it back. So one thread does it, anew before each sandbox, and starts it;
it lives as long as we do, because a sandbox that is to die with us dies with the thread that started it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import platform
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any, cast

from hubkiln.processes import readable
from hubkiln.sandbox.system_calls import NUMBERS

_JOIN_SESSION_KEYRING = 1


def popen(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
    """As :class:`subprocess.Popen`, with a new and empty keyring for the session."""
    return _thread().submit(_started, *arguments, **options).result()


async def start(*argv: str, **options: Any) -> Child:
    """As :func:`asyncio.create_subprocess_exec`, by :func:`popen`, in a session of its own, its output a pipe."""
    child = popen(argv, **options)
    assert child.stdout is not None
    reader = asyncio.StreamReader()
    try:
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), child.stdout)
    except BaseException:
        give_up(child)
        raise
    return Child(child, reader)


def give_up(child: subprocess.Popen[bytes]) -> None:
    """
    End `child`, the first of a session of its own, of which nobody will know, with what it has just forked.

    That would wait for ever: bubblewrap's own child waits to be let go on, and does not notice the end of its parent.
    """
    if child.poll() is None:
        with suppress(ProcessLookupError):  # another thread has waited for it just now
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


class Child:
    """A process whose output is read as it comes."""

    stdin: asyncio.StreamWriter | None = None

    def __init__(self, child: subprocess.Popen[bytes], stdout: asyncio.StreamReader) -> None:
        self._child = child
        self.stdout: asyncio.StreamReader | None = stdout
        self.pid = child.pid

    async def wait(self) -> int:
        """Its exit code, when it has ended; negative for a signal."""
        if self._child.poll() is None:
            descriptor = os.pidfd_open(self.pid)
            try:
                await readable(descriptor)
            finally:
                os.close(descriptor)
        return self._child.wait()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="hubkiln-sandboxes")


def _started(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
    leave_session_keyring()
    return cast("subprocess.Popen[bytes]", subprocess.Popen(*arguments, **options))


def leave_session_keyring() -> None:
    """
    Give this thread an empty keyring of its own.

    Where the kernel refuses (in a container, or with 200 of them) the old one stays; sandboxes then have it behind
    the filter of system calls alone.
    """
    number = NUMBERS.get(platform.machine(), {}).get("keyctl")
    if number is not None:
        ctypes.CDLL(None).syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), None)

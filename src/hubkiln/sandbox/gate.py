"""The moment between a sandbox being made and its command starting: it is put under its limits there.

bubblewrap tells the pid of the sandbox's first process and waits for a byte; by the time the command runs, nothing
of it is outside the control group.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from hubkiln.errors import ServiceError
from hubkiln.processes import Finished, ProcessId, readable
from hubkiln.sandbox.cgroups import Group
from hubkiln.sandbox.running import held_up
from hubkiln.values import Limits

Before = Callable[[int], Awaitable[None]]
"""What else happens while the sandbox waits; gets the id of its first process."""

_LOOK_SECONDS = 1.0


class Gate:
    """Two pipes to one bubblewrap; :meth:`close` when done."""

    def __init__(self) -> None:
        self._news, self._tell = os.pipe()
        self._wait, self._go = os.pipe()
        self._open = {self._news, self._tell, self._wait, self._go}

    @property
    def options(self) -> list[str]:
        """For bubblewrap."""
        return ["--info-fd", str(self._tell), "--block-fd", str(self._wait)]

    @property
    def descriptors(self) -> tuple[int, int]:
        """To pass to bubblewrap."""
        return self._tell, self._wait

    def started(self) -> None:
        """Close bubblewrap's ends here, once it has them."""
        self._shut(self._tell, self._wait)

    async def admit(self, group: Group, limits: Limits, before: Before | None = None) -> ProcessId | None:
        """
        Put the sandbox under its limits and let it go on; its first process, or None if it never came to be.

        `before` is awaited with that process's id once the limits hold.

        Raises:
            ServiceError: the limits cannot be set, or from `before`; the sandbox still waits, and must be killed.
        """
        text = b""
        while not text.rstrip().endswith(b"}"):
            await readable(self._news)
            chunk = os.read(self._news, 4096)
            if not chunk:
                return None
            text += chunk
        pid = int(json.loads(text)["child-pid"])
        try:
            group.add(pid)
            _limit(pid, group, limits)
        except ProcessLookupError:
            pass  # it has failed already, and says why itself
        except OSError as error:
            raise ServiceError(
                f"The sandbox could not be put under its limits: {error.strerror}.",
                hint="An admin's turn: run `hubkiln doctor`.",
            ) from error
        if before is not None:
            await before(pid)
        first = ProcessId.of(pid)
        with suppress(BrokenPipeError):
            os.write(self._go, b"\n")
        return first

    def close(self) -> None:
        """Close all ends."""
        self._shut(*self._open)

    def _shut(self, *descriptors: int) -> None:
        for descriptor in self._open.intersection(descriptors):
            os.close(descriptor)
            self._open.discard(descriptor)


async def admitted(admit: Coroutine[Any, Any, ProcessId | None], run: Coroutine[Any, Any, Finished]) -> Finished:
    """
    The outcome of `run`, which waits for `admit`; when either fails or we are cancelled, both are over.

    bubblewrap's end alone does not end what it has let in a moment ago: that asks to be ended with it a little later.
    """
    admitting, running = asyncio.ensure_future(admit), asyncio.ensure_future(run)
    try:
        await asyncio.wait({admitting, running}, return_when=asyncio.FIRST_COMPLETED)
        if admitting.done():
            admitting.result()
        while not running.done():  # not awaited itself: who cancels us would cancel it, while the first process lives
            await asyncio.wait({running}, timeout=_LOOK_SECONDS)
            if admitting.done() and (first := admitting.result()) is not None and held_up(first):
                first.signal(signal.SIGKILL)
        return running.result()
    finally:
        if not admitting.cancel() and admitting.exception() is None and (first := admitting.result()) is not None:
            first.signal(signal.SIGKILL)
        running.cancel()
        await asyncio.gather(admitting, running, return_exceptions=True)


def _limit(pid: int, group: Group, limits: Limits) -> None:
    """What holds for each process; and for their number, where no group counts it: then all of a uid count together."""
    counted = any((folder / "pids.max").exists() for folder in group.folders)
    for kind, most in (
        (resource.RLIMIT_NPROC, None if counted else limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
    ):
        if most is None:
            continue
        soft, hard = resource.prlimit(pid, kind)
        hard = most if hard == resource.RLIM_INFINITY else min(hard, most)
        soft = hard if soft == resource.RLIM_INFINITY else min(soft, hard)
        with suppress(PermissionError, ValueError):
            resource.prlimit(pid, kind, (soft, hard))

"""Threads that each have a process of their own, for as long as many wheels are unpacked or compiled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from hubkiln.packages.bytecode import Compiler
from hubkiln.packages.unpacker import Unpacker

AT_ONCE = 2
"""Wheels unpacked or compiled at the same time, each in a process."""

P = TypeVar("P", Unpacker, Compiler)
T = TypeVar("T")


class Workers(Generic[P]):
    """Threads, each with a process of its own; closing waits for them and ends the processes."""

    def __init__(self, make: Callable[[], P], at_once: int = AT_ONCE) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="packages")
        self._make: Callable[[], P] = make
        self._local = threading.local()
        self._made: list[P] = []
        self._jobs: list[asyncio.Future[Any]] = []
        self._closed = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """For as long as jobs are started; at its end what is left is not begun, and nothing runs any more."""
        try:
            yield
        finally:
            for job in self._jobs:
                job.cancel()
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._close))
            await asyncio.gather(*self._jobs, return_exceptions=True)

    def start(self, job: Callable[..., T], *given: Any) -> asyncio.Future[T]:
        """Do `job` in one of the threads."""
        started = asyncio.get_running_loop().run_in_executor(self._pool, job, *given)
        self._jobs.append(started)
        return started

    def own(self) -> P:
        """The calling thread's."""
        if not hasattr(self._local, "own"):
            self._local.own = self._make()
            self._made.append(self._local.own)
        own: P = self._local.own
        return own

    def check(self) -> None:
        """Raises CancelledError in a thread whose work nobody waits for any more."""
        if self._closed:
            raise asyncio.CancelledError

    def _close(self) -> None:
        """End what they wait for, and wait until they have noticed that they are not wanted."""
        self._closed = True
        for made in list(self._made):
            made.close()
        self._pool.shutdown(cancel_futures=True)
        for made in self._made:  # one may just have been starting
            made.close()

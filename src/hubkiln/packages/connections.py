"""Connections to the hosts that have packages, each in a thread of its own.

What arrives is decrypted, hashed and written there, 16 kB at a time as TLS has it: in the event loop the same bytes
cost three times the work, and everybody else would have to wait for it.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

import httpx

T = TypeVar("T")

Job = Callable[[httpx.Client, threading.Event], T]
"""Blocks, and raises or returns soon after the event is set: then nobody wants its result."""


class Connections:
    """As many as `at_once`, each opened when it is needed; what `open_client` raises meets whoever needed it."""

    def __init__(self, open_client: Callable[[], httpx.Client], at_once: int) -> None:
        self._open_client = open_client
        self._free: asyncio.LifoQueue[_Connection | None] = asyncio.LifoQueue()
        for _ in range(at_once):
            self._free.put_nowait(None)
        self._gone = threading.Event()
        self._opened: list[_Connection] = []

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *error: object) -> None:
        """Let go of all; one that waits for its host ends by itself, at the latest when the host's time is up."""
        self._gone.set()
        for one in self._opened:
            one.jobs.put(None)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[_Connection]:
        """A connection that nobody else uses; waits until there is one."""
        connection = await self._free.get()
        try:
            if connection is None:
                connection = _Connection(self._open_client(), self._gone)
                self._opened.append(connection)
            yield connection
        finally:
            self._free.put_nowait(connection)


class _Connection:
    """A client and the thread that it is used in."""

    def __init__(self, client: httpx.Client, gone: threading.Event) -> None:
        self.jobs: queue.SimpleQueue[Callable[[httpx.Client], None] | None] = queue.SimpleQueue()
        self._gone = gone
        threading.Thread(target=self._work, args=(client,), daemon=True).start()

    async def run(self, job: Job[T]) -> T:
        """What `job` returns or raises; cancelled, this ends at once."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def tell(result: T | None, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)  # type: ignore[arg-type]

        def work(client: httpx.Client) -> None:
            try:
                told: tuple[T | None, BaseException | None] = (job(client, self._gone), None)
            except BaseException as error:  # whoever asked is told
                told = (None, error)
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(tell, *told)

        self.jobs.put(work)
        return await answer

    def _work(self, client: httpx.Client) -> None:
        with client:
            while (job := self.jobs.get()) is not None:
                job(client)

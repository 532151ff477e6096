"""A door in the wall around a sandbox without network: a port of its own loopback that leads to us and nowhere else.

A listening socket belongs to the network in which it was made, whoever holds it. So a small program steps into the
sandbox's network, makes one and hands it out to us; inside, nothing has to run for it.
"""

from __future__ import annotations

import socket
import sys
from contextlib import AsyncExitStack
from types import TracebackType

from hubkiln import processes
from hubkiln.errors import ServiceError
from hubkiln.processes import ProcessId
from hubkiln.sandbox import listen_inside
from hubkiln.sandbox.interface import DOOR_PORT, Door

_SECONDS = 30


class Doorway:
    """Opens the door of one sandbox, if it has one, and closes it at the end of the context."""

    def __init__(self, door: Door | None) -> None:
        self._door = door
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Doorway:
        await self._stack.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def open(self, pid: int) -> None:
        """
        Serve the door in the network of the process `pid`.

        Raises:
            ServiceError: its network cannot be entered.
        """
        if self._door is None:
            return
        listener = await listening(pid)
        if listener is not None:
            await self._stack.enter_async_context(self._door(listener))


async def listening(pid: int) -> socket.socket | None:
    """
    A socket that listens at :data:`DOOR_PORT` in the network of the process `pid`; None if that has ended.

    Raises:
        ServiceError: its network cannot be entered.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            numbers = [str(number) for number in (pid, theirs.fileno(), DOOR_PORT)]
            words = [sys.executable, "-I", "-S", listen_inside.__file__, *numbers]
            done = await processes.run(words, pass_fds=(theirs.fileno(),), seconds=_SECONDS)
        if done.code == 0:
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
            return socket.socket(fileno=descriptors[0])
    process = ProcessId.of(pid)
    if process is None or not process.alive():
        return None
    said = (done.output.strip().splitlines() or ["it did not answer"])[-1]
    raise ServiceError(
        f"The sandbox's network could not be entered: {said}.", hint="An admin's turn: run `hubkiln doctor`."
    )

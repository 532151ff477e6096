"""The relay seen from the hub: started beside its sandbox, told of it, found again after a restart."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

from hubkiln.errors import ServiceError
from hubkiln.processes import ProcessId, readable
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Ways
from hubkiln.sandbox.relay.orders import READY, Orders

_SECONDS = 30.0


class Relay:
    """The ways of one sandbox while it is being started."""

    def __init__(self, ways: Ways, identity: Identity, log: IO[bytes]) -> None:
        """Start the process; it waits for :meth:`open`."""
        self._channel, theirs = socket.socketpair()
        self._channel.setblocking(False)
        folder = None if ways.file is None else os.open(ways.file.parent, os.O_PATH | os.O_DIRECTORY)
        passed = [theirs.fileno(), ways.listener.fileno(), *(() if folder is None else (folder,))]
        try:
            self.child = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(__file__).with_name("__main__.py")), *map(str, passed)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={},
                cwd="/",
                start_new_session=True,
                pass_fds=passed,
            )
        finally:
            theirs.close()
            if folder is not None:
                os.close(folder)
        found = ProcessId.of(self.child.pid)
        assert found is not None  # nobody has waited for it yet
        self.process = found
        self._orders = Orders(
            port=ways.listener.getsockname()[1] if ways.file is None else None,
            file=None if ways.file is None else ways.file.name,
            allowed=(0, os.geteuid(), *ways.allowed),
            ways=ways.out,
            outside=ways.outside,
            drop=(identity.uid, identity.gid) if identity.privileged else None,
        )

    async def open(self, pid: int) -> None:
        """
        Serve the sandbox whose first process is `pid`, from now on; one that has ended already is no error of ours.

        Raises:
            ServiceError: its network cannot be entered.
        """
        self._channel.sendall(self._orders.write() + f"{pid}\n".encode())
        try:
            async with asyncio.timeout(_SECONDS):
                await readable(self._channel.fileno())
            said = self._channel.recv(len(READY))
        except (TimeoutError, ConnectionError):
            said = b""
        self._channel.close()
        if said != READY:
            self.give_up()
            sandbox = ProcessId.of(pid)
            if sandbox is None or not sandbox.alive():
                return
            raise ServiceError(
                "The way into the sandbox could not be opened; its log says why.",
                hint="An admin's turn: run `hubkiln doctor`.",
            )

    def give_up(self) -> None:
        """End it: there is no sandbox, or nobody will know of it."""
        self._channel.close()
        self.child.kill()
        self.child.wait()


@asynccontextmanager
async def started(ways: Ways | None, identity: Identity, log: IO[bytes]) -> AsyncIterator[Relay | None]:
    """The relay of a sandbox that is being started; it ends if that fails."""
    relay = None if ways is None else Relay(ways, identity, log)
    try:
        yield relay
    except BaseException:
        if relay is not None:
            relay.give_up()
        raise

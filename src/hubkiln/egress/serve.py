"""A program: the proxy of one server's network, for as long as that lives. See :mod:`hubkiln.sandbox.relay.keeper`.

``python -m hubkiln.egress.serve LISTENER EXIT UID GID REACH``: serves the socket LISTENER until EXIT is at its end, as
UID and GID where these are not negative.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401 - else read when it is needed, and we may no more
import os
import socket
import sys
from collections.abc import Sequence

from hubkiln.egress.allowed import Reach, read_reach
from hubkiln.egress.guard import system_lookup
from hubkiln.egress.proxy import StepProxy


def drop(uid: int, gid: int) -> None:
    """Become nobody special, once everything that is needed has been read."""
    if uid >= 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


async def serve(listener: socket.socket, end: int, who: tuple[int, int], reach: Reach) -> None:
    """As `who`, until `end` can be read."""
    await system_lookup("localhost", 80)  # loads what looking up needs
    drop(*who)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(end, ended.set)

    async with StepProxy(reach, lambda text: None, who="Servers").serve(listener):
        await ended.wait()


def main(arguments: Sequence[str]) -> None:
    """See the module."""
    listener, end, uid, gid = map(int, arguments[:4])
    reach = read_reach(arguments[4])
    asyncio.run(serve(socket.socket(fileno=listener), end, (uid, gid), reach))


if __name__ == "__main__":
    main(sys.argv[1:])

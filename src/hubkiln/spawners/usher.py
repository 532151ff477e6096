"""Opens an environment for a server that another spawner starts, and stays for as long as it runs.

A spawner such as SystemdSpawner starts a command as its user, who can read nothing of the stores. So the command
(:mod:`hubkiln.launches.enter`) asks an usher, which the hub has started as itself for this one start. The kernel
tells the usher who asks; the hub has told it what to open, for whom, and with which home. The usher then moves into
the control group of who asked, so that the server is under the spawner's limits and ends with its unit.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubkiln.data_dir import DataDir
from hubkiln.errors import HubkilnError, Refused, ServiceError, Unsupported
from hubkiln.launches import LONGEST_MESSAGE, WAITING_SECONDS, Admission, hubs_own
from hubkiln.local_images import LocalImages, keep_in_use
from hubkiln.processes import ProcessId
from hubkiln.sandbox import Engine, Identity, Running, current_identity, follow, host_settings, works
from hubkiln.spawners.addresses import LOOPBACK, bound
from hubkiln.spawners.engines import engine_of
from hubkiln.spawners.failure import died
from hubkiln.spawners.homes import Places
from hubkiln.spawners.opened import FILE_BYTES, OPEN_FILES, PROCESSES, Wanted, open_server
from hubkiln.spawners.own_homes import home_of
from hubkiln.spawners.uids import own_identity
from hubkiln.stores import lease
from hubkiln.values import Limits

_SHOWING_SECONDS = 10
_FIRST_OF_USERS = 1024
_CREDENTIALS = struct.Struct("3i")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Who has shown the ticket."""

    process: ProcessId
    uid: int
    arguments: list[str]
    env: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


def main() -> None:
    """``python -m hubkiln.spawners.usher <listening socket>``, with the admission on standard input."""
    os.umask(0o022)
    admission = Admission.read(sys.stdin.read())
    with socket.socket(fileno=int(sys.argv[1])) as door:
        asyncio.run(attend(admission, door))


async def attend(admission: Admission, door: socket.socket) -> None:
    """Wait for the guest, open the server, stay until either has gone, and tell the guest how it ended."""
    guest = await awaited(admission, door)
    if guest is None:
        return
    code, said = 3, ""
    try:
        code = await _served(admission, guest)
    except HubkilnError as error:
        said = f"Error: {error}"
    with suppress(OSError):
        guest.writer.write(json.dumps({"code": code, "said": said}).encode() + b"\n")
        await guest.writer.drain()
        guest.writer.close()


async def awaited(admission: Admission, door: socket.socket, seconds: float = WAITING_SECONDS) -> Guest | None:
    """The first who is the right user and shows the right ticket; others are sent away. None if nobody comes."""
    came: asyncio.Future[Guest] = asyncio.get_running_loop().create_future()

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pid, uid, _ = _CREDENTIALS.unpack(
            writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        process = ProcessId.of(pid)
        shown = await _shown(admission, uid, reader) if process is not None else None
        if process is None or shown is None or came.done():
            writer.close()
            return
        arguments, env = shown
        came.set_result(Guest(process=process, uid=uid, arguments=arguments, env=env, reader=reader, writer=writer))

    server = await asyncio.start_unix_server(look, sock=door, limit=LONGEST_MESSAGE)
    try:
        return await asyncio.wait_for(asyncio.shield(came), seconds)
    except TimeoutError:
        return None
    finally:
        server.close()


async def _shown(
    admission: Admission, uid: int, reader: asyncio.StreamReader
) -> tuple[list[str], dict[str, str]] | None:
    """Arguments and environment of somebody who may come in; None for others."""
    if admission.uid not in (None, uid):
        return None
    with suppress(
        ValueError, KeyError, TypeError, AttributeError, RecursionError, TimeoutError, asyncio.LimitOverrunError
    ):
        line = await asyncio.wait_for(reader.readline(), _SHOWING_SECONDS)
        told: dict[str, Any] = json.loads(line)
        if secrets.compare_digest(str(told["secret"]).encode(), admission.secret.encode()):
            env = {str(name): str(value) for name, value in told["env"].items()}
            return [str(word) for word in told["arguments"]], env
    return None


async def _served(admission: Admission, guest: Guest) -> int:
    """The exit code of the server, which has ended."""
    follow(guest.process)  # before the engine looks where it can make control groups
    data = DataDir(Path(admission.data_dir)).make()
    engine = engine_of(admission.data_dir)
    identity = identity_of(data, admission, guest.uid)
    own_home = home_of(guest.uid, admission.home, identity)
    places = Places(data=data, user=admission.user, server=admission.server, own_home=own_home)
    try:
        running = await _open(engine, places, admission, guest, identity)
        code = await _until_either_goes(running, guest)
        if code and running.out_of_memory:
            raise died(places.log, code, True, admission.memory_bytes)
        if code and guest.process.alive() and not guest.reader.at_eof():
            raise died(places.log, code, False, None)
        return code
    finally:
        places.clear()


def identity_of(data: DataDir, admission: Admission, uid: int) -> Identity:
    """
    Who the server is on this machine: whoever asked; and where that is root, somebody of our own range.

    Raises:
        Refused: we may not become that user.
        Unsupported: stored files cannot be shown as theirs.
    """
    host = host_settings()
    shared = current_identity(chosen=host.uid)
    if not shared.privileged:
        if uid != os.geteuid():
            raise Refused("The hub is not root, so it opens environments for its own user alone.")
        return shared
    if uid == 0:
        return own_identity(data.hub, admission.user, shared, host.user_uids)
    if not works(data.hub, shared.uid, uid):
        raise Unsupported(
            "Stored files cannot be shown to the machine's users here.",
            hint=f"Let {data.root} be on ext4, XFS or Btrfs, with Linux 5.19 or newer, and outside of containers.",
        )
    return shared.of(uid)


async def _open(engine: Engine, places: Places, admission: Admission, guest: Guest, identity: Identity) -> Running:
    if reason := await engine.refusal():
        raise ServiceError(f"Environments cannot be opened here: {reason}")
    with lease(places.data.root, f"the start of the server {places.name}"):
        image = LocalImages(places.data.own("images/documents")).get(admission.image)
        places.clear()
        theirs = replace(identity, uid=guest.uid, gid=guest.uid)  # who the machine's own Jupyter runs as, in this home
        places.make(identity, theirs, between=theirs.uid != identity.uid)
        keep_in_use(places.room, image)
        env = hubs_own(guest.env, admission.variables)
        with bound(*address_in(env)) as listener:
            wanted = Wanted(
                image=image,
                command=[*admission.command, *guest.arguments],
                env=env,
                identity=identity,
                limits=Limits(
                    memory_bytes=admission.memory_bytes,
                    cpus=admission.cpus,
                    processes=PROCESSES,
                    file_bytes=FILE_BYTES,
                    open_files=OPEN_FILES,
                ),
                open=admission.open,
                url=admission.url,
            )
            return await open_server(engine, places, listener, wanted)


def address_in(env: Mapping[str, str]) -> tuple[str, int]:
    """
    Where the Hub expects the server, as who asks says; we may be root, and they are not.

    Raises:
        Refused: a port that only root may have, or none at all.
    """
    try:
        address = urlsplit(env.get("JUPYTERHUB_SERVICE_URL", ""))
        host, port = address.hostname or LOOPBACK, address.port or 0
    except ValueError as error:
        raise Refused("The server's address makes no sense.") from error
    if 0 < port < _FIRST_OF_USERS:
        raise Refused(f"Port {port} is not a user's to have.")
    return host, port


async def _until_either_goes(running: Running, guest: Guest) -> int:
    gone, ended = asyncio.ensure_future(guest.reader.read()), asyncio.ensure_future(running.wait())
    await asyncio.wait({gone, ended}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if ended.done():
        return ended.result()
    ended.cancel()
    return await running.stop()


if __name__ == "__main__":
    main()

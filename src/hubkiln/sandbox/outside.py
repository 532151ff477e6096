"""How networks of rooms' own are connected with the world: by a program in user space, as rootless Podman does it.

The same for root and for ordinary users: the machine's own interfaces, forwarding and firewall stay as they are, so
nothing of it can be left behind. The program ends with the relay that keeps it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from hubkiln.errors import ServiceError
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Network, Outlook, Outside, Room, Running, Ways

DEVICE, GATEWAY, NAME_SERVER = "tap0", "10.0.2.2", "10.0.2.3"
"""What slirp4netns makes; whom it asks for names itself is the machine's own affair."""

TOOL = "slirp4netns"
_TUN = Path("/dev/net/tun")
_SECONDS = 10
_TRIAL_SECONDS = 0.3
_ENDED = f"Hubkiln: {TOOL}"
_NO_REASON = ("Hubkiln: ", "* ", "WARNING: ", "Starting ", "sent ", "received ")


class _Starts(Protocol):
    identity: Identity

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> Running: ...


def device(identity: Identity, *, closed: Sequence[IPv4Network] = (), opened: Sequence[IPv4Network] = ()) -> Outside:
    """A device in the network, through which `closed` is not reached, but `opened` is."""
    owner = [] if identity.privileged and not identity.contained else ["--userns-path=/proc/self/fd/{owner}"]
    # its own sandbox takes a uid 0 in the user namespace of an ordinary user's sandbox, which has none
    safe = ["--disable-host-loopback", "--enable-seccomp", *([] if owner else ["--enable-sandbox"])]
    how = ["--configure", "--mtu=65520", "--exit-fd={exit}", "--netns-type=path"]
    return Outside(
        argv=(shutil.which(TOOL) or TOOL, *how, *safe, *owner, "/proc/self/fd/{network}", DEVICE),
        device=DEVICE,
        gateway=GATEWAY,
        closed=tuple(map(str, closed)),
        opened=tuple(map(str, opened)),
    )


def own_addresses() -> list[IPv4Network]:
    """Addresses of this machine: what listens at them is not meant for sandboxes."""
    found = list[str]()
    with suppress(OSError):
        lines = Path("/proc/net/fib_trie").read_text().splitlines()
        found = [before.split()[-1] for before, line in pairwise(lines) if "host LOCAL" in line]
    return [IPv4Network(text) for text in dict.fromkeys(found) if not IPv4Address(text).is_loopback]


async def find(engine: _Starts, folder: Path) -> Outlook:
    """Whether it works here: tried with a sandbox, whose log is in `folder` meanwhile."""
    if shutil.which(TOOL) is None:
        return Outlook(reason=f"{TOOL} is not installed.", hint=f"Install {TOOL}.")
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return Outlook(reason=f"{TOOL} may not use {_TUN}.", hint=f"Let everybody use it: chmod 0666 {_TUN}.")
    if why := await _tried(engine, folder / f"network-trial-{secrets.token_hex(4)}.log"):
        return Outlook(reason=f"{TOOL} does not work here: {why}.", hint="Look at what it says.")
    return Outlook(works=True)


async def _tried(engine: _Starts, log: Path) -> str:
    """Why it does not work; empty if it does."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ways = Ways(listener=listener, outside=device(engine.identity))
            wait = ["/bin/sleep", str(_TRIAL_SECONDS)]  # for it to fail
            running = await engine.start(Room(network=Network.OWN, name="trial"), wait, log=log, ways=ways)
            async with asyncio.timeout(_SECONDS):
                await running.wait()
        if _ENDED in (said := log.read_text(errors="replace")):
            return _reason(said)
    except TimeoutError:
        return "it does not end"
    except ServiceError:
        return _reason(log.read_text(errors="replace"))
    finally:
        log.unlink(missing_ok=True)
    return ""


def _reason(said: str) -> str:
    """The last line that is neither ours nor what it always says."""
    lines = (line.strip() for line in reversed(said.strip().splitlines()))
    return next((line for line in lines if line and not line.startswith(_NO_REASON)), "it ended")[:200]

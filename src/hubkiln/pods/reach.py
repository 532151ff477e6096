"""Whether a step pod gets at what its network policy forbids, tried for real.

Policies bind where the cluster's network enforces them, and Kubernetes says nothing where it does not.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass

from hubkiln.errors import HubkilnError
from hubkiln.pods import admission
from hubkiln.pods.api import Api, Json
from hubkiln.pods.description import Order, described, python
from hubkiln.pods.interface import PodSettings, PodWaits
from hubkiln.pods.standing import CONTAINER, standing
from hubkiln.sandbox import Room
from hubkiln.values import Limits

START_SECONDS = 60
KEPT, REACHED = 0, 3
"""Exit codes."""
_TRY = """\
import json, os, socket, sys, time
for _ in range(10):  # some networks come to know a pod when it has begun
    try:
        socket.create_connection(tuple(json.loads(os.environ["PLACE"])), 5).close()
    except OSError:
        sys.exit(0)
    time.sleep(1)
sys.exit(3)
"""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """Where no step may come: our own page, at the address of our own pod."""

    host: str
    port: int
    image: str
    """One with Python, which nodes can pull."""


async def reached(api: Api, settings: PodSettings, forbidden: Forbidden) -> bool | None:
    """Whether a pod that is labelled as a step's gets there; None where that could not be tried. Nothing is left."""
    name = f"hubkiln-doctor-{secrets.token_hex(4)}"
    try:
        await admission.made(api, _trying(name, settings, forbidden), PodWaits(quota=0), lambda text: None)
        for _ in range(START_SECONDS):
            stood = standing(await api.get(name), "A pod")
            if stood.never is not None or stood.code is not None:
                return None if stood.code is None else {KEPT: False, REACHED: True}.get(stood.code)
            await asyncio.sleep(1)
        return None
    except HubkilnError:
        return None
    finally:
        await asyncio.shield(api.delete(name))


def _trying(name: str, settings: PodSettings, forbidden: Forbidden) -> Json:
    room = Room(name="doctor", kept=False, limits=Limits(seconds=60, memory_bytes=128 * 1024**2))
    order = Order(name=name, build="none", image=forbidden.image, argv=("true",), seconds=60)
    pod = described(order, room, settings)
    (container,) = (one for one in pod["spec"]["containers"] if one["name"] == CONTAINER)
    place = json.dumps([forbidden.host, forbidden.port])
    container["command"] = ["/bin/sh", "-c", python('-c "$TRY"')]
    container["env"] = [{"name": "TRY", "value": _TRY}, {"name": "PLACE", "value": place}]
    return pod

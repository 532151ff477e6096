"""What an image's own description tells of it before anybody pulls it: two small documents of its registry."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from hubkiln.errors import HubkilnError
from hubkiln.images.clients import Clients
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.pull import inspect
from hubkiln.turns import Slots

KEEP_SECONDS = 600.0
"""How long a look is remembered: registries count those who ask."""
MOST_KEPT = 200


class Sign(StrEnum):
    """What speaks for Jupyter in an image's description: its variables, commands, labels and history."""

    HUB = "jupyterhub"
    """JupyterHub is named, which servers need."""
    JUPYTER = "jupyter"
    """Jupyter is named, JupyterHub is not."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An image as it describes itself."""

    reference: str
    """By digest."""
    size_bytes: int
    """Of its layers as they are sent, compressed."""
    platform: str
    """``linux/amd64``."""
    created: datetime | None
    """When it was made; None where it does not say, or says that it was made at no time (reproducible builds)."""
    sign: Sign


class Looks:
    """Looks at images, each once in ten minutes; so many at once, and fewer for one user."""

    def __init__(self, clients: Clients | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Without `clients` nothing is known of any image."""
        self._clients, self._clock = clients, clock
        self._kept: dict[str, tuple[float, Seen | HubkilnError]] = {}
        self._slots = Slots()

    async def at(self, reference: str, user: str) -> Seen | None:
        """
        The image that `reference` names now, for `user`; None where nobody can be asked.

        Raises:
            BadSpec: it is no image name.
            NotFound, AccessDenied, Unreachable, Refused, Unsupported: there is none, or it may not be seen.
        """
        name = parse_name(reference)
        if self._clients is None:
            return None
        async with self._slots.of(user):
            found = await self._look(self._clients, name)
        if isinstance(found, HubkilnError):
            raise found
        return found

    async def _look(self, clients: Clients, name: ImageName) -> Seen | HubkilnError:
        now = self._clock()
        since, found = self._kept.pop(str(name), (now, None))
        if found is None or now - since > KEEP_SECONDS:
            since = now
            try:
                async with clients() as client:
                    pulled = await inspect(client, name)
                found = seen(str(pulled.name), sum(layer.descriptor.size for layer in pulled.layers), pulled.config)
            except HubkilnError as error:
                found = error
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[str(name)] = since, found
        return found


def seen(reference: str, size_bytes: int, config: Mapping[str, Any]) -> Seen:
    """What the configuration of an image tells; whoever made the image wrote it."""
    told = json.dumps([config.get("config"), config.get("history")]).lower()
    platform = f"{config.get('os', 'linux')}/{config.get('architecture', '')}"
    sign = Sign.HUB if "jupyterhub" in told else Sign.JUPYTER if "jupyter" in told else Sign.NONE
    return Seen(
        reference=reference,
        size_bytes=size_bytes,
        platform=platform[:60].rstrip("/"),
        created=_moment(config.get("created")),
        sign=sign,
    )


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo and moment.year >= 2000 else None

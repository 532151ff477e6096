"""Pods that nobody looks after: of builds that were given up while their service was away."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from hubkiln.errors import ServiceError
from hubkiln.pods.api import Api, Json
from hubkiln.pods.description import selector
from hubkiln.pods.room_images import RoomImages
from hubkiln.values import utc_now

EVERY_SECONDS = 600.0
LEFT_SECONDS = 3600
"""How long a pod that has ended waits for whoever takes its build over."""
GOING_SECONDS = 300
"""How long one that is to go is waited for: longer than a node that answers takes."""


class Sweep:
    """Looks now and then."""

    def __init__(self) -> None:
        self._last: float | None = None

    async def now_and_then(self, api: Api, images: RoomImages) -> None:
        """
        Remove what has been left, unless that was done a short while ago; never raises for who cannot be asked.

        With a pod goes its image.
        """
        now = asyncio.get_running_loop().time()
        if self._last is not None and now - self._last < EVERY_SECONDS:
            return
        self._last = now
        with suppress(ServiceError):
            for pulled in await swept(api, utc_now()):
                await images.remove(images.pulled_as(pulled))


async def swept(api: Api, now: datetime) -> list[str]:
    """
    Images of the pods that were removed, having been left at the time `now`.

    Raises:
        ServiceError: the API server does not let us, or is away.
    """
    left = [pod for pod in (await api.list(selector()))["items"] if is_left(pod, now)]
    for pod in left:
        await api.delete(pod["metadata"]["name"])
    return [pod["spec"]["containers"][0]["image"] for pod in left]


def is_left(pod: Json, now: datetime) -> bool:
    """
    Whether nobody comes for `pod` any more: its deadline has passed, and an hour more.

    Or it was to be gone minutes ago, and its node does not answer.
    """
    if gone := pod["metadata"].get("deletionTimestamp"):
        return now - datetime.fromisoformat(gone) > timedelta(seconds=GOING_SECONDS)
    begun = datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    most = LEFT_SECONDS + (0 if ended else int(pod["spec"].get("activeDeadlineSeconds") or 0))
    return now - begun > timedelta(seconds=most)

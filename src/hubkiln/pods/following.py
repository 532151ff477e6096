"""A pod's log and its standing, followed to its end through whatever happens to the connection.

The API server may be away for minutes, a watch may be too old to go on, a log stream may break: the pod does not care,
and neither must its build.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from hubkiln.errors import ServiceError, Unreachable
from hubkiln.pods.api import Api, Json, Refusal
from hubkiln.pods.interface import PodWaits
from hubkiln.pods.standing import Standing, standing
from hubkiln.values import Say

_PAUSE_SECONDS = 1.0
_LOG_SECONDS = 10.0
_GONE, _TOO_OLD = 404, 410


class Following:
    """One pod."""

    def __init__(self, api: Api, name: str, say: Say, waits: PodWaits, what: str = "The step") -> None:
        self._api, self._name, self._say, self._what = api, name, say, what
        self._waits = waits
        self._ended = asyncio.Event()
        self._started = asyncio.Event()
        self._told = ""
        self._waiting: dict[str, float] = {}

    async def to_the_end(self) -> Standing:
        """
        How it ended, with all that it said.

        Raises:
            ServiceError: it never began. Unreachable: nobody tells us.
        """
        logging = asyncio.ensure_future(self._log())
        try:
            stood = await self._stand()
            self._ended.set()
            if self._started.is_set() or stood.started:
                self._started.set()
                with suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(logging), _LOG_SECONDS)
            return stood
        finally:
            logging.cancel()
            await asyncio.gather(logging, return_exceptions=True)

    async def _stand(self) -> Standing:
        loop, away = asyncio.get_running_loop(), None
        while True:
            pause = 0.0
            try:
                async for pod in self._seen():
                    away = None
                    stood = standing(pod, self._what)
                    if stood.ended:
                        return stood
                    self._heed(stood)
            except (Refusal, Unreachable) as error:  # one that has just come back refuses what it has not read yet
                pause = _PAUSE_SECONDS
                number = error.number if isinstance(error, Refusal) else None
                if number == _GONE:
                    return standing({}, self._what)
                if number != _TOO_OLD:
                    away = loop.time() if away is None else away
                    self._note(error.message)
                    if loop.time() - away > self._waits.away:
                        raise
            await asyncio.sleep(pause)

    async def _seen(self) -> AsyncIterator[Json]:
        """The pod as it is, and each time that it changes, for a while."""
        pod = await self._api.get(self._name)
        yield pod
        async for changed in self._api.watch(self._name, pod["metadata"]["resourceVersion"]):
            yield changed

    def _heed(self, stood: Standing) -> None:
        """
        Raises:
            ServiceError: it has waited for too long.
        """
        now = asyncio.get_running_loop().time()
        if stood.started:
            self._started.set()
        if not stood.waits:
            return
        since = self._waiting.setdefault("pull" if stood.pulls else "room", now)
        if stood.pulls and now - since > self._waits.pull:
            raise ServiceError(
                f"The nodes of the cluster cannot pull the image of a step: {stood.waits.rstrip('.')}.",
                hint="An admin's turn: pull_from must name the registry as nodes see it, and imagePullSecrets of "
                "pods_template must let them in. `hubkiln doctor --cluster` tries it.",
            )
        if not stood.pulls and now - since > self._waits.room:
            raise ServiceError(
                f"No node of the cluster has taken the step: {stood.waits.rstrip('.')}.",
                hint="Try again later; or an admin looks at the requests and the nodes of builds.pods.",
            )
        if stood.waits != "ContainerCreating":
            self._note(f"waiting for its pod: {stood.waits.rstrip('.')}")

    def _note(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._say(f"Note: {text.rstrip('.')}.\n")

    async def _log(self) -> None:
        """Each line once, whatever happens to the stream."""
        await self._started.wait()
        last = ""
        while True:
            over = self._ended.is_set()
            try:
                async for line in self._api.log(self._name, last or None):
                    stamp, _, text = line.partition(" ")
                    if stamp > last:
                        last = stamp
                        self._say(f"{text}\n")
            except ServiceError:
                over = over and await self._is_gone()
            if over:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _PAUSE_SECONDS)

    async def _is_gone(self) -> bool:
        """Whether there is no log to wait for any more."""
        try:
            await self._api.get(self._name)
        except ServiceError as error:
            return isinstance(error, Refusal) and error.number == _GONE
        return False

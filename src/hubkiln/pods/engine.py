"""The engine of step pods: rooms become pods of a Kubernetes cluster, and what is written in them comes back.

It fulfils the protocol of the sandbox's, as far as commands that run to their end. A pod is named by its build and by
what it does, so whoever takes over a build finds the pod of the step that it comes to, and goes on with it.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Never

from hubkiln.builds import current_build
from hubkiln.data_dir import DataDir
from hubkiln.errors import DiskFull, EngineMissing, HubkilnError, NotReady, ServiceError, Unsupported
from hubkiln.images import ImageName, Layer
from hubkiln.keys import digest
from hubkiln.pods import admission, agent, api, changes
from hubkiln.pods.description import Order, described, token_of, usual
from hubkiln.pods.following import Following
from hubkiln.pods.interface import PodSettings, PodWaits
from hubkiln.pods.limits import capability, limits_of
from hubkiln.pods.room_images import RoomImage, RoomImages
from hubkiln.pods.standing import Standing
from hubkiln.pods.sweep import Sweep
from hubkiln.pods.uploads import Upload, Uploads
from hubkiln.sandbox import Capability, Door, Identity, Outcome, Outlook, Room, Running, Ways, remove_tree
from hubkiln.values import Limits, Say

MOST_BYTES = 20 * 1024**3
"""That a step without a limit may bring."""

_TAIL = 200_000
_GRACE_SECONDS = 5
_TRIES = 5


class PodEngine:
    """Runs commands in pods; see :class:`hubkiln.sandbox.interface.Engine` for the promises."""

    def __init__(
        self,
        data: DataDir,
        settings: PodSettings,
        identity: Identity,
        images: RoomImages | None,
        cluster: Callable[[], api.Cluster] = api.here,
        waits: PodWaits | None = None,
        limits: Limits | None = None,
    ) -> None:
        """`images` is None where images go to no registry; `limits` are those of most rooms."""
        self.identity, self.place = identity, "in a pod"
        self._data, self._settings, self._images, self._cluster = data, settings, images, cluster
        self._uploads, self._waits = Uploads("", settings.port), waits or PodWaits()
        self._limits = limits or Limits()
        self._api: api.Api | None = None
        self._refusal: str | None = None
        self._sweep = Sweep()

    def learn(self, layers: Sequence[Layer], source: ImageName | None) -> None:
        """See :meth:`RoomImages.learn`."""
        if self._images is not None:
            self._images.learn(layers, source)

    async def probe(self) -> Capability:
        """Whether pods can be made, and what they are held to: as the API server would take them, where it says."""
        reason = await self.refusal()
        pod = usual(self._settings, self._limits)
        if not reason:
            with suppress(HubkilnError):
                pod = await self._client().create(pod, dry_run=True)
        return capability(reason, limits_of(pod))

    async def refusal(self) -> str:
        """Why no pods can be made; empty if they can. Asked again as long as they cannot."""
        if self._refusal != "":
            try:
                self._ready()
                await admission.check(self._client())
                self._refusal = ""
            except HubkilnError as error:
                self._refusal = str(error)
        return self._refusal

    async def outlook(self) -> Outlook:
        """Servers are no step pods."""
        return Outlook(reason="Step pods have the network that their policy gives them.")

    async def start(
        self, room: Room, argv: Sequence[str], *, log: Path | None = None, ways: Ways | None = None
    ) -> Running:
        """Not here."""
        _not_here()

    def attach(self, state: Mapping[str, Any]) -> Running:
        """Not here."""
        _not_here()

    async def interactive(self, room: Room, argv: Sequence[str]) -> int:
        """Not here."""
        _not_here()

    async def run(
        self,
        room: Room,
        argv: Sequence[str],
        *,
        say: Say | None = None,
        seconds: float | None = None,
        door: Door | None = None,
    ) -> Outcome:
        """Run `argv` in a pod that is made like `room`; its way to the network is its policy's, not `door`."""
        images = self._ready()
        if room.root and not self._settings.root:
            raise Unsupported(
                "`apt.txt` needs a step that is root, and step pods may not be root here.",
                hint="An admin's turn: set pods_root, in a namespace that admits it (Pod Security baseline).",
            )
        room = admission.with_policy(room)
        longest = seconds if seconds is not None else room.limits.seconds
        build = current_build.get()
        named = [agent.HELLO, build.id if build else uuid.uuid4().hex, list(argv), room.cwd, room.env, room.root]
        mark = digest(named)
        name = f"hubkiln-step-{mark.removeprefix('sha256:')[:20]}"
        image = await images.pushed(room, name)
        order = Order(
            name=name,
            build=build.id if build else "none",
            image=image.pulled,
            argv=tuple(argv),
            seconds=longest,
            token=secrets.token_urlsafe(32),
            uploads=room.kept and room.rootfs is not None and room.rootfs.upper is not None,
        )
        await self._sweep.now_and_then(self._client(), images)
        say = say or (lambda text: None)
        try:
            async with self._pod(order, room, images, image, say) as pod:
                return await self._followed(order, room, pod, say)
        except _Again:  # it ended while nobody was there to take what it brought
            image = await images.pushed(room, name)
            async with self._pod(order, room, images, image, say) as pod:
                return await self._followed(order, room, pod, say)

    async def close(self) -> None:
        """Let go of what is open; pods go on."""
        await self._uploads.close()
        if self._api is not None:
            await self._api.__aexit__()
            self._api = None

    @asynccontextmanager
    async def _pod(
        self, order: Order, room: Room, images: RoomImages, image: RoomImage, say: Say
    ) -> AsyncIterator[api.Json]:
        """The pod, made or found, gone at the end: unless another process goes on with it."""
        client, build = self._client(), current_build.get()
        try:
            yield await admission.made(client, described(order, room, self._settings), self._waits, say)
        finally:
            if build is None or not build.handed_on:
                await asyncio.shield(self._removed(client, order.name, images, image))

    async def _removed(self, client: api.Api, name: str, images: RoomImages, image: RoomImage) -> None:
        for _ in range(_TRIES):
            with suppress(ServiceError):
                await client.delete(name, _GRACE_SECONDS)
                break
            await asyncio.sleep(1)  # the sweep finds what stays
        await images.remove(image)

    async def _followed(self, order: Order, room: Room, pod: api.Json, say: Say) -> Outcome:
        work = self._data.work / f"upload-{uuid.uuid4().hex}"
        work.mkdir(parents=True)
        most = room.limits.disk_bytes or MOST_BYTES
        said: list[str] = []

        def tell(text: str) -> None:
            said.append(text)
            say(text)

        try:
            async with self._uploads.expect(order.name, token_of(pod), work / "changes", most) as upload:
                stood = await self._ended(Following(self._client(), order.name, tell, self._waits), upload)
                if stood.never is not None:
                    raise stood.never
                if order.uploads and stood.code == 0:
                    if not upload.arrived.done():
                        raise _Again
                    await self._laid(work / "changes", room)
            return Outcome(
                code=stood.code or 0,
                output="".join(said)[-_TAIL:],
                out_of_memory=stood.out_of_memory,
                timed_out=stood.timed_out,
                owners_noted=True,
            )
        finally:
            await asyncio.to_thread(remove_tree, work)

    async def _ended(self, following: Following, upload: Upload) -> Standing:
        """How the pod ended; raises what its upload ended with, if that was too large."""
        task = asyncio.ensure_future(following.to_the_end())
        try:
            both: list[asyncio.Future[Any]] = [task, upload.arrived]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if upload.arrived.done():
                upload.arrived.result()
            return await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _laid(self, file: Path, room: Room) -> None:
        """Put what the pod changed where the room's writes go."""
        uppers = [overlay for overlay in (room.rootfs, *room.overlays) if overlay is not None]
        places = {overlay.target: overlay.upper for overlay in uppers if overlay.upper is not None}

        def lay() -> None:
            with file.open("rb") as stream:
                changes.lay(stream, places, self.identity, root=room.root)

        try:
            await asyncio.to_thread(lay)
        except OSError as error:
            raise DiskFull("What a step pod sent could not be kept.", hint="Free some space.") from error

    def _ready(self) -> RoomImages:
        """
        Raises:
            NotReady: something was not set without which no pod can work.
        """
        if self._images is None:
            raise NotReady("Steps in pods need a registry to bring images to.", hint="An admin's turn: set `push`.")
        if not self._settings.address.rpartition(":")[2].isdigit():
            raise NotReady(
                "Step pods are not told where to bring what they change.", hint="An admin's turn: set `pods_address`."
            )
        return self._images

    def _client(self) -> api.Api:
        if self._api is None:
            self._api = api.Api(admission.in_namespace(self._cluster(), self._settings.namespace))
        return self._api


class _Again(Exception):
    """The pod has to run once more."""


def _not_here() -> Never:
    raise EngineMissing(
        "Servers and terminals run in no step pods.", hint="Start them with the hub, which makes pods of its own."
    )

"""SandboxSpawner: ``jupyterhub-singleuser`` in a sandbox of this machine, with no container engine.

JupyterHub calls it; :mod:`hubkiln.spawners.rooms` says what a room holds and :mod:`hubkiln.sandbox` makes it. A
user's home is kept when a server stops and when the user is deleted; an admin removes its folder by hand.
"""

from __future__ import annotations

import asyncio
import pwd
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.traitlets import ByteSpecification, Callable
from jupyterhub.utils import maybe_future
from traitlets import Bool, CaselessStrEnum, Dict, Integer, List, Unicode, Union, default

from hubkiln.data_dir import DataDir, default_data_dir
from hubkiln.errors import HubkilnError, Unsupported
from hubkiln.local_images import LocalImage, LocalImages, is_local, keep_in_use
from hubkiln.sandbox import Engine, Identity, Network, Running, current_identity, host_settings
from hubkiln.spawners.addresses import accepting, bound
from hubkiln.spawners.default_image import DEFAULT, DefaultImage
from hubkiln.spawners.engines import engine_of
from hubkiln.spawners.failure import died
from hubkiln.spawners.homes import Places
from hubkiln.spawners.lacking import lacking
from hubkiln.spawners.opened import FILE_BYTES, OPEN_FILES, PROCESSES, Wanted, open_server
from hubkiln.spawners.server_log import shown
from hubkiln.spawners.uids import own_identity
from hubkiln.stores import lease
from hubkiln.told_error import ToldError
from hubkiln.values import Limits


class ServerFailed(ToldError):
    """A server that did not start, in words that JupyterHub shows on its page."""


class SandboxSpawner(Spawner):  # type: ignore[misc]
    """Starts servers under bubblewrap, from images of this machine's store."""

    runs_local_images = True
    """What the build service keeps on its machine can be started."""

    image = Unicode(DEFAULT, config=True, help="The image to start: a local reference, or hubkiln:default.")
    profile_list = Union(
        [List(Dict()), Dict(), Callable()], config=True, help="Profiles to choose from, in KubeSpawner's schema."
    )
    data_dir = Unicode(config=True, help="Hubkiln's data folder: stores, homes, logs.")
    service_url = Unicode(config=True, help="The build service with its prefix, for building hubkiln:default.")
    service_token = Unicode(config=True, help="The build service's own Hub token.")
    isolation = Bool(True, config=True, help="Off: servers are plain processes that see what the hub's user sees.")
    pull = Callable(
        None,
        allow_none=True,
        config=True,
        help="Turns the name of a typed image into a local image: called with (reference, say), may be async.",
    )
    make_engine = Callable(
        engine_of, config=True, help="Gives the engine that servers run in: called with (data folder, isolation)."
    )
    network = CaselessStrEnum(
        [Network.OWN.value, Network.HOST.value],
        Network.OWN.value,
        config=True,
        help="own: each server has a network of its own. host: all share this machine's, its loopback included.",
    )
    outbound = Unicode(
        "public",
        config=True,
        help="What servers with networks of their own reach: all, none, or a list of public, hosts and networks.",
    )
    kernel_transport = CaselessStrEnum(
        ["ipc", "tcp"],
        "ipc",
        config=True,
        help="How servers talk to kernels. tcp is for kernels that know nothing else; in a shared network it is open.",
    )
    proxy_users = List(
        Unicode(), config=True, help="Users of this machine who may connect to servers besides the hub's own: proxies'."
    )
    process_limit = Integer(PROCESSES, config=True, help="Most processes and threads of a server at once; 0: no limit.")
    file_size_limit = ByteSpecification(FILE_BYTES, config=True, help="Largest file a server may write; 0: no limit.")
    open_files_limit = Integer(
        OPEN_FILES, config=True, help="Most files that one process of a server may have open; 0: the hub's own limit."
    )
    open_path = Unicode(help="Path to show first, below the repository's folder; set from the user's choice.")

    port: int
    _running: Running | None = None
    _starting = False
    _said: list[dict[str, Any]]
    _news: asyncio.Event

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._said, self._news = [], asyncio.Event()
        self._wanted_port = int(self.port)

    @default("data_dir")
    def _default_data_dir(self) -> str:
        return str(default_data_dir())

    @default("start_timeout")
    def _default_start_timeout(self) -> int:
        return 900  # the first start may have to build the default environment

    @default("http_timeout")
    def _default_http_timeout(self) -> int:
        return 120

    @default("poll_interval")
    def _default_poll_interval(self) -> int:
        return 5  # a look at /proc

    @default("default_url")
    def _default_default_url(self) -> str:
        return "/lab"

    @property
    def places(self) -> Places:
        """The folders of this server."""
        data = DataDir(Path(self.data_dir))
        return Places(data=data, user=self.user.name, server=self.name, walls=self.isolation)

    @property
    def engine(self) -> Engine:
        """The engine of this data folder; one per hub."""
        engine: Engine = self.make_engine(self.data_dir, self.isolation)
        return engine

    async def lacking(self) -> list[str]:
        """What servers lack on this machine, in sentences for an admin; nothing where the admin chose it so."""
        own_networks = self.network == Network.OWN
        hub = self.places.data.make().own("hub")
        return await lacking(self.engine, hub, own_networks=own_networks) if self.isolation else []

    async def start(self) -> str:
        """Start the server; returns its URL once it listens."""
        self._said, self._news = [], asyncio.Event()
        self._starting = True
        try:
            return await self._start()
        except HubkilnError as error:
            await asyncio.to_thread(self.places.clear)
            raise ServerFailed(error) from error
        finally:
            self._starting = False

    async def _start(self) -> str:
        places = self.places
        with lease(places.data.root, f"the start of the server {places.name}"):
            image = await self._image()
            self._say(50, "Opening the sandbox")
            await asyncio.to_thread(places.clear)
            identity = await asyncio.to_thread(self._make, places)
            await asyncio.to_thread(keep_in_use, places.room, image)
            with bound(self.ip, self._wanted_port) as listener:
                self.port = listener.getsockname()[1]  # get_env tells it to the server
                await self._open(image, places, listener, identity)
        self._say(70, "Starting Jupyter")
        await self._listening()
        for line in shown(places.log):
            self._say(90, line)
        return f"http://{self.ip}:{self.port}"

    def _make(self, places: Places) -> Identity:
        """The folders, given to the user; returns who that is on this machine."""
        host = host_settings()
        shared = current_identity(chosen=host.uid)
        identity = own_identity(places.data.hub, places.user, shared, host.user_uids) if self.isolation else shared
        places.make(identity, shared)
        return identity

    async def _open(self, image: LocalImage, places: Places, listener: socket.socket, identity: Identity) -> None:
        """Start the sandbox; whoever comes to `listener`, which is the sandbox's from now on, comes to the server."""
        wanted = Wanted(
            image=image,
            command=[*self.cmd, *self.get_args()],
            env={name: str(value) for name, value in self.get_env().items()},
            identity=identity,
            limits=self._limits(),
            shared_network=self.network == Network.HOST or not self.isolation,
            outbound=self.outbound,
            transport=self.kernel_transport,
            open=self.open_path,
            url="/lab/tree" if self.default_url.rstrip("/") == "/lab" else "",
            allowed=[pwd.getpwnam(name).pw_uid for name in self.proxy_users],
        )
        self._running = await open_server(self.engine, places, listener, wanted)

    def _limits(self) -> Limits:
        return Limits(
            memory_bytes=self.mem_limit or None,
            cpus=self.cpu_limit or None,
            processes=self.process_limit or None,
            file_bytes=self.file_size_limit or None,
            open_files=self.open_files_limit or None,
        )

    async def _image(self) -> LocalImage:
        images = LocalImages(DataDir(Path(self.data_dir)).own("images/documents"))
        reference = self.image
        if reference == DEFAULT:
            self._say(10, "Looking for the default environment")
            service = DefaultImage(self.service_url, self.service_token)
            reference = await service.get(
                lambda phase: self._say(20, f"Making the default environment, for the first time only: {phase}")
            )
        if is_local(reference):
            return images.get(reference)
        if self.pull is None:
            raise Unsupported(
                f"This hub cannot start {reference!r}: it runs images that it built itself.",
                hint="Give a repository instead, or choose a listed environment.",
            )
        self._say(10, f"Getting {reference}")
        pulled: LocalImage = await maybe_future(self.pull(reference, lambda text: self._say(30, text.strip())))
        return pulled

    async def _listening(self) -> None:
        """
        Return when the server accepts connections.

        Raises:
            ServiceError: it ended before.
        """
        assert self._running is not None
        ended = asyncio.create_task(self._running.wait())
        up = asyncio.create_task(accepting(self.ip, self.port))
        try:
            await asyncio.wait({ended, up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            ended.cancel()
        if ended.done() and not ended.cancelled():
            raise died(self.places.log, ended.result(), self._running.out_of_memory, self.mem_limit)

    async def stop(self, now: bool = False) -> None:
        """End the server and everything it started; its home stays."""
        if self._running is not None:
            await self._running.stop(grace=0 if now else 10)
        self._running = None
        await asyncio.to_thread(self.places.clear)

    async def poll(self) -> int | None:
        """None while it runs or is being started, else its exit code (0 if it never ran)."""
        if self._running is None:
            return None if self._starting else 0
        code = self._running.poll()
        if code is not None and not self._starting:
            if self._running.out_of_memory:
                self.log.warning("The server of %s ran out of memory", self._log_name)
            await asyncio.to_thread(self.places.clear)
        return code

    def get_state(self) -> dict[str, Any]:
        """What finds the sandbox again after a restart of the hub."""
        state: dict[str, Any] = super().get_state()
        if self._running is not None:
            state["sandbox"] = self._running.to_state()
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Find the sandbox again."""
        super().load_state(state)
        if state.get("sandbox"):
            with suppress(KeyError, TypeError, ValueError):
                self._running = self.engine.attach(state["sandbox"])

    def clear_state(self) -> None:
        """Forget the sandbox."""
        super().clear_state()
        self._running = None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What is being done, as it is done."""
        seen = 0
        while True:
            said, news = self._said, self._news
            for event in said[seen:]:
                yield event
            seen = len(said)
            await news.wait()

    def _say(self, percent: int, message: str) -> None:
        self._said.append({"progress": percent, "message": message})
        self._news.set()
        self._news = asyncio.Event()

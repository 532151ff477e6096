"""``hubkiln up``: one process that starts a whole hub, says where it is, and ends all of it.

The hub runs in a session of its own, so that Ctrl-C reaches only us and everything is stopped in order: servers,
build service, proxy, hub. Whatever is killed out of order, the rest follows (:mod:`hubkiln.up.tied`,
:mod:`hubkiln.up.left_servers`).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from hubkiln.errors import Conflict, HubkilnError, ServiceError
from hubkiln.processes import free_ports
from hubkiln.spawners import DefaultImage, engine_of, limited, log_tail
from hubkiln.up.left_servers import end_left_servers
from hubkiln.up.lines import farewell, greeting, local
from hubkiln.up.listening import check_ours
from hubkiln.up.running import RunningHub
from hubkiln.up.settings import HubSettings, UpSettings, new_password, path_of
from hubkiln.up.single_instance import only_one
from hubkiln.up.telling import say

CONFIG = Path(__file__).with_name("embedded_config.py")

PATIENCE = 60.0
"""Seconds until a hub that does not answer counts as failed."""

FAREWELL = 45.0
"""Seconds a hub gets to stop its servers, before it is killed."""

Show = Callable[[str], None]


def up(settings: UpSettings, show: Show = say) -> int:
    """
    Run a hub until Ctrl-C or SIGTERM; `show` gets the lines for the user. Returns the exit code.

    Raises:
        Conflict: the data folder or the port is in use.
        BadSpec: a setting makes no sense.
        ServiceError: the hub does not start; the message holds what it printed last.
    """
    settings.checked().data.make()
    if settings.port == 0:
        settings = replace(settings, port=free_ports(1)[0])
    with only_one(settings.data.root):
        check_port(settings.ip, settings.port)
        return asyncio.run(_Supervisor(settings, show).run())


def check_port(ip: str, port: int) -> None:
    """
    Raises:
        Conflict: somebody listens there, or we may not.
    """
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip, port))
        except OSError as error:
            raise Conflict(
                f"Cannot listen on {ip} port {port}: {error.strerror}.", hint="Choose another port with --port."
            ) from error


class _Supervisor:
    def __init__(self, settings: UpSettings, show: Show) -> None:
        self._settings, self._show = settings, show
        self._stop = asyncio.Event()
        self._signals = 0
        self._told = settings.data.hub / "up.json"
        self._running = settings.data.hub / "running.json"
        self._log = settings.data.hub / "jupyterhub.log"
        self._hub: RunningHub | None = None

    async def run(self) -> int:
        """Start, wait, stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)
        if count := await end_left_servers(self._settings.data):
            what = "one server, which was" if count == 1 else f"{count} servers, which were"
            self._show(f"Stopped {what} left running by a hub that was killed; homes are as they were.")
        told = self._hub_settings()
        told.write(self._told)
        self._running.unlink(missing_ok=True)
        with ExitStack() as open_files:
            hub = self._start(open_files)
            ended = asyncio.create_task(asyncio.to_thread(hub.wait))
            stopped = asyncio.create_task(self._stop.wait())
            try:
                await self._until_ready(told, ended, stopped)
                if self._hub is not None and not stopped.done():
                    await self._serve(told, self._hub, ended, stopped)
            finally:
                await self._end(hub, ended)
                stopped.cancel()
                self._told.unlink(missing_ok=True)
                self._running.unlink(missing_ok=True)
        return 0 if self._stop.is_set() else 1

    def _signalled(self) -> None:
        self._signals += 1
        self._stop.set()

    def _hub_settings(self) -> HubSettings:
        chosen = self._settings
        hub, api, service = free_ports(3)
        host = f"[{chosen.ip}]" if ":" in chosen.ip else chosen.ip
        return HubSettings(
            data_dir=str(chosen.data.root),
            bind_url=f"http://{host}:{chosen.port or free_ports(1)[0]}{path_of(chosen.base_url)}",
            public_url=public_address(chosen),
            hub_port=hub,
            proxy_api_port=api,
            service_port=service,
            service_token=secrets.token_hex(32),
            password=chosen.password or new_password(),
            isolation=chosen.isolation,
            config=str(chosen.config.absolute()) if chosen.config else "",
            networks=list(chosen.networks),
            supervisor=os.getpid(),
            running=str(self._running),
        )

    def _start(self, open_files: ExitStack) -> subprocess.Popen[bytes]:
        output = None
        if not self._settings.verbose:
            self._log.write_bytes(b"")
            self._log.chmod(0o600)
            output = open_files.enter_context(self._log.open("ab"))
        return subprocess.Popen(
            [sys.executable, "-m", "hubkiln.up.hub", "-f", str(CONFIG)],
            env=os.environ | {"HUBKILN_UP": str(self._told)},
            cwd=self._settings.data.hub,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )

    async def _until_ready(self, told: HubSettings, ended: asyncio.Task[int], stopped: asyncio.Task[bool]) -> None:
        ready = asyncio.create_task(self._ready())
        try:
            await asyncio.wait({ready, ended, stopped}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if stopped.done() or (ready.done() and not ready.cancelled()):
            check_ours((told.hub_port, told.proxy_api_port))
            return
        why = "ended" if ended.done() else f"did not answer within {PATIENCE:.0f} seconds"
        if self._settings.verbose:
            raise ServiceError(f"JupyterHub {why}.", hint="Its log is above.")
        last = "\n".join(f"  {line}" for line in log_tail(self._log)[-8:])
        raise ServiceError(f"JupyterHub {why}. It printed last:\n{last}", hint=f"All of it is in {self._log}.")

    async def _ready(self) -> None:
        """Until the hub has said what it is, and answers there."""
        while not self._running.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        self._hub = RunningHub.read(self._running)
        await answering(f"{local(self._hub.bind_url)}hub/health", 0.15)

    async def _serve(
        self, told: HubSettings, hub: RunningHub, ended: asyncio.Task[int], stopped: asyncio.Task[bool]
    ) -> None:
        for line in greeting(self._settings, told, hub):
            self._show(line)
        warm = asyncio.create_task(self._warm(told, hub))
        try:
            done, _ = await asyncio.wait({ended, stopped, warm}, return_when=asyncio.FIRST_COMPLETED)
            if warm in done and not isinstance(warm.exception(), Conflict):
                await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            warm.cancel()
        with suppress(asyncio.CancelledError):
            await warm
        if not stopped.done():
            log = "its log is above" if self._settings.verbose else f"its log is {self._log}"
            self._show(f"JupyterHub ended by itself with exit code {ended.result()}; {log}.")

    async def _warm(self, told: HubSettings, hub: RunningHub) -> None:
        """Say what servers in sandboxes lack, and have their environment built before somebody waits for it."""
        if not hub.sandboxes:
            return
        engine = engine_of(told.data_dir)
        if hub.isolation and (await engine.probe()).works and (missing := limited(await engine.outlook())):
            self._show(missing)
        base = path_of(urlsplit(hub.bind_url).path)
        service = f"http://127.0.0.1:{told.service_port}{base}services/binder/"
        await answering(f"{service}versions")
        check_ours((told.service_port,))  # before it is told a token
        try:
            await DefaultImage(service, told.service_token).get(lambda phase: None)
        except HubkilnError as error:
            self._show(str(error))

    async def _end(self, hub: subprocess.Popen[bytes], ended: asyncio.Task[int]) -> None:
        if hub.poll() is None:
            hub.send_signal(signal.SIGTERM)  # first: whatever happens to us, the hub ends
            self._show(farewell(self._hub))
            before = self._signals
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    while not ended.done() and self._signals == before:  # another Ctrl-C does not wait
                        await asyncio.wait({ended}, timeout=0.2)
            if hub.poll() is None:
                hub.kill()
        await ended
        await end_left_servers(self._settings.data)


async def answering(url: str, longest: float = 0.5) -> None:
    """Return when `url` answers with 200; asks ever more rarely, at least every `longest` seconds."""
    pause = 0.05
    async with httpx.AsyncClient(timeout=5, trust_env=False, verify=False) as client:  # its name is another outside
        while True:
            with suppress(httpx.HTTPError):
                if (await client.get(url)).status_code == 200:
                    return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)


def public_address(settings: UpSettings) -> str:
    """``public_url`` with the slash at its end, or nothing."""
    return f"{settings.public_url.rstrip('/')}/" if settings.public_url else ""

"""A real JupyterHub below a base URL, with a spawner that is not ours, for tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hubkiln.processes import free_ports
from hubkiln.up.supervisor import answering

PARTS = Path(__file__).parent / "hub_parts"


@dataclass
class HubProcess:
    """A hub that can be ended and begun again, at the same address and with what it keeps."""

    base: str
    """Its address, without a slash at the end."""
    command: list[str]
    environment: dict[str, str]
    folder: Path
    with_service: bool
    process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it, and wait until it answers; its service too, where that is a real one."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        asyncio.run(asyncio.wait_for(answering(f"{self.base}/hub/health"), 150))
        if self.with_service:
            asyncio.run(asyncio.wait_for(answering(f"{self.base}/services/binder/health"), 150))

    def end(self) -> None:
        """Stop it and all that it started."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # a hub that gave up by itself leaves its proxy
        self.process.wait()


@contextmanager
def hub_process(
    folder: Path,
    python: str | Path = sys.executable,
    config: str = "config.py",
    prefix: str = "/some/base",
    **variables: str,
) -> Iterator[HubProcess]:
    """
    A hub that runs; `variables` are for its `config`, which `python` reads.

    Where it listens, below which `prefix`, and what it keeps in `folder` is the same for all, and so is no part of
    that: the command line says it.
    """
    port, hub_port, api_port = free_ports(3)
    proxy = (sys.executable, "-m", "hubkiln.up.proxy")
    said = [
        f"--JupyterHub.bind_url=http://127.0.0.1:{port}{prefix}/",
        f"--JupyterHub.hub_port={hub_port}",
        f"--JupyterHub.db_url=sqlite:///{folder}/hub.sqlite",
        f"--JupyterHub.cookie_secret_file={folder}/secret",
        *(f"--ConfigurableHTTPProxy.command={word}" for word in proxy),
        f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{api_port}",
        f"--ConfigurableHTTPProxy.pid_file={folder}/proxy.pid",
        "--Authenticator.allow_all=True",
    ]
    hub = HubProcess(
        base=f"http://127.0.0.1:{port}{prefix}",
        command=[str(python), "-m", "jupyterhub", "-f", str(PARTS / config), *said],
        environment=os.environ
        | {"TEST_PORT": str(port), "TEST_HUB_PORT": str(hub_port), "TEST_FOLDER": str(folder)}
        | variables,
        folder=folder,
        with_service=bool({"TEST_LAUNCH", "TEST_SERVICE", "TEST_LOGIN_HOSTS"} & set(variables)),
    )
    try:
        hub.begin()
        yield hub
    finally:
        hub.end()
        print((folder / "log").read_text()[-5000:])


@contextmanager
def any_hub(
    folder: Path,
    python: str | Path = sys.executable,
    config: str = "config.py",
    prefix: str = "/some/base",
    **variables: str,
) -> Iterator[str]:
    """The address of a :func:`hub_process`, without a slash at the end."""
    with hub_process(folder, python, config, prefix, **variables) as hub:
        yield hub.base

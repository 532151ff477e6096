"""A real JupyterHub below a base URL, with a spawner that is not ours, for tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hubkiln.processes import free_ports
from hubkiln.up.supervisor import answering

PARTS = Path(__file__).parent / "hub_parts"


@contextmanager
def any_hub(
    folder: Path,
    python: str | Path = sys.executable,
    config: str = "config.py",
    prefix: str = "/some/base",
    **variables: str,
) -> Iterator[str]:
    """
    The hub's address, without a slash at the end; `variables` are for its `config`, which `python` reads.

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
    process = subprocess.Popen(
        [python, "-m", "jupyterhub", "-f", str(PARTS / config), *said],
        env=os.environ
        | {"TEST_PORT": str(port), "TEST_HUB_PORT": str(hub_port), "TEST_FOLDER": str(folder)}
        | variables,
        cwd=folder,
        stdout=(log := (folder / "log").open("wb")),
        stderr=log,
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}{prefix}"
    try:
        asyncio.run(asyncio.wait_for(answering(f"{base}/hub/health"), 60))
        if {"TEST_LAUNCH", "TEST_SERVICE", "TEST_LOGIN_HOSTS"} & set(variables):
            asyncio.run(asyncio.wait_for(answering(f"{base}/services/binder/health"), 60))
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # a hub that gave up by itself leaves its proxy
        process.wait()
        log.close()
        print((folder / "log").read_text()[-5000:])

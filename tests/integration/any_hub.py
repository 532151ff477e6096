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

    `prefix` is what that configuration says.
    """
    port, hub_port, api_port = free_ports(3)
    ports = {"TEST_PORT": port, "TEST_HUB_PORT": hub_port, "TEST_API_PORT": api_port, "TEST_FOLDER": folder}
    variables = {"TEST_PROXY_PYTHON": sys.executable} | variables
    process = subprocess.Popen(
        [python, "-m", "jupyterhub", "-f", str(PARTS / config)],
        env=os.environ | {name: str(value) for name, value in ports.items()} | variables,
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

"""Starts :mod:`web_service` as a process and waits until it answers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hubkiln.testing.hub import SCOPE, FakeHub
from sockets import free_port

PROGRAM = Path(__file__).with_name("web_service.py")
TOKENS: dict[str, dict[str, object]] = {
    name: {"name": name, "kind": "user", "admin": False, "scopes": [SCOPE]} for name in ("ada", "grace")
}


@dataclass
class Running:
    """A service process."""

    process: asyncio.subprocess.Process
    port: int

    @property
    def url(self) -> str:
        """Below the prefix, with a slash at the end."""
        return f"http://127.0.0.1:{self.port}/services/binder/"

    async def ask(self, method: str, path: str, token: str = "ada", **more: Any) -> httpx.Response:
        """One request; no authority is asked, and to read them all would take longer than most requests do."""
        async with httpx.AsyncClient(trust_env=False, timeout=60, verify=False) as client:
            headers = {"Authorization": f"token {token}"} | more.pop("headers", {})
            return await client.request(method, self.url + path, headers=headers, **more)

    async def end(self, signal: int) -> int:
        """Send a signal and wait."""
        self.process.send_signal(signal)
        return await self.process.wait()


@asynccontextmanager
async def running(hub: FakeHub, database: str, script: str = "-", *more: str) -> AsyncIterator[Running]:
    """A service that answers, killed at the end if it still lives."""
    port = free_port()
    environment = os.environ | {
        "JUPYTERHUB_API_TOKEN": "own",
        "JUPYTERHUB_API_URL": hub.api_url,
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}",
        "JUPYTERHUB_SERVICE_PREFIX": "/services/binder/",
        "JUPYTERHUB_SERVICE_NAME": "binder",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", str(PROGRAM), database, script, *more, env=environment
    )
    service = Running(process, port)
    try:
        await _until_it_answers(service)
        yield service
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _until_it_answers(service: Running) -> None:
    async with asyncio.timeout(120):
        while True:
            with suppress(httpx.TransportError):
                if (await service.ask("GET", "health")).status_code == 200:
                    return
            assert service.process.returncode is None, "the service ended before it answered"
            await asyncio.sleep(0.05)

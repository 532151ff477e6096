"""``hubkiln up`` as a process, for tests: start it, ask its service, look into its servers, see what it leaves."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from hub_browser import BROWSER, Browser
from hubkiln.spawners.engines import engine_of
from hubkiln.up.left_servers import sandboxes

PASSWORD = "open sesame"


@dataclass
class Up:
    """A running ``hubkiln up``."""

    process: subprocess.Popen[str]
    said: list[str]
    data: Path

    @property
    def hub(self) -> str:
        """Its address without the last slash."""
        return re.findall(r"http://\S+", "".join(self.said))[0].rstrip("/")


def start(data: Path, *options: str) -> Up:
    """Start it and wait until it says where it is."""
    command = [
        sys.executable,
        "-m",
        "hubkiln",
        "up",
        "--data-dir",
        str(data),
        "--port",
        "0",
        *options,
    ]
    process = subprocess.Popen(
        command,
        env=os.environ | {"HUBKILN_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return when_told(process, data)


def when_told(process: subprocess.Popen[str], data: Path) -> Up:
    """The one that `process` is starting, once it says where it is."""
    said: list[str] = []
    assert process.stdout
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C" in line:
            return Up(process, said, data)
    raise AssertionError("".join(said))


def left_over(data: Path) -> list[str]:
    """Processes that have to do with `data`: by their command lines, and servers by what the hub remembers."""
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(data) in line] + [str(pid) for pid in servers(data)]


def settled(data: Path, seconds: float = 60) -> list[str]:
    """What is left over when what was killed has had time to go: the kernel ends nobody at once."""
    end = time.monotonic() + seconds
    while (left := left_over(data)) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def hub_process(data: Path) -> int:
    """Pid of JupyterHub itself, which the process that we started keeps."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes()
            if b"hubkiln.up.hub" in words and (folder / "cwd").readlink() == data / "hub":
                return int(folder.name)
    raise AssertionError("no hub runs")


def servers(data: Path) -> list[int]:
    """Pids, seen from outside, of the first processes in the sandboxes that run."""
    known = sandboxes(data / "hub/jupyterhub.sqlite")
    return [state["first"][0] for state in known if engine_of(str(data)).attach(state).poll() is None]


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 120) -> None:
    """Return when `true()` is so; nobody tells when a process of others ends."""
    async with asyncio.timeout(seconds):
        while True:
            answer = true()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def service(browser: Browser) -> AsyncIterator[httpx.AsyncClient]:
    """The build service as the page asks it: with a token for it alone."""
    scopes = ["access:services!service=binder"]
    made = await browser.api("POST", f"users/{browser.name}/tokens", json={"expires_in": 600, "scopes": scopes})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}
    address = f"{browser.hub}/services/binder/api/"
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=300, trust_env=False) as client:
        yield client


async def ended(client: httpx.AsyncClient, id: str) -> dict[str, Any]:
    """A build, once its stream of events says that it has ended."""
    async with client.stream("GET", f"builds/{id}/events") as events:
        async for line in events.aiter_lines():
            if line.startswith("data:") and '"end"' in line:
                build: dict[str, Any] = json.loads(line.removeprefix("data:"))["build"]
    return build


async def built(browser: Browser, url: str) -> dict[str, Any]:
    """The finished build of `url`."""
    async with service(browser) as client:
        asked = await client.post("builds", json={"spec": url})
        assert asked.status_code in (200, 201), asked.text
        build = await ended(client, asked.json()["id"])
    assert build["phase"] == "ready", build
    return build


def form(image: str, opened: str = "") -> dict[str, str]:
    """The form of the page with a built image."""
    return {
        "profile": "server",
        "profile-option-server--resources": "cpu1-mem1",
        "profile-option-server--image": "--extra-selectable-item",
        "profile-option-server--image--unlisted-choice": image,
        "hubkiln-open": opened,
    }


async def in_terminal(browser: Browser, command: str) -> str:
    """What `command` prints in a terminal of the user's server."""
    server = f"{browser.hub}/user/{browser.name}"
    await browser.client.get(f"{server}/lab")
    xsrf = [
        cookie.value for cookie in browser.client.cookies.jar if cookie.name == "_xsrf" and "/user/" in cookie.path
    ][-1]
    made = await browser.client.post(f"{server}/api/terminals", params={"_xsrf": xsrf}, headers=BROWSER)
    name = made.json()["name"]
    cookies = "; ".join(
        f"{cookie.name}={cookie.value}" for cookie in browser.client.cookies.jar if "/user/" in cookie.path
    )
    request = HTTPRequest(
        f"{server.replace('http', 'ws')}/terminals/websocket/{name}?_xsrf={xsrf}",
        headers={"Cookie": cookies, "Origin": "{0.scheme}://{0.netloc}".format(urlsplit(server))},
    )
    socket = await websocket_connect(request)
    printed, message = "", ""
    try:
        await socket.write_message(json.dumps(["stdin", f"{command}; echo DO''NE\r"]))
        while "DONE" not in printed:
            message = await socket.read_message()
            assert message is not None
            kind, *rest = json.loads(message)
            printed += rest[0] if kind == "stdout" else ""
    finally:
        socket.close()
        while message is not None:  # the end of the connection, for which closing only asks
            message = await socket.read_message()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", printed).split("DONE")[0].replace("\r", "")

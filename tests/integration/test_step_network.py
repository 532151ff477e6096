"""What run steps reach: a postBuild in a real sandbox asks real servers on this machine's loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from step_yard import Yard, recipe

from git_server import GitServer, make_repository
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.egress.allowed import read_reach
from hubkiln.errors import BuildFailed, Unreachable

pytestmark = pytest.mark.sandbox

ASK = """\
#!/usr/bin/env python3
import sys, urllib.request
try:
    print("GOT", urllib.request.urlopen("{url}").read().decode())
except OSError as error:
    sys.exit(f"could not fetch: {{error}}")
"""


class _Secret(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"what only this machine may read")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """A server on the host's loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Secret) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    """A new one."""
    made = Yard()
    yield made
    made.close()


async def run(yard: Yard, network: str, script: str) -> None:
    """Run `script` as postBuild where the admin has written `network`."""
    yard.settings = StepSettings(reach=read_reach(network), seconds=300)
    base = await yard.bases.host(None)
    content = yard.content({"postBuild": script})
    await yard.steps().run(recipe(post_build="postBuild"), base, await yard.environment(base), content, yard.say)


@pytest.mark.parametrize("network", ["all", "127.0.0.0/8", "packages 127.0.0.1"])
async def test_what_is_allowed_is_reached(yard: Yard, url: str, network: str) -> None:
    """By everybody, by network, by host."""
    await run(yard, network, ASK.format(url=url))
    assert "GOT what only this machine may read" in yard.log


@pytest.mark.parametrize("network", ["none", "public", "packages", "example.org", "127.0.0.1:1"])
async def test_what_is_not_allowed_is_not_reached(yard: Yard, url: str, network: str) -> None:
    """This machine's own services above all; the error says that it is the admin's choice."""
    with pytest.raises(
        (BuildFailed, Unreachable), match=r"`postBuild` failed: (it could not reach the network|builds may not reach)"
    ) as raised:
        await run(yard, network, ASK.format(url=url))
    assert "admin" in raised.value.hint.lower()
    assert "what only" not in yard.log


async def test_a_way_around_the_proxy_is_closed(yard: Yard, url: str) -> None:
    """Neither a program that ignores the variables, nor another name for the same address, gets out."""
    port = url.rpartition(":")[2].strip("/")
    script = (
        "#!/usr/bin/env python3\nimport socket\n"
        f"for host in ('127.0.0.1', '127.0.0.2', '0.0.0.0', '::1'):\n"
        f"    try:\n        socket.create_connection((host, {port}), 5)\n    except OSError: print('closed')\n"
        "    with socket.create_connection(('127.0.0.1', 3128)) as proxy:\n"
        f"        name = f'[{{host}}]' if ':' in host else host\n"
        f"        proxy.sendall(f'GET http://{{name}}:{port}/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'.encode())\n"
        "        print(proxy.recv(12))\n"
    )
    await run(yard, "public", script)
    assert yard.log.count("closed") == 4 and yard.log.count("HTTP/1.1 403") == 4


async def test_a_refused_host_is_named(yard: Yard, url: str) -> None:
    """In the log at once, and in the error with what may be reached instead."""
    script = f"#!/bin/sh\nexport no_proxy= NO_PROXY=\ngit ls-remote {url}repo.git\n"
    name = url.removeprefix("http://").strip("/")
    with pytest.raises(BuildFailed, match=f"builds may not reach {name} here") as raised:
        await run(yard, "example.org", script)
    assert raised.value.hint == "The admin lets builds reach example.org, by HTTP(S); ask them to allow more."
    assert f"Note: builds may not reach {name} here." in yard.log


async def test_git_finds_the_way(yard: Yard, tmp_path: Path) -> None:
    """It clones through the proxy what is allowed, by questions and answers of many pieces."""
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "demo.git", {"large.txt": "kiln\n" * 100_000, "small.txt": "it works\n"})
        await run(yard, "127.0.0.0/8", f"#!/bin/sh\nset -e\ngit clone -q {server.url('demo.git')} d\ncat d/small.txt\n")
    assert "it works" in yard.log


async def test_a_cancelled_step_leaves_no_connection(yard: Yard, url: str) -> None:
    """The proxy ends with the step."""
    started = asyncio.Event()

    def say(text: str) -> None:
        if "connected" in text:
            started.set()

    script = (
        "#!/usr/bin/env python3\nimport socket, time\nproxy = socket.create_connection(('127.0.0.1', 3128))\n"
        f"proxy.sendall(b'CONNECT {url.removeprefix('http://').strip('/')} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n"
        "proxy.recv(12)\nprint('connected', flush=True)\ntime.sleep(300)\n"
    )
    yard.settings = StepSettings(reach=read_reach("127.0.0.1"))
    base = await yard.bases.host(None)
    environment, content = await yard.environment(base), yard.content({"postBuild": script})
    job = asyncio.create_task(yard.steps().run(recipe(post_build="postBuild"), base, environment, content, say))
    await started.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert {task for task in asyncio.all_tasks() if "_client" in repr(task)} == set()
    assert yard.leftovers() == []

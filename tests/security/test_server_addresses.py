"""Nobody takes another user's server address or reads along, tried as the attacker would, with a real hub."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
from embedded import PASSWORD, Up, in_terminal, start
from kept import give_stores

from hub_browser import Browser, logged_in

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

FORM = {"profile": "server", "profile-option-server--image": "default"}

LOOK = """
import glob, json, os, stat
from jupyter_client import BlockingKernelClient
told = json.load(open(glob.glob('/run/jupyter/kernel-*.json')[0]))
client = BlockingKernelClient()
client.load_connection_info(told)
client.start_channels()
client.wait_for_ready(120)
client.execute_interactive('print(6 * 7)')
print(json.dumps([told['transport'], told['ip'][:13], oct(os.stat('/run/jupyter').st_mode)[-3:]]))
"""
"""Runs code in the first kernel; tells where it listens."""

SERVE = """
import socket, time
abstract, port = socket.socket(socket.AF_UNIX), socket.create_server(('', 7777))
abstract.bind('\\0meet')
abstract.listen()
open('there', 'w').close()
time.sleep(300)
"""

ASK = """
import json, socket, sys
def ask(family, address):
    try:
        socket.socket(family).connect(address)
    except OSError as error:
        return type(error).__name__
    return 'in'
loopback = [ask(socket.AF_INET, ('127.0.0.1', port)) for port in (7777, int(sys.argv[1]))]
print(json.dumps([ask(socket.AF_UNIX, '\\0meet'), *loopback]))
"""


@pytest.fixture(scope="module", params=["host", "own"])
def up(request: pytest.FixtureRequest, stacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A hub whose servers share this machine's network, which is the harder case, or have their own."""
    data = tmp_path_factory.mktemp("hubkiln") / "data"
    give_stores(stacked, data)
    config = data / "config.py"
    config.write_text(f"c.SandboxSpawner.network = {request.param!r}\n")
    running = start(data, "--base-url", "/kiln/", "--config", str(config))
    yield running
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=150)
    print((data / "hub/jupyterhub.log").read_text()[-4000:])


@asynccontextmanager
async def started(up: Up, name: str) -> AsyncIterator[Browser]:
    """The user `name` with a running server, which is stopped at the end."""
    async with logged_in(up.hub, name, PASSWORD) as browser:
        await browser.start(**FORM)
        assert (await browser.progress())[-1].get("ready")
        yield browser
        await browser.stop()


async def rival(name: str) -> socket.socket | None:
    """Somebody lucky, who binds the very port of the server of `name` before that does; None if it is taken."""
    url = rb"JUPYTERHUB_SERVICE_URL=http://[^:]+:(\d+)/kiln/user/%s/" % name.encode()
    while True:
        for file in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if found := re.search(url, file.read_bytes()):
                    try:
                        return socket.create_server(("127.0.0.1", int(found[1])))
                    except OSError:
                        return None
        await asyncio.sleep(0.005)


async def test_racing_for_the_port_wins_no_server(up: Up) -> None:
    """Whoever binds ports while a server starts gets none that the proxy sends its user to."""
    name = f"ada{os.getpid()}"  # other hubs of this machine have an ada too
    async with logged_in(up.hub, name, PASSWORD) as ada:
        racing = asyncio.create_task(rival(name))
        await ada.start(**FORM)
        won = await racing
        if won is not None:
            won.close()
        assert won is None
        assert (await ada.progress())[-1].get("ready")
        answer = await ada.client.get(f"{up.hub}/user/{name}/api")
        assert "version" in answer.json()
        await ada.stop()


async def test_kernels_are_not_on_any_network(up: Up) -> None:
    """A kernel's five channels are sockets in a folder of the server's own, and the kernel works."""
    async with started(up, "bob") as bob:
        token = (await bob.api("POST", "users/bob/tokens", json={})).json()["token"]
        headers = {"Authorization": f"token {token}"}
        async with httpx.AsyncClient(headers=headers, timeout=150, trust_env=False) as client:
            made = await client.post(f"{up.hub}/user/bob/api/kernels", json={})
        assert made.status_code == 201, made.text
        (up.data / "homes/bob/look.py").write_text(LOOK)
        said = await in_terminal(bob, "python3 look.py")
        assert '["ipc", "/run/jupyter/", "700"]' in said and "42" in said, said


async def test_servers_do_not_meet_in_abstract_sockets(up: Up) -> None:
    """Of two servers at once: what one listens at is refused to the other, whatever kind of address it is."""
    if "host" in (up.data / "config.py").read_text():
        pytest.skip("a shared network is shared; the docs say so")
    async with started(up, "eve") as eve, started(up, "mallory") as mallory:
        for one in (eve, mallory):
            (up.data / "homes" / one.name / "serve.py").write_text(SERVE)
            (up.data / "homes" / one.name / "ask.py").write_text(ASK)
        hub = up.hub.split(":")[2].split("/")[0]
        there = "until [ -e there ]; do sleep 0.1; done"
        own = await in_terminal(eve, f"(python3 serve.py &); {there}; python3 ask.py {hub}")
        said = await in_terminal(mallory, f"python3 ask.py {hub}")
        assert '["in", "in", "ConnectionRefusedError"]' in own, own
        assert json.dumps(["ConnectionRefusedError"] * 3) in said, said

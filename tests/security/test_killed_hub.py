"""A hub that is killed while servers run: the next one stops them and says so, or has them again; nothing is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from embedded import PASSWORD, hub_process, left_over, start, until
from kept import give_stores
from newcomer import hubkiln

from hub_browser import logged_in
from hubkiln.data_dir import DataDir
from hubkiln.processes import ProcessId, free_ports
from hubkiln.up.left_servers import end_left_servers, sandboxes
from hubkiln.up.supervisor import answering

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(600)]

FORM = {"profile": "server", "profile-option-server--image": "default"}


def parts(state: dict[str, Any]) -> list[ProcessId]:
    """All processes of a server: sandbox, relay, what connects its network, and whatever they started."""
    found = [ProcessId(*state[name]) for name in ("outer", "first", "relay")]
    for process in found:
        found.extend(child for child in process.children() if child not in found)
    return found


def networks(processes: list[ProcessId]) -> set[str]:
    """The network namespaces they are in, as far as we may see them, but for our own."""
    found = set()
    for one in processes:
        with suppress(PermissionError):  # an ordinary user does not see those of what has closed itself
            found.add(str(Path(f"/proc/{one.pid}/ns/net").readlink()))
    return found - {str(Path("/proc/self/ns/net").readlink())}


async def test_what_a_killed_hub_left_is_stopped_and_said(stacked: Path, tmp_path: Path) -> None:
    """No process, network, control group or note of the server outlives the next start; its home does."""
    data = tmp_path / "data"
    give_stores(stacked, data)
    up = start(data)
    async with logged_in(up.hub, "ada", PASSWORD) as ada:
        await ada.start(**FORM)
        assert (await ada.progress())[-1].get("ready")
    (data / "homes/ada/kept").write_text("mine")
    (state,) = sandboxes(data / "hub/jupyterhub.sqlite")
    processes, groups = parts(state), [Path(folder) for folder in state["groups"]]
    assert len(processes) > 4 and networks(processes) and all(group.is_dir() for group in groups)
    hub = hub_process(data)
    os.kill(hub, signal.SIGSTOP)  # so that it cannot do anything for its servers when its keeper is gone
    up.process.kill()
    os.kill(hub, signal.SIGKILL)
    up.process.communicate()
    assert all(process.alive() for process in processes)
    again = start(data)
    assert "Stopped one server, which was left running by a hub that was killed" in "".join(again.said)
    assert not any(process.alive() for process in processes)
    assert not any(group.exists() for group in groups) and not Path(state["status"]).exists()
    again.process.send_signal(signal.SIGTERM)
    again.process.communicate(timeout=150)
    await until(lambda: not left_over(data))
    assert (data / "homes/ada/kept").read_text() == "mine"


def own_hub(data: Path, image: str, ports: dict[str, str]) -> subprocess.Popen[bytes]:
    """The hub of an admin's own."""
    variables = os.environ | ports | {"TEST_DATA": str(data), "TEST_IMAGE": image}
    with (data / "hub.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(Path(__file__).with_name("killed_hub_config.py"))],
            env=variables,
            cwd=data,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


async def test_an_own_hub_has_its_servers_again(stacked: Path, tmp_path: Path) -> None:
    """Killed and started again, it reaches the same process at the same address, and can stop it without a trace."""
    data = tmp_path / "data"
    give_stores(stacked, data)
    (tmp_path / "repository").mkdir()
    built = hubkiln("build", tmp_path / "repository", data=data)
    assert built.returncode == 0, built.stderr
    numbers = zip(("TEST_PORT", "TEST_HUB_PORT", "TEST_API_PORT"), free_ports(3), strict=True)
    ports = {name: str(port) for name, port in numbers}
    address = f"http://127.0.0.1:{ports['TEST_PORT']}/kiln"
    hub = own_hub(data, built.stdout.strip(), ports)
    try:
        await asyncio.wait_for(answering(f"{address}/hub/health"), 150)
        async with logged_in(address, "ada") as ada:  # which starts the server: there is nothing to choose from
            assert (await ada.progress())[-1].get("ready")
            assert (await ada.client.get(f"{address}/user/ada/")).status_code == 200
            before = (await ada.client.get(f"{address}/user/ada/api/status")).json()["started"]
            (state,) = sandboxes(data / "hub/jupyterhub.sqlite")
            processes, groups = parts(state), [Path(folder) for folder in state["groups"]]
            hub.kill()
            hub.wait()
            hub = own_hub(data, built.stdout.strip(), ports)
            await asyncio.wait_for(answering(f"{address}/hub/health"), 150)
            assert (await ada.client.get(f"{address}/user/ada/api/status")).json()["started"] == before
            assert sandboxes(data / "hub/jupyterhub.sqlite") == [state]
            tokens = await ada.client.get(f"{address}/hub/token")
            ada.xsrf = tokens.text.partition('xsrf_token: "')[2].partition('"')[0]
            assert (await ada.api("DELETE", "users/ada/server")).status_code in (202, 204)
            for process in processes:
                await process.ended()
            await until(lambda: not any(group.exists() for group in groups) and not Path(state["status"]).exists())
    finally:
        print((data / "hub.log").read_text()[-5000:])
        hub.terminate()
        hub.wait()
        await end_left_servers(DataDir(data))

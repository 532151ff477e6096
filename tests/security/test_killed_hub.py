"""A hub that is killed while servers run: they are stopped by the next one, which says so, and nothing stays behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from embedded import PASSWORD, hub_process, left_over, start, until
from kept import give_stores

from hub_browser import logged_in
from hubkiln.processes import ProcessId
from hubkiln.up.left_servers import sandboxes

pytestmark = [pytest.mark.hub, pytest.mark.sandbox, pytest.mark.network, pytest.mark.timeout(200)]

FORM = {"profile": "server", "profile-option-server--image": "default"}


def parts(state: dict[str, Any]) -> list[ProcessId]:
    """All processes of a server: sandbox, relay, what connects its network, and whatever they started."""
    found = [ProcessId(*state[name]) for name in ("outer", "first", "relay")]
    for process in found:
        found.extend(child for child in process.children() if child not in found)
    return found


def networks(processes: list[ProcessId]) -> set[str]:
    """The network namespaces they are in, but for our own."""
    return {str(Path(f"/proc/{one.pid}/ns/net").readlink()) for one in processes} - {
        str(Path("/proc/self/ns/net").readlink())
    }


async def test_what_a_killed_hub_left_is_stopped_and_said(stacked: Path, tmp_path: Path) -> None:
    """No process, network, control group or note of the server outlives the next start; its home does."""
    data = tmp_path / "data"
    give_stores(stacked, data)
    up = start(data)
    ada = await logged_in(up.hub, "ada", PASSWORD)
    await ada.start(**FORM)
    assert (await ada.progress())[-1].get("ready")
    await ada.client.aclose()
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
    again.process.communicate(timeout=60)
    await until(lambda: not left_over(data))
    assert (data / "homes/ada/kept").read_text() == "mine"

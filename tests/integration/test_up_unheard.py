"""``hubkiln up`` whose output nobody reads any more: ``hubkiln up | head -1`` and the like."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from embedded import PASSWORD, settled

pytestmark = [pytest.mark.hub, pytest.mark.timeout(600)]


def answers(data: Path) -> bool:
    """Whether the hub that `data` belongs to answers."""
    try:
        address = json.loads((data / "hub/up.json").read_text())["bind_url"]
        return httpx.get(f"{address}hub/health", trust_env=False, verify=False).status_code == 200
    except (OSError, ValueError, httpx.HTTPError):
        return False


def test_a_hub_that_nobody_listens_to_serves_and_ends(tmp_path: Path) -> None:
    """It comes up, it ends when it is told to, with exit code 0 and nothing left, and there is no traceback."""
    data = tmp_path / "data"
    command = [sys.executable, "-m", "hubkiln", "up", "--data-dir", str(data), "--port", "0", "--no-isolation"]
    reading, writing = os.pipe()
    os.close(reading)
    environment = os.environ | {"HUBKILN_PASSWORD": PASSWORD}
    with (tmp_path / "errors").open("wb") as errors:
        running = subprocess.Popen(command, env=environment, stdout=writing, stderr=errors, start_new_session=True)
    os.close(writing)
    try:
        end = time.monotonic() + 150
        while not answers(data):
            assert running.poll() is None and time.monotonic() < end, (tmp_path / "errors").read_text()
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
        code = running.wait(150)
    finally:
        running.kill()
        running.wait()
    assert (code, (tmp_path / "errors").read_text()) == (0, "")
    assert settled(data) == []

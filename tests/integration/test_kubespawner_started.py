"""KubeSpawner starts what was built, on a real API server, with the rights that zero-to-jupyterhub gives its hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from answers import Answers
from api_server import ApiServer, needs_api_server

pytest.importorskip("kubespawner")
pytestmark = [needs_api_server, pytest.mark.slow, pytest.mark.timeout(600)]

BUILT = "quay.io/org/env@sha256:" + "a" * 64
ASKED = f"/services/binder/api/images?{urlencode({'ref': BUILT, 'user': 'ada', 'starting': 1})}"
SCRIPT = Path(__file__).parent / "hub_parts/starts_pod.py"
RUNNING = {
    "phase": "Running",
    "podIP": "10.1.2.3",
    "containerStatuses": [
        {
            "name": "notebook",
            "ready": True,
            "restartCount": 0,
            "image": BUILT,
            "imageID": BUILT,
            "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
        }
    ],
}
"""What a kubelet would say of the pod."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """Kubernetes, with a namespace for the hub, and its account."""
    with ApiServer(tmp_path) as running:
        running.namespace("jhub", "baseline")
        hub = ("--namespace", "jhub", "create")
        running.kubectl(*hub, "serviceaccount", "hub")
        running.kubectl(*hub, "role", "hub", "--verb=get,watch,list,create,delete", "--resource=pods,secrets,services")
        running.kubectl(*hub, "role", "events", "--verb=get,watch,list", "--resource=events")
        for role in ("hub", "events"):
            running.kubectl(*hub, "rolebinding", role, f"--role={role}", "--serviceaccount=jhub:hub")
        yield running


def test_a_built_image_becomes_a_pod_and_goes_again(server: ApiServer, tmp_path: Path) -> None:
    """By digest, with its resources and both Secrets to pull with; running once the kubelet says so; then removed."""
    token = server.kubectl("-n", "jhub", "create", "token", "hub").strip()
    options = {"profile": "any", "image--unlisted-choice": BUILT}
    with Answers() as service, (tmp_path / "log").open("w") as log:
        service.ignored = ("start",)
        service.json(ASKED, {"known": True, "visible": True, "image": BUILT})
        hub = subprocess.Popen(
            [sys.executable, str(SCRIPT), service.url, json.dumps(options)],
            env=os.environ | {"KUBECONFIG": str(server.config_of(token, "hub"))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        assert hub.stdin is not None and hub.stdout is not None
        try:
            word, name = hub.stdout.readline().split() or ("", (tmp_path / "log").read_text())
            assert word == "starting", name
            server.kubectl("-n", "jhub", "wait", "--for=create", f"pod/{name}", "--timeout=180s")
            pod = server.get("-n", "jhub", "pod", name)["spec"]
            assert pod["containers"][0]["image"] == BUILT
            assert pod["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "2147483648"}
            assert [secret["name"] for secret in pod["imagePullSecrets"]] == ["theirs", "hubkiln-registry"]
            told = json.dumps({"status": RUNNING})
            server.kubectl("-n", "jhub", "patch", "pod", name, "--subresource=status", "--type=merge", "-p", told)
            assert hub.stdout.readline().split() == ["at", "http://10.1.2.3:8888"], (tmp_path / "log").read_text()
            hub.stdin.write("\n")
            hub.stdin.flush()
            assert hub.stdout.readline().startswith("stopped"), (tmp_path / "log").read_text()
            assert "NotFound" in server.kubectl("-n", "jhub", "get", "pod", name, fails=True)
        finally:
            hub.kill()
            hub.communicate()

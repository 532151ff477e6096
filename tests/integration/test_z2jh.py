"""zero-to-jupyterhub's own chart and configuration with our values, under its JupyterHub and KubeSpawner."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

import hubkiln
from answers import Answers
from helm import CHART, needs_helm, rendered
from hubkiln.sandbox.tools import find_bwrap

Z2JH = Path(os.environ.get("HUBKILN_Z2JH", ""))
"""The folder `jupyterhub` of a checkout of zero-to-jupyterhub-k8s."""

UV = Path(sys.executable).with_name("uv")
SCRIPT = Path(__file__).parent / "hub_parts/in_z2jh.py"
BUILT = "quay.io/org/env@sha256:" + "a" * 64

pytestmark = [
    needs_helm,
    pytest.mark.hub,
    pytest.mark.network,
    pytest.mark.sandbox,
    pytest.mark.skipif(not (Z2JH / "Chart.yaml").exists(), reason="HUBKILN_Z2JH names no chart of zero-to-jupyterhub"),
]

PROFILES = """
singleuser:
  image: {pullSecrets: [theirs]}
  profileList:
    - display_name: Any
      slug: any
      kubespawner_override: {mem_limit: 2G}
      profile_options:
        image:
          display_name: Image
          choices: {small: {display_name: Small, kubespawner_override: {image: "quay.io/x/small:1"}}}
          dynamic_image_building: {enabled: true}
"""


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: a, user: {token: x}}]
"""


@pytest.mark.timeout(600)
def test_the_hub_joins_by_values_alone(tmp_path: Path) -> None:
    """
    The chart's own values, given to zero-to-jupyterhub: a valid hub with the plugin brought by an init container.

    Its own jupyterhub_config.py then runs under JupyterHub 5.5: one service with the token of the Secret, users may
    use it, the form is ours, and KubeSpawner makes a pod with the built image by digest, its resources, and both
    Secrets to pull with.
    """
    folder = tmp_path / "etc"
    (tmp_path / "theirs.yaml").write_text(PROFILES)
    with Answers() as service:
        service.ignored = ("start",)
        service.json(ASKED, {"known": True, "visible": True, "image": BUILT})
        ours = hub_part()
        ours["hub"]["services"]["binder"]["url"] = service.url
        (tmp_path / "ours.yaml").write_text(yaml.safe_dump(ours))
        objects = rendered("-f", tmp_path / "ours.yaml", "-f", tmp_path / "theirs.yaml", chart=Z2JH, release="hub")
        token = put(objects, folder)["hub.services.binder.apiToken"]
        told = configured(folder, tmp_path)
    pod = next(one for one in objects if named(one, "Deployment"))["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["image"] == "quay.io/org/hubkiln:0.1.0"
    assert {"name": "PYTHONPATH", "value": "/opt/hubkiln"} in pod["containers"][0]["env"]
    (binder,) = [one for one in told["services"] if one["name"] == "binder"]
    assert (binder["api_token"], binder["url"], "command" in binder) == (token, service.url, False)
    assert any("access:services!service=binder" in role["scopes"] for role in told["roles"])
    assert "/hubkiln/static/(.*)" in told["handlers"] and told["form"]
    assert told["image"] == BUILT and told["limits"]["memory"] == 2 * 1024**3
    assert told["secrets"] == ["theirs", "hubkiln-registry"]


ASKED = f"/services/binder/api/images?{urlencode({'ref': BUILT, 'user': 'ada', 'starting': 1})}"


def hub_part() -> dict[str, Any]:
    """What our chart has ready for the hub."""
    objects = rendered("--values", CHART / "ci/logins-values.yaml")
    kept = next(one for one in objects if one["metadata"]["name"] == "hubkiln-z2jh-values")
    values: dict[str, Any] = yaml.safe_load(kept["data"]["values.yaml"])
    return values


def named(one: dict[str, Any], kind: str) -> bool:
    """Whether it is the hub's of that kind."""
    return bool(one["kind"] == kind and one["metadata"]["name"] == "hub")


def put(objects: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    """The hub's files in `folder`, as its pod mounts them; the Secret's."""
    config = next(one["data"] for one in objects if named(one, "ConfigMap"))
    secret = next(one["data"] for one in objects if named(one, "Secret"))
    secret = {name: base64.b64decode(text).decode() for name, text in secret.items()}
    for below, files in (("", config), ("config", config), ("secret", secret)):
        (folder / below).mkdir(exist_ok=True, parents=True)
        for name, text in files.items():
            (folder / below / name).write_text(text)
    return secret


def configured(folder: Path, tmp_path: Path) -> dict[str, Any]:
    """What the chart's own configuration comes to, under the versions that its hub has."""
    python = tmp_path / "venv/bin/python"
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"], check=True)
    packages = ("jupyterhub==5.5.0", "jupyterhub-kubespawner==7.1.0", "pycurl")
    subprocess.run([UV, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    shutil.copytree(Path(hubkiln.__file__).parent, tmp_path / "plugin/hubkiln")
    mounted = ("--dev-bind", "/", "/", "--tmpfs", "/usr/local/etc", "--ro-bind", folder, "/usr/local/etc/jupyterhub")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    done = subprocess.run(
        [find_bwrap(), *mounted, python, SCRIPT],
        env=os.environ | {"PYTHONPATH": str(tmp_path / "plugin"), "KUBECONFIG": str(kubeconfig)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told

"""Runs in zero-to-jupyterhub's hub, as its own configuration says: what became of our part, as one line of JSON.

Reads the configuration file of the chart, makes its KubeSpawner with our hooks, lets an image that the build service
knows be started, and prints what was configured and the pod that would be made.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("HUB_SERVICE_PORT", "8081")
os.environ.setdefault("PROXY_API_SERVICE_PORT", "8001")

from jupyterhub.app import JupyterHub
from jupyterhub.objects import Hub, Server
from kubespawner import KubeSpawner
from traitlets.config.loader import PyFileConfigLoader

FILE = "/usr/local/etc/jupyterhub/jupyterhub_config.py"
BUILT = "quay.io/org/env@sha256:" + "a" * 64


async def main(said: Any) -> None:
    config = PyFileConfigLoader(FILE).load_config()
    hub = JupyterHub(config=config)
    name = "ada"
    orm = SimpleNamespace(name=name)
    user = SimpleNamespace(name=name, groups=[], url=f"/user/{name}/", id=1, admin=False, orm_user=orm)
    user.escaped_name = name
    spawner = KubeSpawner(_mock=True, user=user, config=config)
    spawner.orm_spawner = SimpleNamespace(user_options={}, name="", server=None)
    spawner.hub = Hub(ip="", port=8081, base_url="/hub/")
    spawner.server = Server(ip="0.0.0.0", port=8888, base_url=f"/user/{name}/")
    spawner.user_options = {"profile": "any", "image--unlisted-choice": BUILT}
    await spawner.apply_user_options(spawner, spawner.user_options)
    await spawner.pre_spawn_hook(spawner)
    await spawner.load_user_options()
    pod = (await spawner.get_pod_manifest()).to_dict()["spec"]
    print(
        json.dumps(
            {
                "services": hub.services,
                "roles": hub.load_roles,
                "handlers": [path for path, *_ in hub.extra_handlers],
                "image": pod["containers"][0]["image"],
                "limits": pod["containers"][0]["resources"]["limits"],
                "secrets": [secret["name"] for secret in pod["image_pull_secrets"] or ()],
                "form": spawner.options_form.__func__.__qualname__ == "Hooks.options_form",
            }
        ),
        file=said,
    )


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, sys.stderr  # what the configuration prints is its log
    asyncio.run(main(out))

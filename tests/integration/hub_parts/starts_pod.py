"""Starts one server with our hooks on the real KubeSpawner and API server, says its address, stops it when told to."""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace

from jupyterhub.objects import Hub, Server
from kubespawner import KubeSpawner
from traitlets.config import Config

from hubkiln.hub import setup


async def main(service: str, options: dict[str, str]) -> None:
    config = Config()
    config.KubeSpawner.namespace = "jhub"
    config.KubeSpawner.image_pull_secrets = ["theirs"]
    config.KubeSpawner.profile_list = [
        {
            "display_name": "Any",
            "slug": "any",
            "kubespawner_override": {"mem_limit": "2G", "cpu_limit": 1},
            "profile_options": {"image": {"display_name": "Image", "dynamic_image_building": {"enabled": True}}},
        }
    ]
    setup(config, url=service, token="t", pull_secrets=["hubkiln-registry"])
    orm = SimpleNamespace(name="ada")
    user = SimpleNamespace(name="ada", groups=[], url="/user/ada/", id=1, admin=False, orm_user=orm, escaped_name="ada")
    spawner = KubeSpawner(_mock=True, user=user, config=config)
    spawner.orm_spawner = SimpleNamespace(user_options={}, name="", server=None)
    spawner.hub = Hub(ip="", port=8081, base_url="/hub/")
    spawner.server = Server(ip="0.0.0.0", port=8888, base_url="/user/ada/")
    spawner.user_options = options
    await spawner.apply_user_options(spawner, options)
    await spawner.pre_spawn_hook(spawner)
    print("starting", spawner.pod_name, flush=True)
    print("at", await spawner.start(), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await spawner.stop(now=True)
    print("stopped", await spawner.poll(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))

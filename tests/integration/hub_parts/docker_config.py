"""Configuration of a real hub whose servers DockerSpawner starts, and whose build service pushes what it builds."""

import os
import sys
from pathlib import Path

from dockerspawner import DockerSpawner

from hubkiln.hub import setup

FOLDER = Path(os.environ["TEST_FOLDER"])
REGISTRY = os.environ["TEST_REGISTRY"]


class OnTheHostsNetwork(DockerSpawner):
    """DockerSpawner on the host's network, with the method that its documentation says must then be written."""

    async def get_ip_and_port(self):
        """Where the server listens."""
        return self.host_ip, self.port


c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = OnTheHostsNetwork
c.DockerSpawner.client_kwargs = {"base_url": os.environ["TEST_ENGINE"]}
c.DockerSpawner.network_name = "host"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.port = int(os.environ["TEST_SERVER_PORT"])
c.DockerSpawner.mem_limit = "1G"

c.Spawner.start_timeout = c.Spawner.http_timeout = 60
profiles = [
    {
        "slug": "any",
        "display_name": "Any",
        "profile_options": {
            "image": {
                "choices": {"tiny": {"display_name": "Tiny", "kubespawner_override": {"image": "localhost/tiny:1"}}},
                "unlisted_choice": {"enabled": True, "validation_regex": "nothing"},
                "dynamic_image_building": {"enabled": True},
            }
        },
    }
]
setup(
    c,
    profile_list=profiles,
    push=f"{REGISTRY}/hub/{{name}}",
    pull_logins={REGISTRY: (os.environ["TEST_USER"], os.environ["TEST_PASSWORD"])},
    command=[sys.executable, "-m", "hubkiln", "serve", "--data-dir", os.environ["TEST_DATA"]],
    environment={
        "HUBKILN_ALLOW_NETWORKS": "127.0.0.0/8",
        "HUBKILN_TLS_ON_LOOPBACK": REGISTRY,
        "HUBKILN_REGISTRY_CERTIFICATES": os.environ["TEST_CERTIFICATE"],
        "DOCKER_CONFIG": str(FOLDER),
    },
)

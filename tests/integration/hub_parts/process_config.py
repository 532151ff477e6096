"""Configuration of a real hub whose spawner starts processes and knows no images."""

import os
import sys
from pathlib import Path

from hubkiln.hub import setup

FOLDER = Path(os.environ["TEST_FOLDER"])

c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = os.environ["TEST_SPAWNER"]
c.SimpleLocalProcessSpawner.home_dir_template = f"{os.environ['TEST_HOMES']}/{{username}}"
c.SystemdSpawner.dynamic_users = True
c.Spawner.mem_limit = "1G"
c.Spawner.notebook_dir = "/"
c.Spawner.environment = {"GREETING": "hello"}
c.Spawner.start_timeout = c.Spawner.http_timeout = 60
image = {
    "choices": {
        "usual": {"display_name": "The machine's own"},
        "listed": {"display_name": "Listed", "kubespawner_override": {"image": "quay.io/some/image:1"}},
    },
    "unlisted_choice": {"enabled": True, "kubespawner_override": {"image": "{value}"}},
    "dynamic_image_building": {"enabled": True},
}
setup(
    c,
    profile_list=[{"slug": "any", "display_name": "Any", "profile_options": {"image": image}}],
    command=[sys.executable, "-m", "hubkiln", "serve", "--data-dir", os.environ["TEST_DATA"]],
    environment={"HUBKILN_ALLOW_NETWORKS": "127.0.0.0/8"},
)

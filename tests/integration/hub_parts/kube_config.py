"""Configuration of a real hub whose servers KubeSpawner starts, and whose build service runs steps as pods."""

import os
import sys

from hubkiln.hub import setup

LOOPBACK, REGISTRY, PORT = os.environ["TEST_LOOPBACK"], os.environ["TEST_REGISTRY"], os.environ["TEST_PODS_PORT"]

c = get_config()  # noqa: F821
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.KubeSpawner.namespace = "jhub"
c.KubeSpawner.hub_connect_url = f"http://{LOOPBACK}:{os.environ['TEST_HUB_PORT']}"
c.KubeSpawner.mem_limit = "1G"
c.KubeSpawner.delete_pvc = False
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
image = {
    "choices": {"tiny": {"display_name": "Tiny", "kubespawner_override": {"image": "localhost/tiny:1"}}},
    "unlisted_choice": {"enabled": True, "validation_regex": "nothing"},
    "dynamic_image_building": {"enabled": True},
}
setup(
    c,
    profile_list=[{"slug": "any", "display_name": "Any", "profile_options": {"image": image}}],
    push=f"{REGISTRY}/hub/{{name}}",
    pull_from=f"{REGISTRY.replace('127.0.0.1', LOOPBACK)}/hub/{{name}}",
    command=[sys.executable, "-m", "hubkiln", "serve", "--data-dir", os.environ["TEST_DATA"]],
    environment={
        "HUBKILN_ALLOW_NETWORKS": "127.0.0.0/8",
        "HUBKILN_STEPS_IN": "pods",
        "HUBKILN_PODS_NAMESPACE": "steps",
        "HUBKILN_PODS_ROOT": "yes",
        "HUBKILN_PODS_PORT": PORT,
        "HUBKILN_PODS_ADDRESS": f"{LOOPBACK}:{PORT}",
        "KUBECONFIG": os.environ["TEST_SERVICE_CONFIG"],
    },
)

"""Configuration of a hub of an admin's own, with our spawner, that lets servers go on while it is away."""

import os
import sys
from pathlib import Path

DATA = Path(os.environ["TEST_DATA"])

c = get_config()  # noqa: F821
c.JupyterHub.bind_url = f"http://127.0.0.1:{os.environ['TEST_PORT']}/kiln/"
c.JupyterHub.hub_port = int(os.environ["TEST_HUB_PORT"])
c.JupyterHub.db_url = f"sqlite:///{DATA}/hub/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{DATA}/hub/cookie_secret"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.ConfigurableHTTPProxy.command = [sys.executable, "-m", "hubkiln.up.proxy"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['TEST_API_PORT']}"
c.ConfigurableHTTPProxy.pid_file = f"{DATA}/hub/proxy.pid"
c.JupyterHub.spawner_class = "hubkiln.spawners.sandbox.SandboxSpawner"
c.SandboxSpawner.data_dir = str(DATA)
c.SandboxSpawner.image = os.environ["TEST_IMAGE"]

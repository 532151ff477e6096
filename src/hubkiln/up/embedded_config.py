"""The configuration file of the embedded hub: ``jupyterhub -f`` this, with ``$HUBKILN_UP`` naming our settings.

It uses the same :func:`hubkiln.hub.setup` as any other hub; what is special is the authenticator, the spawner, and
that everything ends when ``hubkiln up`` does.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hubkiln.data_dir import DataDir
from hubkiln.hub import setup
from hubkiln.processes import die_with_parent
from hubkiln.up.node import node_proxy
from hubkiln.up.profiles import default_profiles
from hubkiln.up.settings import HubSettings, is_loopback, path_of
from hubkiln.up.tied import tied
from hubkiln.up.typed import TypedImages

LOOPBACK = ("127.0.0.0/8", "::1/128")


def configure(c: Any, settings: HubSettings) -> None:
    """Fill `c`."""
    _where(c, settings, DataDir(Path(settings.data_dir)).hub)
    _who(c, settings)
    _what(c, settings)
    if settings.config:
        names = {"c": c, "get_config": lambda: c, "__file__": settings.config}
        exec(compile(Path(settings.config).read_text(), settings.config, "exec"), names)
    networks = [*settings.networks, *(LOOPBACK if _for_this_machine(c) else ())]
    _where_built(c, settings, networks)
    serve = [sys.executable, "-m", "hubkiln", "serve", "--data-dir", settings.data_dir]
    serve += [f"--allow-network={network}" for network in networks]
    serve += [] if settings.isolation else ["--no-isolation"]
    setup(
        c,
        command=tied(serve, os.getpid()),
        port=settings.service_port,
        token=settings.service_token,
        environment={"HUBKILN_DATA_DIR": settings.data_dir},
    )


def _where(c: Any, settings: HubSettings, hub: Path) -> None:
    c.JupyterHub.bind_url = settings.bind_url
    if settings.public_url:
        c.JupyterHub.public_url = settings.public_url
        if settings.public_url.startswith("https:"):  # whatever the proxies on the way say
            c.JupyterHub.tornado_settings = {"cookie_options": {"secure": True}}
        c.JupyterHub.trusted_downstream_ips = ["127.0.0.1", "::1"]  # the web server in front says who asks
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
    c.JupyterHub.db_url = f"sqlite:///{hub}/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = f"{hub}/cookie_secret"
    c.JupyterHub.cleanup_servers = True
    c.JupyterHub.cleanup_proxy = True
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{settings.proxy_api_port}"
    c.ConfigurableHTTPProxy.pid_file = f"{hub}/proxy.pid"
    proxy = node_proxy() or [sys.executable, "-m", "hubkiln.up.proxy"]
    c.ConfigurableHTTPProxy.command = tied(proxy, os.getpid())


def _who(c: Any, settings: HubSettings) -> None:
    c.JupyterHub.authenticator_class = "hubkiln.up.login.PacedPassword"
    c.SharedPasswordAuthenticator.user_password = settings.password
    c.Authenticator.allow_all = True
    c.JupyterHub.allow_named_servers = True
    c.JupyterHub.named_server_limit_per_user = 5


def _what(c: Any, settings: HubSettings) -> None:
    c.JupyterHub.spawner_class = "hubkiln.spawners.sandbox.SandboxSpawner"
    c.SandboxSpawner.data_dir = settings.data_dir
    c.SandboxSpawner.isolation = settings.isolation
    c.SandboxSpawner.profile_list = default_profiles()


def _for_this_machine(c: Any) -> bool:
    """Whether only this machine's users reach the hub, who reach what listens at its loopback anyway."""
    hub = c.JupyterHub
    in_parts = "ip" in hub or "port" in hub  # JupyterHub then makes the address of these alone
    host = hub.get("ip") if in_parts else urlsplit(hub.bind_url).hostname
    return is_loopback(host or "") and not hub.get("public_url")


def _where_built(c: Any, settings: HubSettings, networks: list[str]) -> None:
    """Servers ask the build service below the hub's path, which may be the configuration's."""
    base = path_of(c.JupyterHub.get("base_url") or urlsplit(c.JupyterHub.bind_url).path)
    given = c.SandboxSpawner
    given.setdefault("service_url", f"http://127.0.0.1:{settings.service_port}{base}services/binder/")
    given.setdefault("service_token", settings.service_token)
    if settings.isolation:
        given.setdefault("pull", TypedImages(settings.data_dir, networks))


if "get_config" in globals():  # JupyterHub reads us as its configuration file
    told = HubSettings.read(Path(os.environ["HUBKILN_UP"]))
    die_with_parent(told.supervisor)
    configure(globals()["get_config"](), told)

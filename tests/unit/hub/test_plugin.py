"""What the plugin puts into a hub's configuration."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from traitlets.config import Config

from hubkiln.hub import setup
from hubkiln.hub.plugin import service_environment


def test_the_service_gets_its_settings_and_no_secret_of_the_hub() -> None:
    """Variables that are settings are passed on; the hub's own are not."""
    told = service_environment(
        {"HUBKILN_ENGINE": "podman", "HUBKILN_UP": "/secrets", "CONFIGPROXY_AUTH_TOKEN": "t", "HOME": "/home/hub"}
    )
    assert told["HUBKILN_ENGINE"] == "podman" and told["HOME"] == "/home/hub"
    assert "HUBKILN_UP" not in told and "CONFIGPROXY_AUTH_TOKEN" not in told


DEFINED = {"name": "binder", "url": "http://builds:8585", "api_token": "t" * 32, "display": True}


def by_list(c: Config) -> None:
    """The configuration sets the list."""
    c.JupyterHub.services = [{"name": "other"}, dict(DEFINED)]


def by_appending(c: Config) -> None:
    """The configuration adds to the default."""
    c.JupyterHub.services.append({"name": "other"})
    c.JupyterHub.services.append(dict(DEFINED))


@pytest.mark.parametrize("define", [by_list, by_appending])
def test_a_service_that_is_defined_is_joined(define: Callable[[Config], None]) -> None:
    """Its address, token and looks stay, what is missing is put in, and no second one of that name is made."""
    c = Config()
    define(c)
    hooks = setup(c)
    services = c.JupyterHub.services
    listed = services if isinstance(services, list) else services.get_value([])
    [binder] = [one for one in listed if one["name"] == "binder"]
    assert binder == DEFINED | {"oauth_no_confirm": True}
    asked = hooks.images_at("/services/binder/")
    assert (asked.url, asked.token) == ("http://builds:8585/services/binder/", "t" * 32)  # type: ignore[attr-defined]


def test_a_definition_without_an_address_is_run_by_the_hub() -> None:
    """Its token and variables stay; the command and a free port are put in."""
    c = Config()
    c.JupyterHub.services = [{"name": "binder", "api_token": "t" * 32, "environment": {"HUBKILN_PYTHON": "3.12"}}]
    setup(c)
    [binder] = c.JupyterHub.services
    assert binder["command"][-1] == "serve" and binder["api_token"] == "t" * 32
    assert binder["environment"]["HUBKILN_PYTHON"] == "3.12" and "PATH" in binder["environment"]


def test_a_page_of_others_stays_and_every_check_is_put_in() -> None:
    """``form=False`` sets neither the page nor the reading of its form, in whatever section they stand."""
    c = Config()
    c.KubeSpawner.options_form = "theirs"
    setup(c, form=False)
    assert c.KubeSpawner.options_form == "theirs" and "options_form" not in c.Spawner
    assert "options_from_form" not in c.Spawner
    for name in ("apply_user_options", "pre_spawn_hook", "auth_state_hook"):
        assert callable(c.Spawner[name])


def test_where_to_push_reaches_the_service_alone() -> None:
    """As its settings; what is started beside it by the hub is not told."""
    c = Config()
    setup(c, push="registry.lan/hub/{name}", pull_from="nodes.lan/{name}")
    [binder] = c.JupyterHub.services.get_value([])
    assert binder["environment"]["HUBKILN_PUSH"] == "registry.lan/hub/{name}"
    assert binder["environment"]["HUBKILN_PULL_FROM"] == "nodes.lan/{name}" and "HUBKILN_PUSH" not in os.environ


@pytest.mark.parametrize(
    ("settings", "scopes"),
    [
        ({}, []),
        ({"login_hosts": "github.com"}, [["read:users:name", "admin:auth_state"]]),
        ({"launch": "users"}, [["servers", "read:users:name"]]),
    ],
)
def test_the_service_gets_the_scopes_that_its_settings_take(
    settings: dict[str, str], scopes: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more: `admin:auth_state` shows everybody's login."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HUBKILN_")}
    monkeypatch.setattr(os, "environ", others)
    c = Config()
    for name, value in settings.items():
        c.Hubkiln[name] = value
    setup(c)
    roles = c.JupyterHub.load_roles
    listed = roles if isinstance(roles, list) else roles.get_value([])
    assert [role["scopes"] for role in listed if role.get("services") == ["binder"]] == scopes

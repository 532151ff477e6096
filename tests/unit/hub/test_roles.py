"""Who may build: what the page's own token is for, and a login at the service's pages."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from jupyterhub import roles
from jupyterhub.scopes import define_custom_scopes
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets.config import Config

from hub_users import Users
from hubkiln.hub import setup
from hubkiln.hub.roles import page_scopes

BUILD = "custom:hubkiln:build"
ACCESS = "access:services!service=kiln"


@pytest.fixture
def users() -> Iterator[Users]:
    """A hub where ada may build, by a role, and grace may not."""
    define_custom_scopes({BUILD: {"description": "Build environments"}})
    made = Users(SimpleLocalProcessSpawner)
    roles.create_role(made.db, {"name": "builders", "scopes": [BUILD]})
    roles.grant_role(made.db, made.spawner("ada").orm_spawner.user, "builders")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("user", "asked", "scopes"),
    [("ada", BUILD, [ACCESS, BUILD]), ("grace", BUILD, [ACCESS]), ("ada", "", [ACCESS])],
)
def test_the_pages_token_may_build_where_its_user_may(users: Users, user: str, asked: str, scopes: list[str]) -> None:
    """The hub makes no token for more than its user has; the service is that of the admin's name."""
    assert page_scopes(users.spawner(user).user, "kiln", asked) == scopes


@pytest.mark.parametrize("elsewhere", [False, True])
def test_who_may_build_is_known_to_the_hub(elsewhere: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the service runs: for the page, and for logins at the service's own pages."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HUBKILN_")}
    monkeypatch.setattr(os, "environ", others)
    c = Config()
    c.Hubkiln.build_scope = BUILD
    c.JupyterHub.services = [{"name": "kiln", "oauth_client_allowed_scopes": ["read:users!user"]}]
    hooks = setup(c, service="kiln", **({"url": "http://builds.internal:8585"} if elsewhere else {}))
    [service] = c.JupyterHub.services
    assert hooks.build_scope == BUILD
    assert service["oauth_client_allowed_scopes"] == ["read:users!user", BUILD]
    assert service.get("environment", {}).get("HUBKILN_BUILD_SCOPE") == (None if elsewhere else BUILD)

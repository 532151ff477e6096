"""What the plugin puts into a hub's configuration."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Callable
from typing import Any

import pytest
from jupyterhub.app import JupyterHub
from traitlets.config import Config

from hubkiln.errors import BadSpec
from hubkiln.hub import setup
from hubkiln.hub.config import tables
from hubkiln.hub.plugin import service_environment
from hubkiln.hub.roles import let_users_in

SCOPE = "access:services!service=binder"


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


def test_what_is_set_may_be_a_tuple() -> None:
    """As JupyterHub lets it be; what is there stays."""
    c = Config()
    c.JupyterHub.services = (dict(DEFINED),)
    c.JupyterHub.extra_handlers = ((r"/own", object),)
    c.JupyterHub.template_paths = ("/own",)
    c.JupyterHub.load_roles = ({"name": "own"},)
    setup(c)
    hub = JupyterHub(config=c)
    assert [one["name"] for one in hub.services] == ["binder"] and hub.template_paths[0] == "/own"
    assert hub.extra_handlers[0] == (r"/own", object) and len(hub.extra_handlers) > 1
    assert hub.load_roles[0] == {"name": "own"}


def test_a_service_that_was_inserted_is_joined() -> None:
    """It is there once, however it came into the list."""
    c = Config()
    c.JupyterHub.services.insert(0, dict(DEFINED))
    setup(c)
    assert [one["url"] for one in JupyterHub(config=c).services] == [DEFINED["url"]]


@pytest.mark.parametrize("section", ["BatchSpawnerBase", "Pods", "Spawner"])
def test_hooks_of_the_spawners_own_class_come_after_ours_whatever_it_is_called(section: str) -> None:
    """Its section wins over `Spawner`: a hook there would else be the only one, and nothing be checked."""
    c = Config()
    c[section].pre_spawn_hook = c[section].options_form = lambda spawner: "theirs"
    hooks = setup(c)
    assert c[section].options_form == hooks.options_form and c[section].pre_spawn_hook.hubkiln


def test_lists_of_one_need_no_brackets() -> None:
    """A text is one entry, never its letters."""
    hooks = setup(
        Config(),
        start_by_link="quay.io/jupyter",
        build_by_link="gh/org",
        pull_secrets="regcred",
        accept="tljh",
        command="hubkiln serve --at-once 4",
    )
    assert (hooks.start_by_link, hooks.build_by_link) == (("quay.io/jupyter",), ("gh/org",))
    assert (hooks.pulling.secrets, hooks.accept) == (("regcred",), ("tljh",))
    c = Config()
    setup(c, command="hubkiln serve --at-once 4")
    [binder] = c.JupyterHub.services.get_value([])
    assert binder["command"] == ["hubkiln", "serve", "--at-once", "4"]


def test_a_slash_after_the_services_address_is_none_of_its_path() -> None:
    """The hub asks at the same place with and without it."""
    hooks = setup(Config(), url="http://builds.internal:8585/", token="t")
    assert hooks.images_at("/services/binder/").url == "http://builds.internal:8585/services/binder/"  # type: ignore[attr-defined]


def test_a_setting_may_be_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """`append` on a setting that was not set yet means a list of its own."""
    monkeypatch.setattr(os, "environ", dict(os.environ))
    c = Config()
    c.Hubkiln.allow_networks.append("10.1.0.0/16")
    setup(c)
    [binder] = c.JupyterHub.services.get_value([])
    assert binder["environment"]["HUBKILN_ALLOW_NETWORKS"] == "10.1.0.0/16"


def by_twice(c: Config) -> None:
    """An admin's file that is included in another."""
    setup(c)


def by_spelling(c: Config) -> None:
    """A section that traitlets takes, and nobody reads."""
    c.HubKiln.step_memory = "8G"


def by_small_letters(c: Config) -> None:
    """The same, and for traitlets no section."""
    c.hubkiln.step_memory = "8G"


def by_no_list(c: Config) -> None:
    """One path without its brackets."""
    c.JupyterHub.template_paths = "/own"


MISTAKES = [
    (by_twice, {}, "called twice"),
    (by_spelling, {}, "Write `c.Hubkiln`"),
    (by_small_letters, {}, "Write `c.Hubkiln`"),
    (by_no_list, {}, "`c.JupyterHub.template_paths` is no list"),
    (None, {"profile_list": "small"}, "it is no list"),
    (None, {"profile_list": 5}, "it is no list"),
    (None, {"url": "builds.internal:8585"}, "without a path"),
    (None, {"url": "http://builds.internal/services/binder/"}, "without a path"),
    (None, {"url": "http://builds.internal", "push": "registry.lan/hub"}, "`push` beside `url`"),
    (None, {"url": "http://builds.internal", "environment": {"A": "b"}}, "`environment` beside `url`"),
]
"""What an admin wrote, and what is said of it; none would be heard."""


@pytest.mark.parametrize(("write", "given", "says"), MISTAKES)
def test_what_would_not_be_heard_stops_the_start(
    write: Callable[[Config], None] | None, given: dict[str, object], says: str
) -> None:
    """With a sentence that says what to write."""
    c = Config()
    if write:
        write(c)
    with pytest.raises(BadSpec, match=re.escape(says)):
        setup(c, **given)  # type: ignore[arg-type]


def test_what_is_not_used_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """A form of the admin's own, and options that JupyterHub would apply by a table; a hook that is called is none."""
    c = Config()
    c.DockerSpawner.options_form = "<input name=size>"
    c.Spawner.apply_user_options = {"size": "mem_limit"}
    c.Spawner.pre_spawn_hook = lambda spawner: None
    with caplog.at_level("WARNING"):
        setup(c)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and any("c.DockerSpawner.options_form" in one for one in said)
    assert any("c.Spawner.apply_user_options" in one for one in said)


@pytest.mark.parametrize(
    ("given", "others"),
    [(None, "ada.h.org other--service.h.org"), ("legacy", "ada.h.org services.h.org"), ("own", "ada-at user-at")],
)
def test_the_service_stays_at_the_hubs_host(given: str | None, others: str) -> None:
    """Its pages could not ask another one; users and other services have hosts as JupyterHub or the admin says."""
    c = Config()
    if given:
        c.JupyterHub.subdomain_hook = (lambda name, domain, kind: f"{name}-at") if given == "own" else given
    setup(c)
    hook = JupyterHub(config=c).subdomain_hook
    other = "user" if given == "own" else "other"
    assert hook("binder", "h.org", kind="service") == "h.org"
    assert f"{hook('ada', 'h.org', kind='user')} {hook(other, 'h.org', kind='service')}" == others
    assert hook("binder", "h.org", kind="user") != "h.org"


USERS = [
    {},
    {"load_roles": [{"name": "user", "description": "mine"}]},
    {"load_roles": [{"name": "user", "scopes": ["self", "read:hub"]}]},
    {"extra_user_scopes": {"read:hub"}},
]
"""What an admin may have said of users."""


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize("said", USERS)
def test_users_get_the_scope_beside_what_an_admin_gave_them(
    said: dict[str, Any], later: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With JupyterHub 5, which has no such setting, the role is there once: twice would stop the hub."""
    if not later:
        monkeypatch.delattr(JupyterHub, "extra_user_scopes")
    c = Config({"JupyterHub": copy.deepcopy(said)})
    let_users_in(c, SCOPE)
    [role, *more] = tables(c.JupyterHub.get("load_roles")) or [{}]
    scopes = {*role.get("scopes", ()), *(c.JupyterHub.get("extra_user_scopes", ()) if later else ())}
    given = "extra_user_scopes" in said or "read:hub" in str(said)
    assert SCOPE in scopes and not more and ("read:hub" in scopes or not given or not later)
    assert later or "self" in scopes


def test_a_scope_that_is_added_to_users_stays() -> None:
    """As `c.JupyterHub.extra_user_scopes.add(…)`, which traitlets only remembers."""
    c = Config()
    c.JupyterHub.extra_user_scopes.add("read:hub")
    let_users_in(c, SCOPE)
    assert c.JupyterHub.extra_user_scopes == {"read:hub", SCOPE}


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

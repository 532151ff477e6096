"""Joins a JupyterHub: ``from hubkiln.hub import setup; setup(c)`` in its configuration file.

Only JupyterHub's official extension points are used, so it works with any Spawner and any base URL. What was set
before the call stays: hooks are called after ours, lists are added to.

Settings (:mod:`hubkiln.setting_table`) may be given as ``c.Hubkiln.step_memory = "8G"``; they win over variables.

Where the configuration already defines a service of the name, it is that one: its token, its address, its command
stay, and only what is missing is put in. With ``form=False`` the spawn page stays what it is (KubeSpawner's own,
jupyterhub-fancy-profiles), and everything that it asks for is checked all the same. With `accept` (``"tljh"``,
``"binderhub"``), user options in the shapes of other systems are let in, checked likewise.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets.config.loader import LazyConfigValue

from hubkiln.hub.apply import ProfileSource
from hubkiln.hub.environments_page import EnvironmentsPage
from hubkiln.hub.foreign import check_accepted
from hubkiln.hub.hooks import Hooks, after
from hubkiln.hub.launch_links import TEMPLATES, LaunchLink
from hubkiln.hub.links import image_repositories, sources_of_links
from hubkiln.hub.opening import Opening
from hubkiln.hub.profiles import normalise
from hubkiln.hub.pulling import Login, Pulling
from hubkiln.hub.service import BuildService
from hubkiln.hub.static_files import FOLDER, FrontEnd, version
from hubkiln.hub.words_script import PATH, WordsScript
from hubkiln.languages import Languages
from hubkiln.processes import clean_environment, free_port
from hubkiln.setting_values import Values, variables_of
from hubkiln.signing import Signer

SETTINGS = ("HUBKILN_", "UV_INDEX", "UV_DEFAULT_INDEX", "OTEL_")
"""Beginnings of the names of variables that are settings of the build service."""

LAUNCHING = {
    "users": ["servers", "read:users:name"],
    "everybody": ["servers", "admin:users", "tokens"],
}
"""Scopes of a service that starts servers for users, and for temporary ones that it makes."""

READING_LOGINS = ["read:users:name", "admin:auth_state"]
"""Scopes of a service that opens private repositories with the tokens that users logged in with."""

NOT_PASSED_ON = frozenset({"HUBKILN_UP", "HUBKILN_PASSWORD"})
"""Names a file with the hub's secrets, and is one."""

PLACES = ("HOME", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
"""Where registry credentials and a container engine's files lie."""


def setup(
    c: Any,
    *,
    service: str = "binder",
    profile_list: ProfileSource | None = None,
    start_by_link: Sequence[str] = (),
    build_by_link: Sequence[str] = (),
    form: bool = True,
    push: str | None = None,
    pull_from: str | None = None,
    pull_secrets: Sequence[str] = (),
    pull_logins: Mapping[str, Login] | None = None,
    accept: Sequence[str] = (),
    url: str | None = None,
    token: str | None = None,
    port: int | None = None,
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Hooks:
    """
    Put Hubkiln's spawn page and build service into the hub configured by `c`, after everything else of it.

    `profile_list` is for spawners that have no such trait. A link to the spawn page starts a server by itself only with
    listed choices and images below `start_by_link` (``quay.io/jupyter``), or for a repository below `build_by_link`
    (``gh/org``). With `url` and `token` the service runs elsewhere; else the hub runs `command` (``hubkiln serve``)
    with `environment`, on loopback's `port` (a free one), pushing to `push` (``registry/prefix``), for servers
    `pull_from`. `pull_secrets` are KubeSpawner's; `pull_logins`, by host or as a function's answer, DockerSpawner's.

    Raises:
        BadSpec: there is no setting of such a name, or its value cannot be read; or a profile list has a mistake.
    """
    os.environ.update(variables_of(c.Hubkiln))  # servers of this hub are started by us, builds by the service
    definition = _defined(c.JupyterHub, service)
    _start_it(definition, url, command, {"push": push, "pull_from": pull_from}, environment or {})
    reached = _reached_by(definition, url, token, port)
    hooks = Hooks(
        reached.asked,
        service=service,
        profile_list=_checked(c, profile_list),
        start_by_link=image_repositories(start_by_link),
        build_by_link=sources_of_links(build_by_link),
        pulling=Pulling(secrets=tuple(pull_secrets), logins=dict(pull_logins or {})),
        opening=Opening.beside(definition),
        signer=Signer(reached.token),
        accept=check_accepted(accept),
        languages=spoken(os.environ),
        version=version(),
    )
    return _put_in(c, hooks, definition, form=form)


@dataclass(frozen=True, slots=True)
class _Reached:
    """Where the service is, and the token it is known by."""

    url: str
    token: str

    def asked(self, path: str) -> BuildService:
        """The service below `path`, which is known only once the hub runs."""
        return BuildService(f"{self.url}{path}", self.token)


def _reached_by(definition: dict[str, Any], url: str | None, token: str | None, port: int | None) -> _Reached:
    """How the service of `definition` is reached, put in where that does not say so."""
    url = url or definition.get("url") or f"http://127.0.0.1:{port or free_port()}"
    token = token or definition.get("api_token") or secrets.token_hex(32)
    definition.update({"url": url, "oauth_no_confirm": True, "display": False} | definition | {"api_token": token})
    return _Reached(url, token)


def _start_it(
    definition: dict[str, Any],
    url: str | None,
    command: Sequence[str] | None,
    pushing: Mapping[str, str | None],
    environment: Mapping[str, str],
) -> None:
    """Have the hub start the service, unless it is at `url` or its definition says how; what that says wins."""
    if url is not None or ("url" in definition and "command" not in definition):
        return
    definition.setdefault("command", list(command or [sys.executable, "-m", "hubkiln", "serve"]))
    ours = variables_of({name: value for name, value in pushing.items() if value is not None})
    theirs = definition.get("environment") or {}
    definition["environment"] = service_environment(os.environ) | ours | dict(environment) | theirs


def spoken(environ: Mapping[str, str]) -> Languages:
    """
    The languages of the page, as the settings have it.

    Raises:
        BadSpec: a catalogue of the admin's has a mistake, or there is no such language.
    """
    values = Values(environ)
    return Languages.read(values.get("language", ""), values.get("words"))


def _put_in(c: Any, hooks: Hooks, definition: dict[str, Any], *, form: bool) -> Hooks:
    """Put in `hooks`, the page's files, and who may do what: users with the service, the service with the hub."""
    service = hooks.service
    _append(c.JupyterHub, "extra_handlers", (r"/hubkiln/static/(.*)", FrontEnd, {"path": str(FOLDER)}))
    if form:
        languages = hooks.languages
        words = (f"/hubkiln/{PATH}", WordsScript, {"languages": languages})
        _append(c.JupyterHub, "extra_handlers", words)
        _append(c.JupyterHub, "extra_handlers", (r"/v2(?:/.*)?", LaunchLink, {"languages": languages}))
        told = {
            "service": service,
            "version": version(),
            "languages": languages,
            "profiles": hooks.shown_profiles,
        }
        _append(c.JupyterHub, "extra_handlers", (r"/environments", EnvironmentsPage, told))
        _prefer_templates(c.JupyterHub)
        _tell_templates(c.JupyterHub, languages)
    _let_users_in(c, f"access:services!service={service}")
    _give_service_roles(c.JupyterHub, service, definition.get("environment") or os.environ)
    _hook_in(c, hooks, form=form)
    return hooks


def _defined(section: Any, name: str) -> dict[str, Any]:
    """The service called `name` of the configuration, put in where it is not there yet."""
    for one in _entries(section.get("services")):
        if one.get("name") == name:
            return one
    definition: dict[str, Any] = {"name": name}
    _append(section, "services", definition)
    return definition


def _entries(value: Any) -> list[dict[str, Any]]:
    """The dictionaries in a list that was set, or that was added to a default which is not known yet."""
    parts = list(value.to_dict().values()) if isinstance(value, LazyConfigValue) else [value]
    return [one for part in parts if isinstance(part, list) for one in part if isinstance(one, dict)]


def _checked(c: Any, profile_list: ProfileSource | None) -> ProfileSource | None:
    """`profile_list`; raises for a mistake in one that is there already, `c.KubeSpawner.profile_list` too."""
    sections = [section for section in c.values() if isinstance(section, dict)]
    for source in (profile_list, *(section.get("profile_list") for section in sections)):
        if isinstance(source, list | tuple | dict):
            normalise(source)
    return profile_list


def service_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What of the hub's own environment its build service needs: settings, indexes, where credentials lie."""
    ours = {name: value for name, value in environ.items() if name.startswith(SETTINGS) and name not in NOT_PASSED_ON}
    return clean_environment() | ours | {name: environ[name] for name in PLACES if name in environ}


def _hook_in(c: Any, hooks: Hooks, *, form: bool) -> None:
    """
    Put `hooks` in, those of the page only with `form`.

    Also where an admin configured the spawner's own class, whose section would win over ours.
    """
    for section in {"Spawner", *(name for name in c if name.endswith("Spawner"))}:
        own = c[section]
        page = (("options_form", hooks.options_form), ("options_from_form", hooks.options_from_form))
        for name, ours in page if form else ():
            if section == "Spawner" or name in own:
                setattr(own, name, ours)
        for name, first in (
            ("auth_state_hook", hooks.auth_state),
            ("apply_user_options", hooks.apply_user_options),
            ("pre_spawn_hook", hooks.pre_spawn),
        ):
            if section == "Spawner" or name in own:
                setattr(own, name, after(first, own.get(name)))


def _prefer_templates(section: Any) -> None:
    """Our templates stand behind an admin's, and before JupyterHub's own, which ours extend."""
    now = section.get("template_paths")
    if isinstance(now, list):
        section.template_paths = [*now, str(TEMPLATES)]
    else:
        section.template_paths.prepend([str(TEMPLATES)])


def _tell_templates(section: Any, languages: Languages) -> None:
    """
    Templates of every page of the hub, whose handlers are not ours, find the reader's language: with
    ``hubkiln_language(static_url)``. That method is all that JupyterHub gives them of the handler.
    """
    told = {"hubkiln_language": lambda _user: lambda static_url: languages.asked(getattr(static_url, "__self__", None))}
    now = section.get("template_vars")
    if isinstance(now, dict):
        section.template_vars = {**told, **now}
    else:
        section.template_vars.update(told)


def _append(section: Any, name: str, value: Any) -> None:
    """Add to a list that may or may not have been set."""
    now = section.get(name)
    if isinstance(now, list):
        setattr(section, name, [*now, value])
    else:
        getattr(section, name).append(value)  # traitlets' record of what to do to the default


def _give_service_roles(section: Any, service: str, environ: Mapping[str, str]) -> None:
    """Give the service the scopes that it needs for what the settings say, and no more."""
    whom = environ.get("HUBKILN_LAUNCH", "no").lower()
    if whom in LAUNCHING:
        _append(section, "load_roles", {"name": f"{service}-launch", "services": [service], "scopes": LAUNCHING[whom]})
    if environ.get("HUBKILN_LOGIN_HOSTS", "").strip():
        _append(section, "load_roles", {"name": f"{service}-logins", "services": [service], "scopes": READING_LOGINS})


def _let_users_in(c: Any, scope: str) -> None:
    """Every user may use the service; a ``user`` role that the admin defined gets the scope too."""
    for role in _entries(c.JupyterHub.get("load_roles")):
        if role.get("name") == "user" and "scopes" in role:
            role["scopes"] = [*role["scopes"], scope]
            return
    if not hasattr(JupyterHub, "extra_user_scopes"):  # before JupyterHub 6
        _append(c.JupyterHub, "load_roles", {"name": "user", "scopes": ["self", scope]})
        return
    scopes = c.JupyterHub.get("extra_user_scopes")
    if isinstance(scopes, set | list | tuple):
        c.JupyterHub.extra_user_scopes = {*scopes, scope}
    else:
        c.JupyterHub.extra_user_scopes = {scope}

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
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jupyterhub.spawner import Spawner
from traitlets.config.loader import LazyConfigValue
from traitlets.log import get_logger

from hubkiln.errors import BadSpec
from hubkiln.hub.apply import ProfileSource
from hubkiln.hub.config import (
    append,
    check_sections,
    entries,
    keep_at_hub,
    said,
    sections_with,
    server_address,
    tables,
    texts,
)
from hubkiln.hub.environments_page import EnvironmentsPage
from hubkiln.hub.foreign import check_accepted
from hubkiln.hub.hooks import Hooks, after
from hubkiln.hub.launch_links import TEMPLATES, LaunchLink
from hubkiln.hub.links import image_repositories, sources_of_links
from hubkiln.hub.opening import Opening
from hubkiln.hub.profiles import normalise
from hubkiln.hub.pulling import Login, Pulling
from hubkiln.hub.roles import give_service_roles, let_logins_build, let_users_in
from hubkiln.hub.service import BuildService
from hubkiln.hub.static_files import FOLDER, FrontEnd, version
from hubkiln.hub.words_script import PATH, WordsScript
from hubkiln.languages import Languages
from hubkiln.processes import clean_environment, free_port
from hubkiln.setting_values import Values, variables_of
from hubkiln.signing import Signer

SETTINGS = ("HUBKILN_", "UV_INDEX", "UV_DEFAULT_INDEX", "OTEL_")
"""Beginnings of the names of variables that are settings of the build service."""

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
        BadSpec: a setting is not there or cannot be read, a profile list has a mistake, or this was called before.
    """
    os.environ.update(_settings(c))  # servers of this hub are started by us, builds by the service
    starting = {"push": push, "pull_from": pull_from, "port": port, "command": command, "environment": environment}
    definition = _started(_defined(c.JupyterHub, service), url, starting)
    reached = _reached_by(definition, url, token, port)
    hooks = Hooks(
        reached.asked,
        service=service,
        profile_list=_checked(c, profile_list),
        start_by_link=image_repositories(texts(start_by_link)),
        build_by_link=sources_of_links(texts(build_by_link)),
        pulling=Pulling(secrets=texts(pull_secrets), logins=dict(pull_logins or {})),
        opening=Opening.beside(definition),
        signer=Signer(reached.token),
        accept=check_accepted(texts(accept)),
        languages=spoken(os.environ),
        build_scope=Values(definition.get("environment") or os.environ).get("build_scope", ""),
        version=version(),
    )
    return _put_in(c, hooks, definition, form=form)


def _settings(c: Any) -> dict[str, str]:
    """
    What `c` says of Hubkiln, as variables, once this is known to be the one call for it.

    Raises:
        BadSpec.
    """
    check_sections(c, "Hubkiln")
    if any(row[1] is FrontEnd for row in entries(c.JupyterHub.get("extra_handlers"))):
        raise BadSpec(
            "`setup(c)` of Hubkiln is called twice for this hub.",
            hint="Call it once, at the end of the configuration; `hubkiln up` and the Helm chart call it themselves.",
        )
    return variables_of(said(c.Hubkiln))


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
    url = server_address(url or definition.get("url") or f"http://127.0.0.1:{port or free_port()}")
    token = token or definition.get("api_token") or secrets.token_hex(32)
    definition.update({"url": url, "oauth_no_confirm": True, "display": False} | definition | {"api_token": token})
    return _Reached(url, token)


def _started(definition: dict[str, Any], url: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """
    `definition`, by which the hub starts the service as `given`; unless it is at `url`, or the definition says how:
    what that says wins.

    Raises:
        BadSpec: it is at `url`, and would not hear of something that is given.
    """
    unheard = next((name for name, value in given.items() if value is not None), None)
    if url is not None and unheard:
        raise BadSpec(
            f"`setup` has `{unheard}` beside `url`: a service that runs elsewhere does not hear of it.",
            hint="Leave it out, and set it where that service is started.",
        )
    if url is not None or ("url" in definition and "command" not in definition):
        return definition
    command = given["command"] or [sys.executable, "-m", "hubkiln", "serve"]
    definition.setdefault("command", shlex.split(command) if isinstance(command, str) else list(command))
    ours = variables_of({name: given[name] for name in ("push", "pull_from") if given[name] is not None})
    theirs = definition.get("environment") or {}
    definition["environment"] = service_environment(os.environ) | ours | dict(given["environment"] or {}) | theirs
    return definition


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
    append(c.JupyterHub, "extra_handlers", (r"/hubkiln/static/(.*)", FrontEnd, {"path": str(FOLDER)}))
    if form:
        languages = hooks.languages
        words = (f"/hubkiln/{PATH}", WordsScript, {"languages": languages})
        append(c.JupyterHub, "extra_handlers", words)
        append(c.JupyterHub, "extra_handlers", (r"/v2(?:/.*)?", LaunchLink, {"languages": languages}))
        told = {
            "service": service,
            "build_scope": hooks.build_scope,
            "version": version(),
            "languages": languages,
            "profiles": hooks.shown_profiles,
        }
        append(c.JupyterHub, "extra_handlers", (r"/environments", EnvironmentsPage, told))
        _prefer_templates(c.JupyterHub)
        _tell_templates(c.JupyterHub, languages)
    keep_at_hub(c.JupyterHub, service)
    let_logins_build(definition, hooks.build_scope)
    let_users_in(c, f"access:services!service={service}")
    give_service_roles(c.JupyterHub, service, definition.get("environment") or os.environ)
    _hook_in(c, hooks, form=form)
    return hooks


def _defined(section: Any, name: str) -> dict[str, Any]:
    """The service called `name` of the configuration, put in where it is not there yet."""
    for one in tables(section.get("services")):
        if one.get("name") == name:
            return one
    definition: dict[str, Any] = {"name": name}
    append(section, "services", definition)
    return definition


def _checked(c: Any, profile_list: ProfileSource | None) -> ProfileSource | None:
    """`profile_list`; raises for a mistake in one that is there already, `c.KubeSpawner.profile_list` too."""
    sections = [section for section in c.values() if isinstance(section, dict)]
    for source in (profile_list, *(section.get("profile_list") for section in sections)):
        if not callable(source) and not isinstance(source, LazyConfigValue):
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
    page = {"options_form": hooks.options_form, "options_from_form": hooks.options_from_form} if form else {}
    checks = {
        "auth_state_hook": hooks.auth_state,
        "apply_user_options": hooks.apply_user_options,
        "pre_spawn_hook": hooks.pre_spawn,
    }
    if not hasattr(Spawner, "apply_user_options"):
        del checks["apply_user_options"]  # JupyterHub 5.2 would complain at each start
    hooks.placed = (*page, *checks)
    for section in {"Spawner", *sections_with(c, [*page, *checks])}:
        own = c[section]
        for name, ours in (page | checks).items():
            theirs = own.get(name)
            if theirs is not None and (name in page or not callable(theirs)):
                get_logger().warning("Hubkiln has its own %s: what c.%s.%s says is not used.", name, section, name)
            if section == "Spawner" or name in own:
                setattr(own, name, ours if name in page else after(ours, theirs))


def _prefer_templates(section: Any) -> None:
    """Our templates stand behind an admin's, and before JupyterHub's own, which ours extend."""
    if isinstance(section.get("template_paths"), LazyConfigValue) or "template_paths" not in section:
        section.template_paths.prepend([str(TEMPLATES)])
    else:
        append(section, "template_paths", str(TEMPLATES))


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

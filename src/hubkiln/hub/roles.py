"""Who may do what: every user with the build service, the service with the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jupyterhub.app import JupyterHub
from jupyterhub.scopes import get_scopes_for
from traitlets.config.loader import LazyConfigValue

from hubkiln.hub.config import append, tables

LAUNCHING = {
    "users": ["servers", "read:users:name"],
    "everybody": ["servers", "admin:users", "tokens"],
}
"""Scopes of a service that starts servers for users, and for temporary ones that it makes."""

READING_LOGINS = ["read:users:name", "admin:auth_state"]
"""Scopes of a service that opens private repositories with the tokens that users logged in with."""


def give_service_roles(section: Any, service: str, environ: Mapping[str, str]) -> None:
    """Give the service the scopes that it needs for what the settings say, and no more."""
    whom = environ.get("HUBKILN_LAUNCH", "no").lower()
    if whom in LAUNCHING:
        append(section, "load_roles", {"name": f"{service}-launch", "services": [service], "scopes": LAUNCHING[whom]})
    if environ.get("HUBKILN_LOGIN_HOSTS", "").strip():
        append(section, "load_roles", {"name": f"{service}-logins", "services": [service], "scopes": READING_LOGINS})


def page_scopes(user: Any, service: str, build_scope: str) -> list[str]:
    """What the page's own token is for: the service, and building where `user` may; the hub makes no token for more."""
    access = [f"access:services!service={service}"]
    return [*access, build_scope] if build_scope and build_scope in get_scopes_for(user) else access


def let_logins_build(definition: dict[str, Any], build_scope: str) -> None:
    """Who logs in at the service's own pages, and has `build_scope`, may build there; `definition` is the service's."""
    allowed = list(definition.get("oauth_client_allowed_scopes") or ())
    if build_scope and build_scope not in allowed:
        definition["oauth_client_allowed_scopes"] = [*allowed, build_scope]


def let_users_in(c: Any, scope: str) -> None:
    """Every user may use the service; a ``user`` role that the admin defined gets the scope too."""
    users = next((role for role in tables(c.JupyterHub.get("load_roles")) if role.get("name") == "user"), None)
    later = hasattr(JupyterHub, "extra_user_scopes")  # since JupyterHub 6
    if users is not None and ("scopes" in users or not later):
        users["scopes"] = [*users.get("scopes", ["self"]), scope]
    elif later:
        scopes = c.JupyterHub.get("extra_user_scopes", ())
        given = scopes.get_value(set()) if isinstance(scopes, LazyConfigValue) else scopes
        c.JupyterHub.extra_user_scopes = {*given, scope}
    else:
        append(c.JupyterHub, "load_roles", {"name": "user", "scopes": ["self", scope]})

"""What an admin's configuration of a hub has already, and how something is added to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.utils import subdomain_hook_idna, subdomain_hook_legacy
from traitlets.config.loader import LazyConfigValue

from hubkiln.errors import BadSpec


def append(section: Any, name: str, value: Any) -> None:
    """
    Add to a list that may or may not have been set.

    Raises:
        BadSpec: something else was.
    """
    now = section.get(name)
    if isinstance(now, list | tuple):
        setattr(section, name, [*now, value])
    elif now is None or isinstance(now, LazyConfigValue):
        getattr(section, name).append(value)  # traitlets' record of what to do to the default
    else:
        raise BadSpec(f"`c.JupyterHub.{name}` is no list.", hint="Write it as `[…]`, also where it has one entry.")


def entries(value: Any) -> list[Any]:
    """What is in a list that was set, or that was added to a default which is not known yet."""
    if not isinstance(value, LazyConfigValue):
        return list(value) if isinstance(value, list | tuple) else []
    added = value.to_dict()
    inserted = [one for _, one in added.get("inserts", ())]
    return [*added.get("prepend", ()), *inserted, *added.get("extend", ())]


def tables(value: Any) -> list[dict[str, Any]]:
    """The dictionaries among the :func:`entries`."""
    return [one for one in entries(value) if isinstance(one, dict)]


def said(section: Mapping[str, Any]) -> dict[str, Any]:
    """What a `section` says, also where it only adds to a default: ``c.Hubkiln.allow_networks.append(…)``."""
    return {
        name: value.to_dict().get("update") or entries(value) if isinstance(value, LazyConfigValue) else value
        for name, value in section.items()
    }


def sections_with(c: Any, names: Iterable[str]) -> list[str]:
    """Names of the sections that set one of `names`: whatever a spawner's class is called, its section has them."""
    return [section for section, own in c.items() if isinstance(own, dict) and any(name in own for name in names)]


def check_sections(c: Any, right: str) -> None:
    """
    See that no section is called nearly as `right`, which traitlets would pass over.

    Raises:
        BadSpec.
    """
    for name in c:
        if name != right and name.lower() == right.lower():
            raise BadSpec(f"`c.{name}` is no section of the configuration.", hint=f"Write `c.{right}`.")


def keep_at_hub(section: Any, service: str) -> None:
    """
    Let `service` answer at the hub's own host, where users and other services have hosts of their own.

    The hub's pages ask it; with a host of its own it would be another site's to them.
    """
    given = section.get("subdomain_hook", "idna")
    usual = {"idna": subdomain_hook_idna, "legacy": subdomain_hook_legacy}.get(given, given)

    def host(name: str, domain: str, kind: str) -> str:
        return domain if (kind, name) == ("service", service) else str(usual(name, domain, kind=kind))

    section.subdomain_hook = host


def texts(value: str | Sequence[str]) -> tuple[str, ...]:
    """A list of texts; a single one may be written without brackets."""
    return (value,) if isinstance(value, str) else tuple(value)


def server_address(url: str) -> str:
    """
    `url` of a server, without a slash at the end.

    Raises:
        BadSpec: it is none, or names something on that server.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
        raise BadSpec(
            f"The build service's address {url!r} cannot be used.",
            hint="Write it like http://builds.internal:8585, without a path.",
        )
    return url.rstrip("/")

"""Servers that the build service starts for a link: which profile they get, and what they are told.

An order that the service signed for this very server is taken as it stands: it checked who may have the image. Every
other one is a wish like any, in a foreign shape; see :mod:`hubkiln.hub.foreign`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hubkiln.errors import Refused
from hubkiln.hub.choices import Chosen, Picked, fill
from hubkiln.hub.profiles import Profile, allowed, builds
from hubkiln.launches import Order

NO_PROFILE: Profile = {"slug": "launch", "display_name": "Launch", "profile_options": {}, "kubespawner_override": {}}
"""Of a hub without any."""


def chosen_for(image: str, profiles: Sequence[Profile], groups: Sequence[str]) -> Chosen:
    """
    The choice that starts `image` with the profile that is for it: the default one, or the first where images may be
    built; every other option has its default.

    Raises:
        Refused: no profile is for these groups.
    """
    mine = [profile for profile in profiles if allowed(profile, groups)]
    if profiles and not mine:
        raise Refused("No profile of this hub is for you.", hint="Ask an admin for access.")
    mine.sort(key=lambda profile: (not builds(profile), not profile.get("default")))
    profile = mine[0] if mine else NO_PROFILE
    picked = [_picked(key, option, image) for key, option in profile["profile_options"].items() if key != "image"]
    template = _template(profile)
    ours = Picked(option="image", unlisted=image, override=fill(template, image), may_be_built=True)
    return Chosen(profile=profile, picked=(*(found for found in picked if found), ours))


def tell_server(spawner: Any, variables: Mapping[str, str], order: Order | None) -> None:
    """Give the server of `spawner` its variables; a temporary user's also takes its token from the address."""
    environment = dict(spawner.environment) | dict(variables)
    if order is not None and order.temporary:
        environment["JUPYTERHUB_ALLOW_TOKEN_IN_URL"] = "1"
        spawner.args = [*spawner.args, *_open_to(order.origins)]
    spawner.environment = environment


def _open_to(origins: Sequence[str]) -> list[str]:
    if not origins:
        return []
    if "*" in origins:
        return ["--ServerApp.allow_origin=*"]
    pattern = "|".join(re.escape(origin) for origin in origins)
    return [f"--ServerApp.allow_origin_pat=^({pattern})$"]


def _template(profile: Profile) -> Mapping[str, Any]:
    option = profile["profile_options"].get("image") or {}
    return (option.get("unlisted_choice") or {}).get("kubespawner_override") or {"image": "{value}"}


def _picked(key: str, option: Mapping[str, Any], image: str) -> Picked | None:
    for name, choice in option["choices"].items():
        if choice.get("default"):
            return Picked(option=key, choice=name, override=choice.get("kubespawner_override") or {})
    return None

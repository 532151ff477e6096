"""KubeSpawner's ``profile_list`` as plain data: brought into one shape, and stripped for the browser.

The schema is KubeSpawner 7.1's plus what jupyterhub-fancy-profiles added to it. What a user chose among profiles is
:mod:`hubkiln.hub.choices`; nothing here knows a spawner.
"""

from __future__ import annotations

import copy
import importlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Any

Profile = dict[str, Any]
"""One normalised entry of a ``profile_list``; overrides included, so for the server only."""

ProfileList = Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]
"""What an admin writes: a list, or (KubeSpawner 7.1) a dictionary whose keys only say the order."""

_SHOWN = ("display_name", "display_name_in_choices", "description_in_choices", "validation_regex", "validation_message")


def normalise(profile_list: ProfileList | None) -> list[Profile]:
    """
    A deep copy in one shape: a list; every profile with a slug and `profile_options`, exactly one default; every
    option with ``choices``, ``unlisted_choice.enabled``, ``dynamic_image_building.enabled`` and one default choice.
    """
    if isinstance(profile_list, Mapping):
        profile_list = [profile_list[key] for key in sorted(profile_list)]
    profiles = [_profile(entry) for entry in profile_list or []]
    _mark_default(profiles)
    return profiles


def public(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """What a browser may know of `profiles`: JSON-safe, in order, without any override or group."""
    return [
        {
            "slug": profile["slug"],
            "display_name": str(profile["display_name"]),
            "description": str(profile.get("description") or ""),
            "default": profile["default"],
            "profile_options": {str(key): _public_option(option) for key, option in profile["profile_options"].items()},
        }
        for profile in profiles
    ]


def allowed(profile: Profile, groups: Collection[str]) -> bool:
    """Whether a member of `groups` may choose `profile`; a profile without ``allowed_groups`` is for everybody."""
    wanted = profile.get("allowed_groups")
    return wanted is None or bool(set(wanted) & set(groups))


def offered(profiles: Sequence[Profile], groups: Collection[str]) -> list[Profile]:
    """The profiles that a member of `groups` may choose, with one default among them."""
    kept = [dict(profile) for profile in profiles if allowed(profile, groups)]
    _mark_default(kept)
    return kept


def slug(text: str) -> str:
    """A slug as KubeSpawner makes it from a display name (with its own library where that is installed)."""
    try:
        slugify = importlib.import_module("slugify").slugify
    except ImportError:
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", plain.replace("'", "")).strip("-")
    return str(slugify(text))


def _profile(entry: Mapping[str, Any]) -> Profile:
    profile: Profile = copy.deepcopy(dict(entry))
    profile.setdefault("display_name", profile.get("slug", ""))
    profile.setdefault("slug", slug(profile["display_name"]))
    profile["default"] = bool(profile.get("default"))
    options = profile.get("profile_options") or {}
    profile["profile_options"] = {str(key): _option(str(key), option) for key, option in options.items()}
    return profile


def _option(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    option = dict(entry)
    option.setdefault("display_name", key)
    option["choices"] = {str(name): dict(choice) for name, choice in (option.get("choices") or {}).items()}
    for name, choice in option["choices"].items():
        choice.setdefault("display_name", name)
        choice["default"] = bool(choice.get("default"))
    _mark_default(list(option["choices"].values()))
    option["unlisted_choice"] = {"enabled": False} | dict(option.get("unlisted_choice") or {})
    option["dynamic_image_building"] = {"enabled": False} | dict(option.get("dynamic_image_building") or {})
    return option


def _mark_default(entries: Sequence[dict[str, Any]]) -> None:
    """Leave exactly one of `entries` marked: the first that is, else the first."""
    if not entries:
        return
    chosen = next((entry for entry in entries if entry.get("default")), entries[0])
    for entry in entries:
        entry["default"] = entry is chosen


def _public_option(option: Mapping[str, Any]) -> dict[str, Any]:
    unlisted = option["unlisted_choice"]
    shown: dict[str, Any] = {name: str(unlisted[name]) for name in _SHOWN if unlisted.get(name) is not None}
    shown["enabled"] = bool(unlisted["enabled"])
    if shown["enabled"]:
        shown.setdefault("display_name_in_choices", "Other...")
    return {
        "display_name": str(option["display_name"]),
        "choices": {
            name: {
                "display_name": str(choice["display_name"]),
                "description": str(choice.get("description") or ""),
                "default": choice["default"],
            }
            for name, choice in option["choices"].items()
        },
        "unlisted_choice": shown,
        "dynamic_image_building": {"enabled": bool(option["dynamic_image_building"]["enabled"])},
    }

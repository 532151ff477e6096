"""KubeSpawner's ``profile_list`` as plain data: brought into one shape, and stripped for the browser.

The schema is KubeSpawner 7.1's plus what jupyterhub-fancy-profiles added to it. What a user chose among profiles is
:mod:`hubkiln.hub.choices`; nothing here knows a spawner.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any

from hubkiln.hub.complaints import check_rule, mistake, switch, table
from hubkiln.languages import Language

Profile = dict[str, Any]
"""One normalised entry of a ``profile_list``; overrides included, so for the server only."""

ProfileList = Sequence[Mapping[str, Any]] | Mapping[str, Mapping[str, Any]]
"""What an admin writes: a list, or (KubeSpawner 7.1) a dictionary whose keys only say the order."""

READ = (
    "display_name",
    "description",
    "display_name_in_choices",
    "description_in_choices",
    "validation_message",
)
"""Keys under which people's texts stand."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")

_SHOWN = ("display_name", "display_name_in_choices", "description_in_choices", "validation_regex", "validation_message")


def normalise(profile_list: ProfileList | None) -> list[Profile]:
    """
    A deep copy in one shape: a list; every profile with a slug and `profile_options`, exactly one default; every
    option with ``choices``, ``unlisted_choice.enabled``, ``dynamic_image_building.enabled`` and one default choice.

    Raises:
        BadSpec: an admin's mistake, with the profile and the option at fault.
    """
    if isinstance(profile_list, Mapping):
        profile_list = [profile_list[key] for key in sorted(profile_list, key=str)]
    if isinstance(profile_list, str | bytes) or not isinstance(profile_list or [], Iterable):
        raise mistake("the profile list", "it is no list", "Write `[{...}, {...}]`.")
    profiles = [_profile(number, entry) for number, entry in enumerate(profile_list or [], 1)]
    given = [profile["slug"] for profile in profiles if "slug" in profile]
    if twice := next((one for one in given if given.count(one) > 1), None):
        raise mistake(f"the slug {twice!r}", "two profiles have it", "Give each its own.")
    taken = set(given)
    for profile in profiles:
        taken.add(profile.setdefault("slug", _named(profile, taken)))
    _mark_default(profiles)
    return profiles


def public(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """What a browser may know of `profiles`: JSON-safe, in order, without any override or group."""
    names = told_apart(str(profile["display_name"]) for profile in profiles)
    return [
        {
            "slug": profile["slug"],
            "display_name": name,
            "description": str(profile.get("description") or ""),
            "default": profile["default"],
            "profile_options": {str(key): _public_option(option) for key, option in profile["profile_options"].items()},
        }
        for profile, name in zip(profiles, names, strict=True)
    ]


def spoken(profiles: Sequence[Profile], language: Language) -> list[Profile]:
    """
    `profiles` in `language`, as far as they are ours (``"translated": True``); what an admin wrote stays as written.

    Where a text has numbers in it, the catalogue has the names ``a``, ``b`` in their place.
    """
    return [_said(profile, language) if profile.get("translated") else profile for profile in profiles]


def _said(entry: Any, language: Language) -> Any:
    """`entry` with the texts that people read in `language`, through all that is in it."""
    if not isinstance(entry, Mapping):
        return entry
    return {
        key: _say(value, language) if key in READ and isinstance(value, str) else _said(value, language)
        for key, value in entry.items()
    }


def _say(text: str, language: Language) -> str:
    numbers = dict(zip("abcdefgh", _NUMBER.findall(text), strict=False))
    names = iter(numbers)
    return language.say(_NUMBER.sub(lambda number: f"{{{next(names)}}}" if numbers else number[0], text), **numbers)


def told_apart(names: Iterable[str]) -> list[str]:
    """`names`, in order, those that look like an earlier one numbered: ``GPU``, ``GPU (2)``."""
    given = list(names)
    taken: set[str] = set()
    found: list[str] = []
    others = {_looks(name) for name in given}
    for name in given:
        free = (one for one in chain([name], (f"{name} ({number})" for number in count(2))) if _looks(one) not in taken)
        made = next(one for one in free if one == name or _looks(one) not in others)
        taken.add(_looks(made))
        found.append(made)
    return found


def _looks(name: str) -> str:
    """What people see of a name at a glance."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def builds(profile: Profile) -> bool:
    """Whether `profile` offers repositories."""
    option = profile["profile_options"].get("image") or {}
    return bool((option.get("dynamic_image_building") or {}).get("enabled"))


def profile_that_builds(profiles: Sequence[Profile], groups: Sequence[str], slug: str = "") -> Profile | None:
    """Of those for `groups` the one called `slug`, else the default one, else the first, that offers repositories."""
    mine = [profile for profile in profiles if allowed(profile, groups) and builds(profile)]
    mine.sort(key=lambda profile: (profile["slug"] != slug, not profile.get("default")))
    return mine[0] if mine else None


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


def _named(profile: Profile, taken: Collection[str]) -> str:
    """A slug that no other profile has, also for a name without Latin letters and for one that is there twice."""
    name = profile["display_name"]
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    made = slug(name) or f"profile-{mark}"
    tries = chain([made, f"{made}-{mark}"], (f"{made}-{number}" for number in count(2)))
    return next(one for one in tries if one not in taken)


def _profile(number: int, entry: Any) -> Profile:
    where = f"profile {number}"
    profile: Profile = copy.deepcopy(table(entry, where))
    name = profile.get("display_name")
    if name in (None, ""):
        name = profile.get("slug") or ""
    profile["display_name"] = str(name)
    where = f"the profile {profile['display_name']!r}" if name else where
    if profile.get("slug") is None:
        profile.pop("slug", None)
    else:
        profile["slug"] = str(profile["slug"])
    profile["default"] = bool(profile.get("default"))
    if isinstance(groups := profile.get("allowed_groups"), str):
        profile["allowed_groups"] = [groups]
    elif groups is not None and not isinstance(groups, list | tuple | set | frozenset):
        raise mistake(where, "`allowed_groups` is not a list", "Write it as `[one, other]`.")
    table(profile.get("kubespawner_override"), f"`kubespawner_override` of {where}")
    options = table(profile.get("profile_options"), f"`profile_options` of {where}")
    profile["profile_options"] = {
        str(key): _option(str(key), option, f"the option {str(key)!r} of {where}") for key, option in options.items()
    }
    return profile


def _option(key: str, entry: Any, where: str) -> dict[str, Any]:
    option = table(entry, where)
    option["display_name"] = str(option.get("display_name") or key)
    choices = table(option.get("choices"), f"`choices` of {where}")
    option["choices"] = {
        str(name): table(choice, f"the choice {str(name)!r} of {where}") for name, choice in choices.items()
    }
    for name, choice in option["choices"].items():
        choice["display_name"] = str(choice.get("display_name") or name)
        choice["default"] = bool(choice.get("default"))
        table(choice.get("kubespawner_override"), f"`kubespawner_override` of the choice {name!r} of {where}")
    _mark_default(list(option["choices"].values()))
    for name in ("unlisted_choice", "dynamic_image_building"):
        option[name] = {"enabled": False} | switch(option.get(name), f"`{name}` of {where}")
    unlisted = option["unlisted_choice"]
    table(unlisted.get("kubespawner_override"), f"`kubespawner_override` of `unlisted_choice` of {where}")
    check_rule(unlisted.get("validation_regex"), where)
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
    shown_names = told_apart(str(choice["display_name"]) for choice in option["choices"].values())
    return {
        "display_name": str(option["display_name"]),
        "choices": {
            name: {
                "display_name": shown_name,
                "description": str(choice.get("description") or ""),
                "default": choice["default"],
            }
            for (name, choice), shown_name in zip(option["choices"].items(), shown_names, strict=True)
        },
        "unlisted_choice": shown,
        "dynamic_image_building": {"enabled": bool(option["dynamic_image_building"]["enabled"])},
    }

"""What this hub's spawner can run: the hub knows where servers run, whatever the build service's own machine can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner

from hubkiln.hub.opening import OPENS
from hubkiln.hub.profiles import Profile
from hubkiln.local_images import is_local

VALUE = "{value}"
IMAGE = {"image": VALUE}
"""What a typed or built value of the option ``image`` does where the profile says nothing else."""


def runs_local_images(spawner: Any) -> bool:
    """Whether servers run on the build service's machine, from what it keeps there (SandboxSpawner's do)."""
    return bool(getattr(spawner, "runs_local_images", False)) or opens(spawner)


def opens(spawner: Any) -> bool:
    """Whether `spawner` knows no images, and starts what was built here by way of :mod:`hubkiln.hub.opening`."""
    return bool(getattr(spawner, OPENS, False))


def engine_of(spawner: Any) -> dict[str, Any] | None:
    """What servers run in, as the service says it of its own machine; None where they run on that machine."""
    if runs_local_images(spawner):
        return None
    plain = isinstance(spawner, LocalProcessSpawner)
    reason = "This hub starts servers as plain processes." if plain else ""
    return {
        "engine": type(spawner).__name__,
        "typed_images": {"works": True, "reason": ""},  # an option that cannot be used is not shown at all
        "isolation": not plain,
        "limits": {"memory": not plain, "cpu": not plain, "reason": reason},
    }


def runnable(spawner: Any, profiles: Sequence[Profile]) -> list[Profile]:
    """`profiles` without what needs a trait that `spawner` lacks: choices, and ways to type or build a value."""
    return [profile | {"profile_options": _usable(spawner, profile["profile_options"])} for profile in profiles]


def lacks(spawner: Any, override: Mapping[str, Any]) -> list[str]:
    """The traits for images that `override` sets and `spawner` does not have; others it may pass over."""
    return sorted(
        name
        for name, value in override.items()
        if name.lower().endswith("image") and not spawner.has_trait(name) and not _opened(spawner, name, value)
    )


def _opened(spawner: Any, name: str, value: Any) -> bool:
    return name == "image" and opens(spawner) and isinstance(value, str) and (value == VALUE or is_local(value))


def missing(spawner: Any, profiles: Sequence[Profile]) -> list[str]:
    """Sentences for an admin about what :func:`runnable` takes away."""
    found: dict[str, None] = {}
    for profile in profiles:
        for key, option in profile["profile_options"].items():
            for what, override in _overrides(key, option):
                for name in lacks(spawner, override):
                    found[f"{what} is not offered: {type(spawner).__name__} has no {name!r}."] = None
            if opens(spawner) and option["unlisted_choice"]["enabled"] and "image" in _typed(key, option):
                what, name = f"“{option['display_name']}”, typed,", type(spawner).__name__
                found[f"{what} is not offered: {name} starts what is built here, and no images of registries."] = None
    return list(found)


def _usable(spawner: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """`options` without what cannot be used, and those of which nothing is left."""
    found = {}
    for key, option in options.items():
        less = _without(spawner, key, option)
        if less["choices"] or less == option or less["unlisted_choice"]["enabled"] or _builds(less):
            found[key] = less
    return found


def _builds(option: Mapping[str, Any]) -> bool:
    return bool(option["dynamic_image_building"]["enabled"])


def _without(spawner: Any, key: str, option: Mapping[str, Any]) -> dict[str, Any]:
    choices = {
        name: choice
        for name, choice in option["choices"].items()
        if not lacks(spawner, choice.get("kubespawner_override") or {})
    }
    if choices and not any(choice["default"] for choice in choices.values()):
        first = next(iter(choices))
        choices[first] = choices[first] | {"default": True}
    if not lacks(spawner, _typed(key, option)):
        less = {**option, "choices": choices}
        if opens(spawner) and "image" in _typed(key, option):
            less["unlisted_choice"] = option["unlisted_choice"] | {"enabled": False}  # a registry's needs an engine
        return less
    return {**option, "choices": choices} | {
        name: option[name] | {"enabled": False} for name in ("unlisted_choice", "dynamic_image_building")
    }


def _overrides(key: str, option: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    named = f"“{option['display_name']}”"
    listed = [
        (f"{named}, choice “{choice['display_name']}”,", choice.get("kubespawner_override") or {})
        for choice in option["choices"].values()
    ]
    typed = option["unlisted_choice"]["enabled"] or _builds(option)
    return listed + ([(f"{named}, typed or built,", _typed(key, option))] if typed else [])


def _typed(key: str, option: Mapping[str, Any]) -> Mapping[str, Any]:
    return option["unlisted_choice"].get("kubespawner_override") or (IMAGE if key == "image" else {})

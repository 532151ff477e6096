"""Between the checked choice and the server: who is asking, is the image allowed, set the spawner's traits.

A spawner that reads ``profile_list`` itself (KubeSpawner) is not set by us, else everything would be applied twice;
it is handed a list with the one chosen profile, in which each option has only the chosen value, and applies that.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from hubkiln.errors import BadSpec, Refused, Unsupported
from hubkiln.hub.choices import OPEN, Chosen, Picked, merge, not_allowed
from hubkiln.hub.profiles import Profile, ProfileList, normalise
from hubkiln.hub.running import lacks, opens, runnable
from hubkiln.hub.service import ImageAnswer, Images
from hubkiln.images import parse_name
from hubkiln.local_images import is_local, local_references

ProfileSource = ProfileList | Callable[[Any], Any]
"""A profile list, or a callable that gets the spawner and returns one (it may be async)."""


async def profiles_of(spawner: Any, configured: ProfileSource | None) -> list[Profile]:
    """The profiles that this spawner offers, as far as it can run what is in them."""
    return runnable(spawner, await listed_profiles(spawner, configured))


async def listed_profiles(spawner: Any, configured: ProfileSource | None) -> list[Profile]:
    """The profiles as the admin wrote them: the spawner's own ``profile_list`` where it has one, else `configured`."""
    source = getattr(spawner, "_hubkiln_profiles", None) or getattr(spawner, "profile_list", None) or configured
    if callable(source):
        source = source(spawner)
        if inspect.isawaitable(source):
            source = await source
    return normalise(source)


def groups_of(spawner: Any) -> list[str]:
    """Names of the groups that the spawner's user is in."""
    return [group.name for group in spawner.user.groups]


async def check_images(
    chosen: Chosen, user: str, images: Images, *, groups: Sequence[str] = (), local: bool = True
) -> Chosen:
    """
    `chosen` with images that were built here under their one reference, which is by digest.

    What was typed into an image option is refused unless the rule allows it or it was built here and `user` may see it.

    An image that was built for somebody else is refused even where the rule would allow its name, and so is a name
    of this machine's own store that the service does not know, or where servers do not run on it (`local`).

    Raises:
        UserError: not allowed.
        ServiceError: cannot tell; safe to try again.
    """
    checked = []
    for picked in chosen.picked:
        meant = {}
        for image in images_of(picked) if picked.unlisted is not None else ():
            if is_local(image) and not local:
                raise Unsupported(
                    "That environment is kept on the build service's machine, where this hub's servers do not run.",
                    hint="An admin makes the service push what it builds to a registry, with the setting `push`.",
                )
            answer = await _check_image(image, picked, chosen, user, groups, images)
            if answer.known:
                meant[image] = answer.image or image
        checked.append(replace(picked, override=renamed(picked.override, meant), built=bool(meant)))
    return replace(chosen, picked=tuple(checked))


def renamed(value: Any, meant: Mapping[str, str]) -> Any:
    """`value` with what its images mean in place of how they were written."""
    if isinstance(value, str):
        return meant.get(value, value)
    if isinstance(value, Mapping):
        return {key: renamed(inner, meant) for key, inner in value.items()}
    return [renamed(inner, meant) for inner in value] if isinstance(value, list) else value


async def _check_image(
    image: str, picked: Picked, chosen: Chosen, user: str, groups: Sequence[str], images: Images
) -> ImageAnswer:
    answer = await images.ask(image, user, groups)
    if answer.refusal is not None:
        raise answer.refusal
    if answer.known and not answer.visible:
        raise Refused(
            "That environment belongs to somebody else, or you have deleted it.",
            hint="Build its repository again, or ask its owner to share it.",
        )
    if not answer.known and is_local(image):
        raise Refused("That environment is not known here.", hint="Build its repository, or choose it from the list.")
    if not answer.known and not picked.matches_rule:
        raise not_allowed(chosen.profile["profile_options"][picked.option], picked.unlisted or "")
    return answer


def images_of(picked: Picked) -> list[str]:
    """
    Every image that a typed value makes the spawner start, whatever its option is called: what was typed into an
    image option, what the override puts under a key for images, and this machine's own references anywhere in it.
    """
    typed = picked.unlisted or ""
    found = [typed] if picked.option == "image" or picked.may_be_built else []
    for key, text in _texts(picked.override):
        found += [text] if key.lower().endswith("image") else local_references(text)
    found += local_references(typed)
    return list(dict.fromkeys(found + [by_digest for text in found for by_digest in _by_digest(text)]))


def _by_digest(image: str) -> list[str]:
    """The one name, of all that may be typed for it, under which a built image is known; none without a digest."""
    try:
        name = parse_name(image)
    except BadSpec:
        return []
    return [str(name.at(name.digest))] if name.digest else []


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in `value`, with the key of a dictionary that it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _texts(inner, str(name))
            yield from _texts(name)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _texts(inner, key)


async def apply(spawner: Any, chosen: Chosen) -> None:
    """
    Make `spawner` start what was chosen.

    Raises:
        Unsupported: it knows no images, and a profile asks for one.
    """
    if any(lacks(spawner, override) for override in chosen.overrides):
        raise Unsupported("This hub does not start servers from images.", hint="Choose another profile.")
    overrides = [await _called(override, spawner) for override in chosen.overrides]
    if opens(spawner):
        spawner.image = ""  # it has no such trait: an earlier start's would stay
    if applies_profiles_itself(spawner):
        spawner._hubkiln_profiles = getattr(spawner, "_hubkiln_profiles", None) or spawner.profile_list
        spawner.profile_list = [only(chosen, overrides)]
        spawner.user_options = recorded(chosen)
    else:
        for override in overrides:
            set_traits(spawner, override)
    show(spawner, chosen.open)


def show(spawner: Any, path: str) -> None:
    """
    Make the server of `spawner` show the file at `path`, below the repository's folder, first; "" for the usual.

    Our spawner has a trait for it; images that were made here read variables where the home is a volume, and without
    one the server's own folder is the repository's.
    """
    if opens_paths(spawner):
        spawner.open_path = path or getattr(spawner, "open_path", "")
        return
    if not path and not hasattr(spawner, "_hubkiln_default_url"):
        return
    usual = getattr(spawner, "_hubkiln_default_url", None)
    if usual is None:
        usual = spawner._hubkiln_default_url = spawner.default_url
    tree = usual.rstrip("/") if "/tree" in usual else "/lab/tree"
    told = {"HUBKILN_OPEN": path, "HUBKILN_URL": tree} if path else {}
    kept = {name: value for name, value in spawner.environment.items() if name not in ("HUBKILN_OPEN", "HUBKILN_URL")}
    spawner.environment = kept | told
    spawner.default_url = f"{tree}/{quote(path)}" if path else usual


def opens_paths(spawner: Any) -> bool:
    """Whether `spawner` brings the files of a repository to a folder of the home, and opens paths below it."""
    return bool(spawner.has_trait("open_path") or opens(spawner))


def serve_the_hub(spawner: Any) -> None:
    """
    See that an image that was built here starts a hub's server. By itself it starts JupyterLab, as any image of
    repo2docker's does, and DockerSpawner and KubeSpawner leave it at that unless an admin chose a command.
    """
    if spawner.has_trait("cmd") and not spawner.cmd:
        spawner.cmd = ["jupyterhub-singleuser"]


def applies_profiles_itself(spawner: Any) -> bool:
    """Whether `spawner` is KubeSpawner or one of its kin."""
    return callable(getattr(spawner, "load_user_options", None)) and spawner.has_trait("profile_list")


def only(chosen: Chosen, overrides: Sequence[Mapping[str, Any]]) -> Profile:
    """A profile that leaves nothing to choose, in KubeSpawner's schema.

    Its options have other names than the user's, so KubeSpawner finds no choice for them and takes the only one.
    """
    profile, *options = overrides
    return {
        "slug": chosen.profile["slug"],
        "display_name": chosen.profile["display_name"],
        "default": True,
        "kubespawner_override": dict(profile),
        "profile_options": {
            f"hubkiln:{picked.option}": {
                "display_name": picked.option,
                "choices": {
                    "chosen": {"display_name": "chosen", "default": True, "kubespawner_override": dict(override)}
                },
            }
            for picked, override in zip(chosen.picked, options, strict=True)
        },
    }


def set_traits(spawner: Any, override: Mapping[str, Any]) -> None:
    """Set what `override` says; dictionaries are merged into the trait's value (None removes a key)."""
    for name, value in override.items():
        now = getattr(spawner, name, None)
        if isinstance(value, Mapping) and isinstance(now, Mapping):
            merged = dict(now)
            merge(merged, value)
            value = merged
        setattr(spawner, name, value)


def recorded(chosen: Chosen) -> dict[str, str]:
    """The choice in the stored shape, with every default written out and where a built image came from."""
    options = {"profile": str(chosen.profile["slug"])}
    for picked in chosen.picked:
        key = picked.option if picked.unlisted is None else f"{picked.option}--unlisted-choice"
        options[key] = picked.choice if picked.unlisted is None else picked.unlisted  # type: ignore[assignment]
    return options | dict(chosen.origins) | ({OPEN: chosen.open} if chosen.open else {})


async def _called(override: Mapping[str, Any], spawner: Any) -> dict[str, Any]:
    """`override` with its callables replaced by what they return for `spawner`."""
    values: dict[str, Any] = {}
    for name, value in override.items():
        if callable(value):
            value = value(spawner)
            if inspect.isawaitable(value):
                value = await value
        values[name] = value
    return values

"""What a user chose among profiles: read from the posted form, checked, and turned into overrides of the spawner.

Pure functions. The stored form is KubeSpawner's (``{"profile": …, "<option>": …, "<option>--unlisted-choice": …}``),
so an existing hub's saved choices stay good. Checked here once for whatever way the request came: page, link or REST.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from hubkiln.errors import BadSpec, Refused
from hubkiln.hub.profiles import Profile, allowed

SENTINELS = frozenset({"unlisted_choice", "unlisted-choice", "--extra-selectable-item"})
"""What forms send as the choice when the value is in another field; never the name of a choice."""

UNLISTED = "--unlisted-choice"
EXTRAS = ("--unlisted-choice--repo", "--unlisted-choice--ref", "--unlisted-choice--subdir")
"""Suffixes that say where a built image came from; kept, never needed."""

OPEN = "hubkiln-open"
"""Field and stored key: path of the file to open, below the repository's folder."""

_ODD = re.compile(r"[\x00-\x1f\ud800-\udfff]")
"""What no path of a file has in it: halves of characters too, which JSON can say and no file system."""

_HARMLESS = frozenset({"_xsrf", "next", "select-profile", OPEN})
LONGEST = 1024
"""Letters of a value."""


class BadChoice(BadSpec):
    """That cannot be chosen."""

    code = "bad_choice"


class ProfileRefused(Refused):
    """That profile is not for you."""

    code = "profile_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """The value of one option."""

    option: str
    choice: str | None = None
    """Name of a listed choice; None when `unlisted` holds the value."""

    unlisted: str | None = None
    """Text that was typed, or the name of a built image."""

    override: Mapping[str, Any]
    """What it does to the spawner; ``{value}`` is already filled in."""

    matches_rule: bool = True
    """False when `unlisted` does not match the admin's rule, so that only a built image may pass."""

    may_be_built: bool = False
    """True if the option lets a built image stand in `unlisted`."""

    built: bool = False
    """True once the build service has said that it built the image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A checked set of choices."""

    profile: Profile
    picked: tuple[Picked, ...]
    """One per option, in the order in which the profile defines them."""

    open: str = ""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Stored fields that say where a built image came from."""

    @property
    def overrides(self) -> list[Mapping[str, Any]]:
        """What to apply to the spawner, in order: the profile's, then each option's."""
        return [self.profile.get("kubespawner_override") or {}, *(picked.override for picked in self.picked)]

    @property
    def unlisted(self) -> list[Picked]:
        """The options whose value was typed or built."""
        return [picked for picked in self.picked if picked.unlisted is not None]


def parse_form(form: Mapping[str, Sequence[str]], profiles: Sequence[Profile] | None = None) -> dict[str, str]:
    """
    The user options of a posted form (or of a link's query), in KubeSpawner's stored shape.

    Fields of other profiles and fields nobody knows are ignored, because older and newer forms send such. Without
    `profiles` nothing is checked; :func:`choose` does it before the server starts in any case.

    Raises:
        BadChoice: no such profile or choice, or a value is missing.
    """
    name = _first(form, "profile")
    if not name:
        if set(form) - _HARMLESS:
            raise BadChoice("The request names no profile.", hint="Choose a profile, then start again.")
        return _with_open({}, form)
    prefix = f"profile-option-{name}--"
    given = {key.removeprefix(prefix): _first(form, key).strip() for key in form if key.startswith(prefix)}
    if profiles is not None:
        known = _keys(find(profiles, name))
        given = {key: value for key, value in given.items() if key in known}
    options = _with_open({"profile": name} | {key: value for key, value in given.items() if value}, form)
    if profiles is not None:
        choose(options, profiles)
    return options


def choose(user_options: Mapping[str, Any], profiles: Sequence[Profile], groups: Sequence[str] | None = None) -> Chosen:
    """
    `user_options` checked against `profiles` (and, when given, the user's `groups`).

    Nothing at all means the default profile with its default choices. Whether an image that was typed or built may
    be used needs the build service; :attr:`Picked.matches_rule` and :attr:`Picked.may_be_built` say what to ask.

    Raises:
        BadChoice: no such profile, option or choice, or a value is missing.
        ProfileRefused: the profile is for other groups.
    """
    named = user_options.get("profile")
    if not named and set(user_options) - {OPEN, "profile"}:
        raise BadChoice("The request names no profile.", hint="Choose a profile, then start again.")
    profile = find(profiles, named) if named else _default(profiles, groups)
    if groups is not None and not allowed(profile, groups):
        raise ProfileRefused(
            f"The profile {profile['display_name']!r} is not for you.", hint="Choose another, or ask an admin."
        )
    options = profile["profile_options"]
    if strange := sorted(set(user_options) - _keys(profile) - {"profile", OPEN}):
        raise BadChoice(
            f"The profile {profile['display_name']!r} has no option {strange[0]!r}.",
            hint="The hub's choices may have changed; choose again.",
        )
    picked = tuple(_pick(key, option, user_options) for key, option in options.items())
    origins = {key: _text(key, value) for key, value in user_options.items() if key.endswith(EXTRAS)}
    return Chosen(profile=profile, picked=picked, open=open_path(user_options.get(OPEN, "")), origins=origins)


def find(profiles: Sequence[Profile], name: object) -> Profile:
    """
    The profile whose slug is `name`.

    Raises:
        BadChoice: there is none.
    """
    for profile in profiles:
        if profile["slug"] == name:
            return profile
    raise BadChoice(
        f"There is no profile {str(name)[:100]!r}.", hint="The hub's choices may have changed; choose again."
    )


def open_path(value: object) -> str:
    """
    The path of a file to open, relative and without ``..``.

    Raises:
        BadChoice: it is not such a path.
    """
    text = _text(OPEN, value).strip()
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts or text.startswith("/") or _ODD.search(text):
        raise BadChoice(
            f"{text[:100]!r} is not a path inside the repository.", hint="Write it like notebooks/start.ipynb."
        )
    return "/".join(parts)


def merge(target: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Merge `new` into `target`, dictionaries recursively; None removes a key. KubeSpawner's rule for dict traits."""
    for key, value in new.items():
        if isinstance(value, Mapping):
            inner = target.get(key)
            target[key] = inner = dict(inner) if isinstance(inner, Mapping) else {}
            merge(inner, value)
        elif value is None:
            target.pop(key, None)
        else:
            target[key] = value


def fill(template: Any, value: str) -> Any:
    """`template` with ``{value}`` filled in, through lists, sets and dictionaries; other ``{names}`` are left alone."""
    if isinstance(template, str):
        return _fill_text(template, value)
    if isinstance(template, list):
        return [fill(item, value) for item in template]
    if isinstance(template, set):
        return {fill(item, value) for item in template}
    if isinstance(template, Mapping):
        return {fill(key, value): fill(item, value) for key, item in template.items()}
    return template


def _fill_text(template: str, value: str) -> str:
    """As Python's format strings, with ``{{`` for a brace; a template that is none (JSON) keeps every other brace."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        parts = [("", "", None, None)]
    if all(name is None or (name.isidentifier() and not spec and not how) for _, name, spec, how in parts):
        return "".join(
            text + ("" if name is None else value if name == "value" else f"{{{name}}}") for text, name, _, _ in parts
        )
    return template.replace("{value}", value)


def _keys(profile: Profile) -> set[str]:
    """The keys under which the options of `profile` are stored."""
    return {f"{option}{suffix}" for option in profile["profile_options"] for suffix in ("", UNLISTED, *EXTRAS)}


def _default(profiles: Sequence[Profile], groups: Sequence[str] | None) -> Profile:
    mine = [profile for profile in profiles if groups is None or allowed(profile, groups)]
    if not mine:
        raise ProfileRefused("No profile of this hub is for you.", hint="Ask an admin for access.")
    return next((profile for profile in mine if profile["default"]), mine[0])


def _pick(key: str, option: Mapping[str, Any], user_options: Mapping[str, Any]) -> Picked:
    typed = _text(key, user_options.get(f"{key}{UNLISTED}") or "").strip()
    choice = _text(key, user_options.get(key) or "")
    if typed:
        return _unlisted(key, option, typed)
    if choice in SENTINELS:
        raise BadChoice(
            f"{option['display_name']}: nothing was typed or built.", hint="Fill it in, or choose from the list."
        )
    if not choice:
        return _default_choice(key, option)
    if choice not in option["choices"]:
        raise BadChoice(
            f"{option['display_name']}: there is no choice {choice[:100]!r}.",
            hint="The hub's choices may have changed; choose again.",
        )
    return Picked(option=key, choice=choice, override=option["choices"][choice].get("kubespawner_override") or {})


def _unlisted(key: str, option: Mapping[str, Any], typed: str) -> Picked:
    unlisted = option["unlisted_choice"]
    builds = bool(option["dynamic_image_building"]["enabled"])
    if not unlisted["enabled"] and not builds:
        raise BadChoice(f"{option['display_name']}: only listed choices are allowed.", hint="Choose from the list.")
    rule = unlisted.get("validation_regex")
    matches = bool(unlisted["enabled"]) and (not rule or re.fullmatch(rule, typed) is not None)
    if not matches and not builds:
        raise not_allowed(option, typed)
    template = unlisted.get("kubespawner_override") or ({"image": "{value}"} if key == "image" else {})
    return Picked(option=key, unlisted=typed, override=fill(template, typed), matches_rule=matches, may_be_built=builds)


def not_allowed(option: Mapping[str, Any], typed: str) -> BadChoice:
    """The refusal of a typed value, in the admin's words where there are any."""
    message = str(option["unlisted_choice"].get("validation_message") or "").strip()
    return BadChoice(f"{option['display_name']}: {typed[:100]!r} is not allowed here.", hint=message)


def _default_choice(key: str, option: Mapping[str, Any]) -> Picked:
    for name, choice in option["choices"].items():
        if choice["default"]:
            return Picked(option=key, choice=name, override=choice.get("kubespawner_override") or {})
    raise BadChoice(f"{option['display_name']}: nothing was chosen.", hint="Fill it in, then start again.")


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise BadChoice(f"The value of {key!r} must be a text of at most {LONGEST} characters.")
    return value


def _first(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name) or [""]
    return values[0] if isinstance(values[0], str) else ""


def _with_open(options: dict[str, str], form: Mapping[str, Sequence[str]]) -> dict[str, str]:
    path = open_path(_first(form, OPEN))
    return options | {OPEN: path} if path else options

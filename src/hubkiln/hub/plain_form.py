"""The form for browsers without JavaScript: profiles and their listed or typed choices, in the same fields.

Repositories need the page's script: a build is followed before the server starts.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from hubkiln.hub.profiles import Profile, public
from hubkiln.languages import Language


def plain_form(profiles: Sequence[Profile], language: Language) -> str:
    """Controls without a button: the hub's own stands below."""
    shown = public(profiles)
    chosen = next((profile["slug"] for profile in shown if profile.get("default")), shown[0]["slug"] if shown else "")
    needs = html.escape(language.say("Building a repository needs JavaScript."))
    notes = f'<p class="form-text" lang="{language.tag}">{needs}</p>' if any(map(_builds, shown)) else ""
    return "".join(_profile(profile, profile["slug"] == chosen, language) for profile in shown) + notes


def _profile(profile: Mapping[str, Any], chosen: bool, language: Language) -> str:
    slug, checked = html.escape(str(profile["slug"])), " checked" if chosen else ""
    options = profile.get("profile_options") or {}
    return (
        '<fieldset class="mb-3"><legend class="fs-5"><label>'
        f'<input type="radio" name="profile" value="{slug}"{checked}> {html.escape(profile["display_name"])}</label>'
        f"</legend><p>{html.escape(str(profile.get('description') or ''))}</p>"
        + "".join(
            _option(f"profile-option-{profile['slug']}--{key}", option, language) for key, option in options.items()
        )
        + "</fieldset>"
    )


def _option(name: str, option: Mapping[str, Any], language: Language) -> str:
    field, title = html.escape(name), html.escape(str(option["display_name"]))
    found = ""
    if option["choices"]:
        choices = "".join(
            f'<option value="{html.escape(key)}"{" selected" if choice["default"] else ""}>'
            f"{html.escape(choice['display_name'])}</option>"
            for key, choice in option["choices"].items()
        )
        found = (
            f'<label class="form-label">{title} <select class="form-select" name="{field}">{choices}</select></label>'
        )
    unlisted = option.get("unlisted_choice") or {}
    if unlisted.get("enabled"):
        another = language.say("{name}, another", name=str(option["display_name"]))
        own = html.escape(str(unlisted.get("display_name_in_choices") or another))
        found += f'<label class="form-label">{own} <input class="form-control" name="{field}--unlisted-choice"></label>'
    return f"<div>{found}</div>"


def _builds(profile: Mapping[str, Any]) -> bool:
    options = (profile.get("profile_options") or {}).values()
    return any((option.get("dynamic_image_building") or {}).get("enabled") for option in options)

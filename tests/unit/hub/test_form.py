"""What the spawn page is told."""

import json
import re

from hubkiln.hub.form import Page, render
from hubkiln.hub.profiles import normalise


def page(**changes: object) -> Page:
    """A page of a hub below ``/base/``."""
    profiles = normalise([{"display_name": "</script><b>A&B", "kubespawner_override": {"image": "secret"}}])
    defaults = {
        "profiles": profiles,
        "user": "ada",
        "hub_url": "/base/hub/",
        "service_url": "/base/services/binder/",
        "version": "1",
    }
    return Page(**{**defaults, **changes})  # type: ignore[arg-type]


def told(text: str) -> dict[str, object]:
    """The JSON in the page."""
    found = re.search(r'<script type="application/json" id="hubkiln-page">(.*?)</script>', text, re.DOTALL)
    assert found
    result: dict[str, object] = json.loads(found[1])
    return result


def test_addresses_follow_the_base_url() -> None:
    """Everything the page asks for lies below the hub's own base URL."""
    text = render(page())
    assert 'src="/base/hub/hubkiln/static/spawn.js?v=1"' in text
    assert told(text)["hubApi"] == "/base/hub/api/" and told(text)["service"] == "/base/services/binder/"


def test_a_name_cannot_break_out_of_the_script() -> None:
    """Text of the admin is data, whatever it holds."""
    text = render(page())
    assert text.count("</script>") == 2 and "<b>" not in text
    assert told(text)["profiles"][0]["display_name"] == "</script><b>A&B"  # type: ignore[index]


def test_overrides_are_not_on_the_page() -> None:
    """The server's secrets stay there."""
    assert "secret" not in render(page())


def test_only_texts_of_the_last_choice_are_told() -> None:
    """Options stored through the REST API may hold anything; the page gets texts only."""
    assert told(render(page(chosen={"profile": "a", "x": {"y": 1}})))["chosen"] == {"profile": "a"}


def test_without_javascript_there_is_a_plain_form() -> None:
    """The fields that the hub reads, every choice and the defaults, and names that are text."""
    from hubkiln.hub.choices import choose, parse_form

    image = {
        "choices": {"a": {"display_name": "A<b>"}, "b": {"display_name": "B", "default": True}},
        "unlisted_choice": {"enabled": True, "kubespawner_override": {"image": "{value}"}},
    }
    profiles = normalise([{"slug": "s", "display_name": "S & T", "profile_options": {"image": image}}])
    (plain,) = re.findall(r"<noscript>(.*?)</noscript>", render(page(profiles=profiles)), re.DOTALL)
    assert "A&lt;b&gt;" in plain and "S &amp; T" in plain
    fields = {name: [""] for name in re.findall(r'name="([^"]+)"', plain)}
    chosen = {"profile": ["s"], "profile-option-s--image": re.findall(r'value="(\w+)" selected', plain)}
    assert set(fields) == {"profile", "profile-option-s--image", "profile-option-s--image--unlisted-choice"}
    assert choose(parse_form({**fields, **chosen}, profiles), profiles).picked[0].choice == "b"


def test_what_an_admin_did_not_name_is_named_by_the_page() -> None:
    """In its reader's language; an English name from here would stand on every page."""
    profiles = normalise([{"display_name": "A", "profile_options": {"image": {"unlisted_choice": {"enabled": True}}}}])
    (profile,) = told(render(page(profiles=profiles)))["profiles"]  # type: ignore[misc]
    assert profile["profile_options"]["image"]["unlisted_choice"] == {"enabled": True}

"""What an admin got wrong in a ``profile_list``: understood where it can be, else said with the name at fault."""

from __future__ import annotations

from typing import Any

import pytest
from traitlets.config import Config

from hubkiln.errors import BadSpec
from hubkiln.hub import setup
from hubkiln.hub.choices import choose, fill
from hubkiln.hub.profiles import normalise


def image(**option: Any) -> list[dict[str, Any]]:
    """A list of one profile with one option."""
    return [{"display_name": "Lab", "profile_options": {"image": option}}]


MISTAKES: list[Any] = [
    image(choices=[{"display_name": "1G"}]),
    image(choices={"small": "1G"}),
    image(choices={"small": {"kubespawner_override": ["x"]}}),
    image(unlisted_choice={"enabled": True, "validation_regex": "*.x"}),
    image(unlisted_choice={"enabled": True, "validation_regex": ["x"]}),
    image(unlisted_choice="yes"),
    [{"display_name": "Lab", "profile_options": ["image"]}],
    [{"display_name": "Lab", "profile_options": {"image": "x"}}],
    [{"display_name": "Lab", "kubespawner_override": "x"}],
    [{"display_name": "Lab", "allowed_groups": 1}],
]


@pytest.mark.parametrize("profiles", MISTAKES)
def test_a_mistake_is_said_with_the_profiles_name(profiles: Any) -> None:
    """Never a traceback, and never a sentence that leaves the admin to search."""
    with pytest.raises(BadSpec, match="'Lab'") as caught:
        normalise(profiles)
    assert caught.value.hint


@pytest.mark.parametrize("profiles", ["x", 1, ["x"], [None, 1], [{"slug": "a"}, {"slug": "a"}]])
def test_a_list_of_something_else_is_refused(profiles: Any) -> None:
    """What has no name is counted."""
    with pytest.raises(BadSpec, match="profile_list"):
        normalise(profiles)


def test_a_hub_with_a_mistake_does_not_start() -> None:
    """Both lists are looked at: the one that is handed over, and KubeSpawner's own."""
    with pytest.raises(BadSpec, match="'Lab'"):
        setup(Config(), profile_list=MISTAKES[0])
    ours = Config()
    ours.KubeSpawner.profile_list = MISTAKES[0]
    with pytest.raises(BadSpec, match="'Lab'"):
        setup(ours)


@pytest.mark.parametrize(
    "profiles",
    [
        image(choices={"small": None}),
        image(choices={"a": {}}, dynamic_image_building=True),
        image(choices={"a": {}}, unlisted_choice=False),
        [{"display_name": 2024}],
        [{"display_name": "Lab", "profile_options": None}],
        {1: {"display_name": "Lab"}, "b": {"display_name": "Other"}},
    ],
)
def test_what_can_be_understood_works(profiles: Any) -> None:
    """YAML's empty values, plain switches and numbers as names."""
    assert choose({}, normalise(profiles)).profile["slug"]


def test_groups_may_be_one_name() -> None:
    """`allowed_groups: staff` means that group, not its letters."""
    assert normalise([{"display_name": "A", "allowed_groups": "staff"}])[0]["allowed_groups"] == ["staff"]


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{value}", "v"),
        ("x-{value}-{username}", "x-v-{username}"),
        ("{{{value}}}", "{v}"),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a":3, "image": "{value}"}', '{"a":3, "image": "v"}'),
        ("{}", "{}"),
        ("{value!r}", "{value!r}"),
        ("a } b {value}", "a } b v"),
    ],
)
def test_braces_of_other_languages_are_left_alone(template: str, filled: str) -> None:
    """JSON in a variable of the environment is no format string."""
    assert fill(template, "v") == filled


@pytest.mark.parametrize("names", [["データ分析", "Большой", "🚀"], ["大 GPU", "小 GPU", "GPU"], ["A", "A", "a", "A!"]])
def test_each_profile_can_be_had(names: list[str]) -> None:
    """Names without Latin letters, alike once written in them, or there twice: each has a slug of its own."""
    profiles = normalise([{"display_name": name} for name in names])
    slugs = [profile["slug"] for profile in profiles]
    assert all(slugs) and len(set(slugs)) == len(names)
    assert [choose({"profile": one}, profiles).profile["display_name"] for one in slugs] == names


def test_a_given_slug_is_kept() -> None:
    """Whoever wrote one down has it, also where another's name would make the same."""
    profiles = normalise([{"display_name": "GPU"}, {"display_name": "Other", "slug": "gpu"}])
    assert profiles[1]["slug"] == "gpu" and profiles[0]["slug"].startswith("gpu-")

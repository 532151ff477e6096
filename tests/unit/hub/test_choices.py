"""What a user chose is read, checked and turned into overrides by KubeSpawner's rules, but stricter."""

from typing import Any

import pytest

from hubkiln.hub.choices import BadChoice, ProfileRefused, choose, fill, merge, open_path, parse_form
from hubkiln.hub.profiles import normalise

PROFILES = normalise(
    [
        {
            "slug": "cpu",
            "display_name": "CPU",
            "kubespawner_override": {"environment": {"A": "1"}},
            "profile_options": {
                "image": {
                    "choices": {
                        "pangeo": {"kubespawner_override": {"image": "pangeo/notebook:1"}},
                        "scipy": {"kubespawner_override": {"image": "scipy:2"}},
                    },
                    "unlisted_choice": {
                        "enabled": True,
                        "validation_regex": r"^pangeo/[^:]+:\w+",
                        "validation_message": "Only pangeo images.",
                        "kubespawner_override": {"image": "{value}", "extra_labels": {"image-{other}": ["{value}"]}},
                    },
                },
                "resources": {"choices": {"small": {"kubespawner_override": {"mem_limit": "1G"}}, "large": {}}},
            },
        },
        {
            "slug": "gpu",
            "display_name": "GPU",
            "allowed_groups": ["gpu"],
            "profile_options": {"image": {"choices": {"a": {}}}},
        },
    ]
)


def form(**fields: str) -> dict[str, list[str]]:
    """Fields as JupyterHub gives them; ``__`` stands for ``--``."""
    return {name: [value] for name, value in fields.items()}


def posted(option: str, value: str) -> dict[str, list[str]]:
    """A form of the profile `cpu` with one field."""
    return {"profile": ["cpu"], f"profile-option-cpu--{option}": [value]}


def test_a_preset_choice_is_stored_as_kubespawner_stores_it() -> None:
    """Fields of the chosen profile lose their prefix; those of others and unknown ones are ignored."""
    fields = {
        **posted("image", "scipy"),
        "profile-option-cpu--resources": ["small"],
        "profile-option-gpu--image": ["a"],
        "select-profile": ["cpu"],
        "profile-option-cpu--surprise": ["x"],
        "gitPuller:repo": ["y"],
    }
    assert parse_form(fields, PROFILES) == {"profile": "cpu", "image": "scipy", "resources": "small"}


@pytest.mark.parametrize("sentinel", ["unlisted_choice", "unlisted-choice", "--extra-selectable-item"])
def test_a_sentinel_needs_a_value(sentinel: str) -> None:
    """What forms send for “see the other field” is refused when the other field is empty, and kept when it is not."""
    with pytest.raises(BadChoice, match="nothing was typed"):
        parse_form(posted("image", sentinel), PROFILES)
    fields = posted("image", sentinel) | {"profile-option-cpu--image--unlisted-choice": [" pangeo/x:1 "]}
    options = parse_form(fields, PROFILES)
    assert options == {"profile": "cpu", "image": sentinel, "image--unlisted-choice": "pangeo/x:1"}


def test_where_a_built_image_came_from_is_kept() -> None:
    """Repository, ref and folder of a built image, as our form and older ones post them."""
    fields = posted("image--unlisted-choice", "pangeo/x:1")
    fields |= {
        "profile-option-cpu--image--unlisted-choice--repo": ["org/repo"],
        "profile-option-cpu--image--unlisted-choice--ref": ["main"],
        "profile-option-cpu--image--unlisted-choice--subdir": ["course"],
    }
    options = parse_form(fields, PROFILES)
    assert options["image--unlisted-choice--subdir"] == "course"
    assert options["image--unlisted-choice--repo"] == "org/repo" and options["image--unlisted-choice--ref"] == "main"


def test_a_rule_must_match_the_whole_text() -> None:
    """A typed image that only begins as the rule says is refused, in the admin's words."""
    with pytest.raises(BadChoice, match="Only pangeo images"):
        parse_form(posted("image--unlisted-choice", "pangeo/x:1;evil"), PROFILES)


@pytest.mark.parametrize(
    "fields",
    [posted("image", "nope"), posted("resources--unlisted-choice", "64G"), {"profile": ["nope"]}, {"image": ["x"]}],
)
def test_unknown_choices_are_refused(fields: dict[str, list[str]]) -> None:
    """An unknown profile or choice, or a typed value where none is allowed, is an error and never the default."""
    with pytest.raises(BadChoice):
        parse_form(fields, PROFILES)


def test_an_empty_form_means_the_defaults() -> None:
    """Nothing posted, nothing stored; the default profile and choices apply."""
    assert parse_form(form(_xsrf="x", next="/hub/home"), PROFILES) == {}
    chosen = choose({}, PROFILES)
    assert chosen.profile["slug"] == "cpu" and [picked.choice for picked in chosen.picked] == ["pangeo", "small"]


def test_overrides_come_in_order() -> None:
    """The profile's override first, then each option's in the order of definition."""
    chosen = choose({"profile": "cpu", "resources": "small", "image": "scipy"}, PROFILES)
    assert chosen.overrides == [{"environment": {"A": "1"}}, {"image": "scipy:2"}, {"mem_limit": "1G"}]


def test_a_typed_value_fills_the_template() -> None:
    """``{value}`` is filled in through lists and dictionaries; other braces are left alone."""
    chosen = choose({"profile": "cpu", "image--unlisted-choice": "pangeo/x:1"}, PROFILES)
    assert chosen.overrides[1] == {"image": "pangeo/x:1", "extra_labels": {"image-{other}": ["pangeo/x:1"]}}
    assert chosen.unlisted[0].matches_rule


@pytest.mark.parametrize(
    "options",
    [
        {"image--unlisted-choice": "other/x:1"},
        {"profile": "cpu", "imagee": "scipy"},
        {"profile": "cpu", "image": ["scipy"]},
        {"profile": ["cpu"]},
        {"profile": "cpu", "image": "x" * 2000},
        {"image": "x", "repo_url": "y"},
        {"profile": None, "image": "scipy"},
    ],
)
def test_a_rest_call_cannot_smuggle_anything(options: dict[str, Any]) -> None:
    """User options from the REST API are checked like the form's: unknown keys and wrong types are refused."""
    with pytest.raises(BadChoice):
        choose(options, PROFILES)


def test_a_profile_for_others_is_refused() -> None:
    """``allowed_groups`` counts on the server."""
    with pytest.raises(ProfileRefused):
        choose({"profile": "gpu"}, PROFILES, groups=[])
    assert choose({"profile": "gpu"}, PROFILES, groups=["gpu"]).profile["slug"] == "gpu"


def test_an_image_that_may_be_built_passes_to_the_service() -> None:
    """With building enabled, a name that breaks the rule is not refused here: the service knows what was built."""
    image = {"dynamic_image_building": {"enabled": True}, "unlisted_choice": {"enabled": True, "validation_regex": "a"}}
    profiles = normalise([{"slug": "p", "display_name": "P", "profile_options": {"image": image}}])
    [picked] = choose({"profile": "p", "image--unlisted-choice": "built:1"}, profiles).unlisted
    assert picked.may_be_built and not picked.matches_rule and picked.override == {"image": "built:1"}


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\nb"])
def test_a_path_to_open_stays_inside(path: str) -> None:
    """The file to open lies below the repository."""
    with pytest.raises(BadChoice):
        open_path(path)


def test_a_path_to_open_is_stored() -> None:
    """The page's own field goes with the user options."""
    assert parse_form(form(profile="cpu") | {"hubkiln-open": ["./a//b.ipynb"]}, PROFILES)["hubkiln-open"] == "a/b.ipynb"


def test_merging_is_recursive_and_none_removes() -> None:
    """Dictionaries merge; None deletes; anything else replaces, also what was no dictionary."""
    target: dict[str, Any] = {"a": {"b": 1, "c": 2}, "d": 3, "e": 4}
    merge(target, {"a": {"b": None, "x": {"y": None, "z": 1}}, "d": {"f": 1}, "e": None, "nope": None})
    assert target == {"a": {"c": 2, "x": {"z": 1}}, "d": {"f": 1}}


def test_the_value_itself_is_no_template() -> None:
    """Braces in what a user typed stay as they are, and attributes cannot be reached."""
    assert fill("{value}", "{value.__class__}") == "{value.__class__}"
    assert fill(["{{x}}", 5, {"{value}"}], "v") == ["{x}", 5, {"v"}]

"""A ``profile_list`` in any of KubeSpawner's shapes becomes one shape, and overrides stay on the server."""

import json

import pytest

from hubkiln.hub.profiles import allowed, normalise, offered, public, slug, told_apart

LIST = [
    {"display_name": "Small, 1 CPU", "kubespawner_override": {"cpu_limit": 1}},
    {
        "display_name": "GPU",
        "slug": "gpu",
        "default": True,
        "allowed_groups": ["gpu"],
        "profile_options": {
            "image": {
                "display_name": "Image",
                "choices": {"a": {"display_name": "A", "kubespawner_override": {"image": "secret/a"}}, "b": {}},
                "unlisted_choice": {
                    "enabled": True,
                    "validation_regex": "^x",
                    "kubespawner_override": {"image": "{value}"},
                },
                "dynamic_image_building": {"enabled": True},
            }
        },
    },
]


def test_a_missing_slug_is_made_from_the_display_name() -> None:
    """Profiles without a slug get the one KubeSpawner would give them."""
    assert [profile["slug"] for profile in normalise(LIST)] == ["small-1-cpu", "gpu"]
    assert slug("Größer – bigger_one!") in ("grosser-bigger-one", "groer-bigger-one")


def test_a_dictionary_is_sorted_by_its_keys() -> None:
    """KubeSpawner 7.1's dictionary of profiles is ordered by key; the key is no slug."""
    profiles = normalise({"20": {"display_name": "Two"}, "10": {"display_name": "One"}})
    assert [profile["slug"] for profile in profiles] == ["one", "two"]


def test_the_first_is_the_default_where_none_is_marked() -> None:
    """There is always exactly one default profile and one default choice per option."""
    profiles = normalise([{"display_name": "A"}, {"display_name": "B"}])
    assert [profile["default"] for profile in profiles] == [True, False]
    choices = normalise(LIST)[1]["profile_options"]["image"]["choices"]
    assert [choice["default"] for choice in choices.values()] == [True, False]


def test_only_the_first_of_two_defaults_stays_one() -> None:
    """Two marked defaults become one, the first."""
    profiles = normalise(
        [{"display_name": "A"}, {"display_name": "B", "default": True}, {"display_name": "C", "default": True}]
    )
    assert [profile["default"] for profile in profiles] == [False, True, False]


def test_choices_are_always_there() -> None:
    """An option without choices gets an empty dictionary, which forms rely on."""
    profiles = normalise([{"display_name": "A", "profile_options": {"image": {}}}])
    assert public(profiles)[0]["profile_options"]["image"]["choices"] == {}


def test_the_admins_list_is_not_changed() -> None:
    """Normalising works on a copy."""
    before = json.dumps(LIST)
    normalise(LIST)[1]["profile_options"]["image"]["choices"]["a"]["kubespawner_override"]["image"] = "changed"
    assert json.dumps(LIST) == before


def test_nothing_that_an_override_says_reaches_the_browser() -> None:
    """The public form is JSON and holds neither overrides nor groups."""
    text = json.dumps(public(normalise(LIST)))
    assert "override" not in text and "secret/a" not in text and "allowed_groups" not in text


def test_callables_in_overrides_survive_and_stay_private() -> None:
    """An override may be a callable; the public form is still JSON."""
    profiles = normalise([{"display_name": "A", "kubespawner_override": {"image": lambda spawner: "x"}}])
    assert callable(profiles[0]["kubespawner_override"]["image"])
    json.dumps(public(profiles))


def test_groups_decide_what_is_offered() -> None:
    """A profile for groups is offered to their members only, and the default moves to one that is offered."""
    profiles = normalise(LIST)
    assert allowed(profiles[1], ["gpu", "x"]) and not allowed(profiles[1], [])
    mine = offered(profiles, [])
    assert [(profile["slug"], profile["default"]) for profile in mine] == [("small-1-cpu", True)]


def test_an_empty_list_stays_empty() -> None:
    """No profile list, no profiles."""
    assert normalise(None) == normalise([]) == normalise({}) == []


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["GPU", "CPU"], ["GPU", "CPU"]),
        (["GPU", "GPU", "GPU"], ["GPU", "GPU (2)", "GPU (3)"]),
        (["GPU", "GPU", "GPU (2)"], ["GPU", "GPU (3)", "GPU (2)"]),
        (["Größe", "größe ", "大"], ["Größe", "größe  (2)", "大"]),
        (["", ""], ["", " (2)"]),
    ],
)
def test_names_that_look_alike_are_told_apart(names: list[str], shown: list[str]) -> None:
    """By a number, in the order of the list, whatever the case and the spaces; no name is given twice."""
    assert told_apart(names) == shown


def test_two_profiles_and_two_choices_of_one_name_look_different() -> None:
    """On the page alone: slugs and keys stay what they are."""
    choices = {"a": {"display_name": "Python"}, "b": {"display_name": "Python"}}
    profile = {"display_name": "Lab", "profile_options": {"image": {"display_name": "Image", "choices": choices}}}
    first, second = public(normalise([profile, profile]))
    assert (first["display_name"], second["display_name"]) == ("Lab", "Lab (2)")
    assert [one["display_name"] for one in first["profile_options"]["image"]["choices"].values()] == [
        "Python",
        "Python (2)",
    ]

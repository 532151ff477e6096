"""What KubeSpawner does with our choice is what it does with its own; runs where KubeSpawner is installed."""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config

from hubkiln.hub.apply import apply, profiles_of
from hubkiln.hub.choices import choose, parse_form
from hubkiln.hub.profiles import normalise

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: a, user: {token: x}}]
"""
_FOLDER = tempfile.TemporaryDirectory(prefix="hubkiln-kube-")
_FILE = Path(_FOLDER.name, "config")
_FILE.write_text(KUBECONFIG)
os.environ.setdefault("KUBECONFIG", str(_FILE))  # read at import; nothing is sent to that cluster

kubespawner = pytest.importorskip("kubespawner")

IMAGE = {
    "display_name": "Image",
    "choices": {"x": {"display_name": "X", "kubespawner_override": {"image": "x:1", "environment": {"C": "{value}"}}}},
    "unlisted_choice": {
        "enabled": True,
        "validation_regex": "^only/.*",
        "kubespawner_override": {"image": "{value}", "extra_labels": {"i": "{value}"}},
    },
    "dynamic_image_building": {"enabled": True},
}
SIZES = {
    "display_name": "Size",
    "choices": {"s": {"display_name": "S", "kubespawner_override": {"mem_limit": "2G"}}, "l": {"display_name": "L"}},
}
PROFILES = [
    {
        "display_name": "Größer & anders",
        "kubespawner_override": {
            "environment": {"A": "1", "B": None},
            "mem_limit": "1G",
            "cpu_limit": lambda spawner: 2,
        },
        "profile_options": {"image": IMAGE, "size": SIZES},
    },
    {"display_name": "Other"},
]
SLUG = normalise(PROFILES)[0]["slug"]


def spawner() -> Any:
    """A KubeSpawner that has not started anything."""
    user = SimpleNamespace(
        name="ada", groups=[], url="/", id=1, escaped_name="ada", orm_user=SimpleNamespace(name="ada")
    )
    config = Config({"KubeSpawner": {"profile_list": PROFILES, "environment": {"B": "b"}}})
    return kubespawner.KubeSpawner(_mock=True, user=user, config=config)


OPTIONS = [
    {},
    {"profile": "other"},
    {"profile": SLUG, "image": "x"},
    {"profile": SLUG, "image": "x", "size": "l"},
    {"profile": SLUG, "image--unlisted-choice": "only/y:1"},
    {"profile": SLUG, "image": "--extra-selectable-item", "image--unlisted-choice": "only/y:1", "size": "s"},
]


@pytest.mark.parametrize("options", OPTIONS)
async def test_our_choice_has_kubespawners_effect(options: dict[str, str]) -> None:
    """The same options, given to KubeSpawner directly and through us, set the same traits."""
    theirs, ours = spawner(), spawner()
    theirs.user_options = dict(options)
    await theirs.load_user_options()
    await apply(ours, choose(options, await profiles_of(ours, None)))
    await ours.load_user_options()
    for name in ("image", "environment", "mem_limit", "cpu_limit", "extra_labels"):
        assert getattr(theirs, name) == getattr(ours, name), name


async def test_a_built_image_need_not_match_the_rule() -> None:
    """KubeSpawner starts an image that we allowed because it was built, whatever the rule for typed ones says."""
    ours = spawner()
    await apply(ours, choose({"profile": SLUG, "image--unlisted-choice": "built/z:1"}, await profiles_of(ours, None)))
    await ours.load_user_options()
    assert ours.image == "built/z:1"


async def test_where_a_built_image_came_from_is_kept() -> None:
    """What the page says beside a built image is still in the server's options when KubeSpawner has read them."""
    came = {"image--unlisted-choice--repo": "lab/waves", "image--unlisted-choice--ref": "main"}
    options = {"profile": SLUG, "image": "--extra-selectable-item", "image--unlisted-choice": "built/z:1"} | came
    ours = spawner()
    await apply(ours, choose(options, await profiles_of(ours, None)))
    await ours.load_user_options()
    assert came.items() <= ours.user_options.items() and ours.image == "built/z:1"


async def test_forms_are_stored_alike() -> None:
    """What is kept of a posted form is what KubeSpawner keeps."""
    form = {
        "profile": [SLUG],
        f"profile-option-{SLUG}--image": ["unlisted_choice"],
        f"profile-option-{SLUG}--image--unlisted-choice": ["only/y:1"],
        "profile-option-other--q": ["z"],
    }
    assert parse_form(form, normalise(PROFILES)) == spawner()._options_from_form(form)

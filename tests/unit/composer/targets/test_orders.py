"""What orders call what they make: keys that decide whether anything is made anew, and labels that images carry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.bases.interface import Base
from hubkiln.composer.locking.interface import Locked
from hubkiln.composer.repo2docker.order import Repo2dockerOrder
from hubkiln.composer.targets.interface import LockedOrder
from hubkiln.content.store import Content
from hubkiln.packages.interface import Lock
from hubkiln.recipes.interface import Kind, Need, Plan, PlanKind, Recipe
from hubkiln.values import Interpreter, Revision, Spec

SPEC = Spec(provider="gh", repository="ann/work", subdir="sub")
REVISION = Revision(spec=SPEC, commit="1" * 40, url="https://example.org/ann/work", name="work")
CONTENT = Content(key="c", path=Path("/c"), root=Path("/c/sub"))
PYTHON = Interpreter(version="3.12.1", path=Path("/usr/bin/python3.12"), roots=())
LOCKED = LockedOrder(
    request=BuildRequest(spec=SPEC, as_of="2024-01-01"),
    revision=REVISION,
    content=CONTENT,
    recipe=Recipe(kind=Kind.PYTHON, folder="", requirements=("one",), env=(("A", "1"),), start="start"),
    plan=Plan(kind=PlanKind.RUN_STEPS, why=(), needs=(Need.POST_BUILD,)),
    locked=Locked(
        recipe_key="r",
        lock=Lock(python="3.12", wheels=(), text="the lock\n"),
        base=Base(name=f"sha256:{'0' * 64}", interpreter=PYTHON, minors=("3.12",)),
    ),
)
OTHERS = Repo2dockerOrder(
    request=BuildRequest(spec=SPEC),
    revision=REVISION,
    content=CONTENT,
    recipe=Recipe(kind=Kind.R, folder="", files=(("install.R", "0"),), start="start"),
    plan=Plan(kind=PlanKind.REPO2DOCKER, why=()),
)


def test_an_upgrade_makes_no_environment_anew() -> None:
    """The key is that of the first release; whoever changes it on purpose raises `FORMAT`, and this with it."""
    assert LOCKED.environment_key == "590e2eea2a145209997fc573138332cf7b38ea25bae6cf877be29e9ff4fae1ae"


def test_images_of_both_makers_say_where_they_came_from() -> None:
    """In the same words; what only one of them knows comes on top."""
    ours, theirs = dict(LOCKED.labels), dict(OTHERS.labels)
    assert theirs.keys() < ours.keys()
    assert ours["repo2docker.repo"] == theirs["repo2docker.repo"] == ours["org.opencontainers.image.source"]
    assert ours["repo2docker.ref"] == "1" * 40 and "repo2docker.version" not in theirs  # that is repo2docker's own
    assert ours["org.opencontainers.image.revision"] == theirs["org.opencontainers.image.revision"] == "1" * 40
    assert ours["io.hubkiln.lock-digest"] == LOCKED.lock_digest and OTHERS.lock_digest == ""
    assert ours["io.hubkiln.subdir"] == "sub" and ours["io.hubkiln.as-of"] == "2024-01-01"


def test_an_image_of_a_folder_names_what_strangers_can_use() -> None:
    """Where its own origin is, and no commit that nobody could find; never a path, and nothing empty."""
    spec = replace(SPEC, provider="local", repository="/home/ada/work", ref="HEAD")
    for order in (LOCKED, OTHERS):
        alone = replace(order, revision=replace(REVISION, spec=spec, url=""))
        assert "org.opencontainers.image.source" not in dict(alone.labels)
        known = replace(order, revision=replace(alone.revision, origin="https://host.example/work"))
        labels = dict(known.labels)
        assert labels["org.opencontainers.image.source"] == "https://host.example/work"
        assert "org.opencontainers.image.revision" not in labels and labels["repo2docker.repo"] == "local"
        assert not any("/home" in value or not value for value in labels.values())
        assert known.image_key != alone.image_key
        of_a_commit = replace(known, revision=replace(known.revision, spec=replace(spec, ref="v1")))
        assert dict(of_a_commit.labels)["org.opencontainers.image.revision"] == REVISION.commit


def test_another_commit_is_another_image_of_either_maker() -> None:
    """And for what is composed the same environment."""
    other = replace(REVISION, commit="2" * 40)
    for order in (LOCKED, OTHERS):
        assert replace(order, revision=other).image_key != order.image_key
    assert replace(LOCKED, revision=other).environment_key == LOCKED.environment_key


def test_what_came_of_an_order_has_its_keys() -> None:
    """Whoever made it fills them in once."""
    for order in (LOCKED, OTHERS):
        made = order.result("image", reused=True)
        assert (made.environment_key, made.lock_digest) == (order.environment_key, order.lock_digest)

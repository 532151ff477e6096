"""The layer policy: what shares a layer, in which order, and never too many."""

from __future__ import annotations

import random

import pytest

from hubkiln.errors import TooLarge
from hubkiln.images.layer_groups import BIG, BUCKETS, BUDGET, LayerGroup, LayerPart, Role, group

BASE = [LayerPart(key=f"base{n}", name="base", role=Role.BASE) for n in range(3)]
CONTENT = LayerPart(key="content", name="content", role=Role.CONTENT)


def wheel(name: str, size: int = 1000, role: Role = Role.WHEEL, version: str = "1", together: str = "") -> LayerPart:
    return LayerPart(key=f"{name}-{version}", name=name, role=role, size=size, together=together)


def small(count: int) -> list[LayerPart]:
    return [wheel(f"small{n}", 1000 + n) for n in range(count)]


def names(groups: list[LayerGroup]) -> list[list[str]]:
    return [[part.name for part in one.parts] for one in groups]


def test_layers_lie_from_the_most_to_the_least_shared() -> None:
    """Base, skeleton, stack, wheels, run steps, content: what changes most lies on top."""
    parts = [CONTENT, wheel("numpy", BIG), wheel("jupyterlab", BIG, Role.STACK), *BASE]
    parts += [
        LayerPart(key="step", name="apt", role=Role.STEP),
        LayerPart(key="skeleton", name="skeleton", role=Role.SKELETON),
    ]
    roles = [one.role for one in group(parts)]
    assert roles == sorted(roles, key=list(Role).index)
    assert roles[0] == Role.BASE and roles[-1] == Role.CONTENT


def test_big_wheels_have_a_layer_each_in_one_order_everywhere() -> None:
    """Runtimes share a common beginning only: popular ones first, others by name, however they were listed."""
    parts = [wheel(name, BIG) for name in ("zzz", "scipy", "torch", "aaa", "numpy", "pandas")]
    expected = [["numpy"], ["pandas"], ["scipy"], ["torch"], ["aaa"], ["zzz"]]
    assert names(group(parts)) == expected
    assert names(group(parts[::-1])) == expected


def test_small_wheels_share_eight_layers() -> None:
    """However many small wheels there are."""
    assert len(group(small(300))) == BUCKETS


def test_a_new_version_changes_one_layer() -> None:
    """Buckets go by name, so an update leaves the others alone."""
    before = {one.key for one in group(small(100))}
    after = {one.key for one in group([*small(99), wheel("small99", version="2")])}
    assert len(before - after) == len(after - before) == 1


def test_adding_a_package_changes_one_layer() -> None:
    """One more requirement costs one layer."""
    before = {one.key for one in group(small(100))}
    after = {one.key for one in group([*small(100), wheel("another")])}
    assert len(after - before) == 1


def test_the_order_of_wheels_does_not_matter() -> None:
    """The same set of packages is the same image."""
    parts = [*BASE, *small(60), *(wheel(f"big{n}", BIG + n) for n in range(120)), CONTENT]
    shuffled = parts[3:-1]
    random.Random(3).shuffle(shuffled)
    assert group([*BASE, *shuffled, CONTENT]) == group(parts)


def test_there_are_never_more_layers_than_the_budget() -> None:
    """Beyond it the smallest are merged, and every part is still there once."""
    parts = [*BASE, *(wheel(f"big{n}", BIG * (n + 1)) for n in range(200)), *small(50), CONTENT]
    groups = group(parts)
    assert len(groups) == BUDGET
    assert sorted(part.key for one in groups for part in one.parts) == sorted(part.key for part in parts)
    assert ["big199"] in names(groups), "the largest keep a layer of their own"


def test_the_stack_is_merged_last() -> None:
    """What every image shares stays as it is while anything else can be merged."""
    stack = [wheel(f"stack{n}", BIG, Role.STACK) for n in range(10)]
    groups = group([*stack, *(wheel(f"big{n}", BIG) for n in range(10))], budget=12)
    assert sum(one.role is Role.STACK for one in groups) == 10


def test_wheels_that_overlap_share_a_layer_in_install_order() -> None:
    """The later one's files win, as pip would have it."""
    pair = [wheel("opencv-python", BIG, together="cv2"), wheel("opencv-python-headless", BIG, together="cv2")]
    assert names(group([pair[1], wheel("numpy", BIG), pair[0]])) == [
        ["numpy"],
        ["opencv-python-headless", "opencv-python"],
    ]


@pytest.mark.parametrize("wheels", [0, 5])
def test_a_base_with_too_many_layers_is_refused(wheels: int) -> None:
    """What cannot be merged is said before anything is made."""
    many = [LayerPart(key=f"b{n}", name="base", role=Role.BASE) for n in range(91 if wheels == 0 else 90)]
    with pytest.raises(TooLarge, match="90 layers"):
        group([*many, *small(wheels)])


def test_nothing_gives_nothing() -> None:
    """No parts, no layers."""
    assert group([]) == []

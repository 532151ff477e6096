"""A checked choice reaches the spawner once, and images are checked with the build service."""

from collections.abc import Sequence
from typing import Any

import pytest
from traitlets import Dict, HasTraits, List, Unicode

from hubkiln.errors import Refused, UserError
from hubkiln.hub.apply import apply, check_images, profiles_of
from hubkiln.hub.choices import choose
from hubkiln.hub.profiles import normalise
from hubkiln.hub.service import ImageAnswer

IMAGE = {
    "choices": {"a": {"kubespawner_override": {"image": "a:1", "environment": {"X": None}}}},
    "unlisted_choice": {"enabled": True, "validation_regex": "listed/.*"},
    "dynamic_image_building": {"enabled": True},
}
LIST = [
    {
        "slug": "p",
        "display_name": "P",
        "kubespawner_override": {"environment": {"Y": "2"}},
        "profile_options": {"image": IMAGE},
    }
]


class PlainSpawner(HasTraits):
    """A spawner without profiles of its own."""

    image = Unicode()
    environment = Dict()
    open_path = Unicode()


class KubeLike(PlainSpawner):
    """A spawner that applies its ``profile_list`` itself."""

    profile_list = List()
    user_options = Dict()

    async def load_user_options(self) -> None:
        """Present, as KubeSpawner's."""


class Answers:
    """A build service that always says the same."""

    def __init__(self, known: bool, visible: bool) -> None:
        self.answer, self.asked = ImageAnswer(known=known, visible=visible), []  # type: ignore[var-annotated]

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        """The answer; remembers the question."""
        self.asked.append((image, user))
        return self.answer


def chosen(options: dict[str, str]) -> Any:
    """A checked choice."""
    return choose(options, normalise(LIST))


async def test_a_plain_spawner_gets_its_traits_set() -> None:
    """Dictionaries are merged into the trait, None removes a key, and the original value is not changed."""
    before = {"X": "1"}
    spawner = PlainSpawner(environment=before)
    await apply(spawner, chosen({"profile": "p", "image": "a", "hubkiln-open": "x.ipynb"}))
    assert (spawner.image, spawner.environment, spawner.open_path) == ("a:1", {"Y": "2"}, "x.ipynb")
    assert before == {"X": "1"}


async def test_kubespawner_gets_one_profile_and_is_not_set() -> None:
    """A spawner that applies profiles is handed the one chosen, nothing else, so nothing is applied twice."""
    spawner = KubeLike(profile_list=LIST, environment={"X": "1"})
    await apply(spawner, chosen({"profile": "p", "image--unlisted-choice": "built/x:1"}))
    assert spawner.image == "" and spawner.environment == {"X": "1"}
    [profile] = spawner.profile_list
    [option] = profile["profile_options"].values()
    [choice] = option["choices"].values()
    assert choice["kubespawner_override"] == {"image": "built/x:1"}
    assert spawner.user_options == {"profile": "p", "image--unlisted-choice": "built/x:1"}
    assert [p["slug"] for p in await profiles_of(spawner, None)] == ["p"]
    assert (await profiles_of(spawner, None))[0]["profile_options"]["image"]["choices"]


async def test_applying_twice_forgets_nothing() -> None:
    """A second choice on the same spawner is checked against all profiles again."""
    spawner = KubeLike(profile_list=LIST)
    for options in ({"profile": "p", "image": "a"}, {"profile": "p", "image--unlisted-choice": "listed/x"}):
        await apply(spawner, choose(options, await profiles_of(spawner, None)))
    assert (await profiles_of(spawner, None))[0]["profile_options"]["image"]["choices"]


async def test_callable_overrides_are_called_with_the_spawner() -> None:
    """An override may be a function of the spawner, async or not."""

    async def image(spawner: Any) -> str:
        return f"for-{type(spawner).__name__}"

    spawner = PlainSpawner()
    await apply(spawner, choose({}, normalise([{"display_name": "P", "kubespawner_override": {"image": image}}])))
    assert spawner.image == "for-PlainSpawner"


async def test_profiles_may_come_from_an_async_callable() -> None:
    """``profile_list`` may be a callable that gets the spawner."""

    async def made(spawner: Any) -> list[dict[str, str]]:
        return [{"display_name": "Made"}]

    assert [profile["slug"] for profile in await profiles_of(PlainSpawner(), made)] == ["made"]


@pytest.mark.parametrize(
    ("image", "known", "visible", "passes"),
    [
        ("listed/x", False, False, True),
        ("listed/x", True, True, True),
        ("listed/x", True, False, False),
        ("built/x", True, True, True),
        ("built/x", True, False, False),
        ("other/x", False, False, False),
    ],
)
async def test_typed_and_built_images_are_checked(image: str, known: bool, visible: bool, passes: bool) -> None:
    """An image passes if it was built and is visible, or is unknown and matches the rule."""
    service = Answers(known, visible)
    choice = chosen({"profile": "p", "image--unlisted-choice": image})
    if passes:
        await check_images(choice, "ada", service)
    else:
        with pytest.raises(UserError):
            await check_images(choice, "ada", service)
    assert service.asked == [(image, "ada")]


async def test_a_listed_choice_asks_nobody() -> None:
    """What the admin listed needs no build service."""
    service = Answers(False, False)
    await check_images(chosen({"profile": "p", "image": "a"}), "ada", service)
    assert service.asked == []


async def test_somebody_elses_environment_is_named_as_such() -> None:
    """The refusal says why."""
    with pytest.raises(Refused, match="somebody else"):
        await check_images(chosen({"profile": "p", "image--unlisted-choice": "built/x"}), "ada", Answers(True, False))


async def test_a_name_of_the_local_store_is_only_for_who_may_see_it() -> None:
    """Typed by hand, it is refused unless the service knows it, even where the rule would allow any name."""
    any_name = [{**LIST[0], "profile_options": {"image": {"unlisted_choice": {"enabled": True}}}}]
    options = {"profile": "p", "image--unlisted-choice": "hubkiln.local/x@sha256:" + "0" * 64}
    picked = choose(options, normalise(any_name))
    with pytest.raises(Refused, match="not known here"):
        await check_images(picked, "ann", Answers(known=False, visible=False))
    await check_images(picked, "ann", Answers(known=True, visible=True))

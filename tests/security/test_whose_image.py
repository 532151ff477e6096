"""Somebody else's image is refused by what a choice does, whatever the option is called and however it is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import pytest
from any_hub import any_hub

from hub_browser import Browser, logged_in
from hubkiln.errors import Refused
from hubkiln.hub.apply import check_images
from hubkiln.hub.choices import choose
from hubkiln.hub.profiles import normalise
from hubkiln.hub.service import ImageAnswer

DIGEST = f"sha256:{'0' * 64}"
LOCAL = f"hubkiln.local/lab@{DIGEST}"
PUSHED = f"reg.example/lab/built@{DIGEST}"


class OfGrace:
    """A build service that knows two images, both somebody else's."""

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        """By their exact names, as the real one."""
        return ImageAnswer(known=image in (LOCAL, PUSHED), visible=False)


OVERRIDES: dict[str, tuple[Any, str]] = {
    "another name": ({"image": "{value}"}, LOCAL),
    "made of a part": ({"image": "hubkiln.local/{value}"}, f"lab@{DIGEST}"),
    "the digest alone": ({"image": "hubkiln.local/lab@{value}"}, DIGEST),
    "a second container": ({"extra_containers": [{"name": "x", "image": "{value}"}]}, LOCAL),
    "a key of a spawner's own": ({"singleuser_image": "{value}"}, PUSHED),
    "a variable": ({"environment": {"LAUNCH": "run {value}"}}, LOCAL),
    "read elsewhere": ({}, LOCAL),
}


@pytest.mark.parametrize(("override", "typed"), OVERRIDES.values(), ids=OVERRIDES.keys())
async def test_an_option_of_any_name_is_checked(override: Any, typed: str) -> None:
    """It is what a typed value makes the spawner start that counts."""
    option = {"choices": {"a": {}}, "unlisted_choice": {"enabled": True, "kubespawner_override": override}}
    profiles = normalise([{"slug": "p", "profile_options": {"flavour": option}}])
    chosen = choose({"profile": "p", "flavour--unlisted-choice": typed}, profiles)
    with pytest.raises(Refused, match="somebody else"):
        await check_images(chosen, "ada", OfGrace())


@pytest.mark.parametrize(
    "typed",
    [
        PUSHED,
        f"docker://{PUSHED}",
        f"REG.example/lab/built@{DIGEST}",
        f"reg.example/lab/built:v1@{DIGEST}",
        f" {PUSHED}",
    ],
)
async def test_another_spelling_is_the_same_image(typed: str) -> None:
    """Capitals, a tag beside the digest and a scheme do not hide a name."""
    profiles = normalise([{"slug": "p", "profile_options": {"image": {"unlisted_choice": {"enabled": True}}}}])
    chosen = choose({"profile": "p", "image--unlisted-choice": typed}, profiles)
    with pytest.raises(Refused, match="somebody else"):
        await check_images(chosen, "ada", OfGrace())


async def test_a_typed_value_that_is_no_image_asks_nobody() -> None:
    """Memory may be typed while the build service is away."""

    class Away:
        async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
            raise AssertionError(image)

    option = {"unlisted_choice": {"enabled": True, "kubespawner_override": {"mem_limit": "{value}"}}}
    profiles = normalise([{"slug": "p", "profile_options": {"memory": option}}])
    await check_images(choose({"profile": "p", "memory--unlisted-choice": "2G"}, profiles), "ada", Away())


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A hub whose profile has a typed option that is not called image."""
    with any_hub(tmp_path_factory.mktemp("hub")) as base:
        yield base


@pytest.fixture
async def eve(hub: str) -> AsyncIterator[Browser]:
    """Somebody who knows the name of ada's private image."""
    async with logged_in(hub, "eve") as browser:
        browser.xsrf = (await browser.page())["xsrf"]
        yield browser


@pytest.mark.hub
async def test_the_hub_refuses_it_on_the_page_and_in_the_api(eve: Browser) -> None:
    """Whatever way the choice came, nothing starts; one's own and public ones do."""
    options = {"profile": "cpu", "flavour--unlisted-choice": "built/ada:1"}
    answer = await eve.api("POST", "users/eve/server", json={"user_options": options})
    assert answer.status_code == 403 and "somebody else" in answer.json()["message"]
    shown = await eve.start(**{"profile": "cpu", "profile-option-cpu--flavour--unlisted-choice": "built/ada:1"})
    assert "somebody else" in shown.text
    await eve.start(**{"profile": "cpu", "profile-option-cpu--flavour--unlisted-choice": "built/public:1"})
    assert (await eve.running())["image"] == "built/public:1"

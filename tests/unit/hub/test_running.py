"""What a hub offers is what its spawner can run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from traitlets import Dict, HasTraits, List, Unicode

from hub_users import Users
from hubkiln.errors import Unsupported
from hubkiln.hub.apply import apply, check_images, profiles_of, serve_the_hub
from hubkiln.hub.choices import choose
from hubkiln.hub.profiles import normalise
from hubkiln.hub.running import engine_of, missing
from hubkiln.hub.service import ImageAnswer
from hubkiln.spawners.sandbox import SandboxSpawner

LOCAL = "hubkiln.local/work@sha256:" + "0" * 64
DIGEST = "registry.lan/work@sha256:" + "0" * 64
IMAGE = {
    "display_name": "Environment",
    "choices": {"plain": {}, "scipy": {"default": True, "kubespawner_override": {"image": "scipy:1"}}},
    "unlisted_choice": {"enabled": True},
    "dynamic_image_building": {"enabled": True},
}
ONLY_IMAGES = {"choices": {"scipy": {"kubespawner_override": {"image": "scipy:1"}}}}
SIZE = {"choices": {"big": {"kubespawner_override": {"mem_limit": "9G", "extra_labels": {"a": "b"}}}}}
PROFILES = [
    {"slug": "p", "display_name": "P", "profile_options": {"image": IMAGE, "size": SIZE, "other": ONLY_IMAGES}},
    {"slug": "q", "display_name": "Q", "kubespawner_override": {"image": "q:1"}},
]
ONE_OPTION = [{"slug": "p", "display_name": "P", "profile_options": {"image": IMAGE}}]


class UnitSpawner(HasTraits):
    """Starts servers without images, as SystemdSpawner does."""

    mem_limit = Unicode()
    environment = Dict()


class ContainerSpawner(UnitSpawner):
    """Starts them from images."""

    image = Unicode()
    profile_list = List()


async def test_where_there_are_no_images_none_is_offered() -> None:
    """What is listed without one stays, with a default; an option of images alone is not there."""
    offered = (await profiles_of(UnitSpawner(), PROFILES))[0]["profile_options"]
    assert sorted(offered) == ["image", "size"]
    assert list(offered["image"]["choices"]) == ["plain"] and offered["image"]["choices"]["plain"]["default"]
    assert not offered["image"]["unlisted_choice"]["enabled"]
    assert not offered["image"]["dynamic_image_building"]["enabled"]


async def test_an_admin_is_told_what_is_missing() -> None:
    """By option and choice; where everything can be used, nothing is."""
    sentences = missing(UnitSpawner(), normalise(PROFILES))
    assert "“Environment”, choice “scipy”, is not offered: UnitSpawner has no 'image'." in sentences
    assert "“Environment”, typed or built, is not offered: UnitSpawner has no 'image'." in sentences
    assert missing(ContainerSpawner(), normalise(PROFILES)) == []


async def test_nothing_is_lost_where_there_are_images() -> None:
    """The profiles as they were written."""
    assert await profiles_of(ContainerSpawner(), PROFILES) == normalise(PROFILES)


async def test_an_image_that_cannot_be_started_is_refused() -> None:
    """Rather than a server that has nothing of what was chosen."""
    spawner = UnitSpawner()
    with pytest.raises(Unsupported, match="not start servers from images"):
        await apply(spawner, choose({"profile": "q"}, await profiles_of(spawner, PROFILES)))
    await apply(spawner, choose({"profile": "p"}, await profiles_of(spawner, PROFILES)))
    assert spawner.mem_limit == "9G"


def test_the_hub_says_what_servers_run_in() -> None:
    """Unless they run on the build service's machine, which says it itself."""
    users = Users(SandboxSpawner)
    assert engine_of(users.spawner()) is None
    users.close()
    told = engine_of(ContainerSpawner())
    assert told is not None and told["typed_images"]["works"] and told["limits"]["memory"] and told["isolation"]


class Service:
    """A build service that knows one image, by its digest alone."""

    async def ask(self, image: str, user: str, groups: Sequence[str] = ()) -> ImageAnswer:
        """Whatever way it is written."""
        ours = image.startswith("registry.lan/work")
        return ImageAnswer(known=ours, visible=ours, image=DIGEST if ours else image)


@pytest.mark.parametrize("typed", ["registry.lan/work:v1", DIGEST, DIGEST.replace("@", ":v1@")])
async def test_a_built_image_starts_by_its_digest(typed: str) -> None:
    """However it was asked for; what was typed stays in the options."""
    chosen = choose({"profile": "p", "image--unlisted-choice": typed}, normalise(ONE_OPTION))
    checked = await check_images(chosen, "ada", Service())
    spawner = ContainerSpawner()
    await apply(spawner, checked)
    assert spawner.image == DIGEST and checked.picked[0].unlisted == typed


async def test_what_stays_on_the_builders_machine_is_not_started_elsewhere() -> None:
    """The sentence says whose turn it is."""
    chosen = choose({"profile": "p", "image--unlisted-choice": LOCAL}, normalise(PROFILES))
    with pytest.raises(Unsupported, match="build service's machine") as caught:
        await check_images(chosen, "ada", Service(), local=False)
    assert "push" in caught.value.hint


@pytest.mark.parametrize(("command", "then"), [(None, ["jupyterhub-singleuser"]), (["theirs"], ["theirs"])])
async def test_a_built_image_starts_a_hubs_server(command: list[str] | None, then: list[str]) -> None:
    """By itself it starts JupyterLab; an admin's own command stays."""

    class Docker(ContainerSpawner):
        cmd = List(allow_none=True)

    chosen = choose({"profile": "p", "image--unlisted-choice": DIGEST}, normalise(ONE_OPTION))
    assert [picked.built for picked in (await check_images(chosen, "ada", Service())).picked] == [True]
    spawner = Docker(cmd=command)
    serve_the_hub(spawner)
    assert spawner.cmd == then

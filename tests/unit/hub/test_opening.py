"""Which spawners start built environments by way of an usher, and what of a profile list they are offered."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from traitlets import Unicode

from hub_users import Users
from hubkiln.errors import ServiceError, Unsupported
from hubkiln.hub.apply import apply, profiles_of
from hubkiln.hub.choices import choose
from hubkiln.hub.opening import OPENS, Opening, server_command, who
from hubkiln.hub.profiles import normalise
from hubkiln.hub.running import engine_of, missing, runs_local_images
from hubkiln.launches import TICKET

LOCAL = "hubkiln.local/work@sha256:" + "0" * 64
IMAGE = {
    "display_name": "Environment",
    "choices": {
        "kept": {"kubespawner_override": {"image": LOCAL}},
        "scipy": {"default": True, "kubespawner_override": {"image": "scipy:1"}},
    },
    "unlisted_choice": {"enabled": True},
    "dynamic_image_building": {"enabled": True},
}
PROFILES = [{"slug": "p", "display_name": "P", "profile_options": {"image": IMAGE}}]
HERE = Opening(Path("/data"))


class OwnImages(SimpleLocalProcessSpawner):  # type: ignore[misc]
    """A spawner that starts processes and knows images by itself."""

    image = Unicode()


@pytest.fixture
def spawner() -> Iterator[Any]:
    """One that starts processes."""
    users = Users(
        SimpleLocalProcessSpawner, {"SimpleLocalProcessSpawner": {"home_dir_template": "/nowhere/{username}"}}
    )
    yield users.spawner()
    users.close()


async def test_what_is_built_here_is_offered_and_what_needs_a_registry_is_not(spawner: Any) -> None:
    """An admin is told; what servers run in is what the build service says of its machine."""
    HERE.prepare(spawner)
    option = (await profiles_of(spawner, PROFILES))[0]["profile_options"]["image"]
    assert list(option["choices"]) == ["kept"] and option["choices"]["kept"]["default"]
    assert option["dynamic_image_building"]["enabled"] and not option["unlisted_choice"]["enabled"]
    assert runs_local_images(spawner) and engine_of(spawner) is None
    said = missing(spawner, normalise(PROFILES))
    assert "“Environment”, typed, is not offered: SimpleLocalProcessSpawner starts what is built here" in said[-1]


async def test_an_image_of_a_registry_is_refused_whatever_way_it_comes(spawner: Any) -> None:
    """Nothing starts in silence instead."""
    HERE.prepare(spawner)
    profiles = normalise([{"slug": "q", "display_name": "Q", "kubespawner_override": {"image": "q:1"}}])
    with pytest.raises(Unsupported):
        await apply(spawner, choose({"profile": "q"}, profiles))


@pytest.mark.parametrize(
    ("opening", "why"), [(Opening(), "elsewhere"), (Opening(Path("/data"), pushes=True), "go to a registry")]
)
async def test_where_it_cannot_be_opened_it_is_barred(spawner: Any, opening: Opening, why: str) -> None:
    """With a sentence; nothing of images is offered."""
    opening.prepare(spawner)
    assert why in opening.barred(spawner) and not getattr(spawner, OPENS)
    option = (await profiles_of(spawner, PROFILES))[0]["profile_options"]
    assert "image" not in option or not option["image"]["dynamic_image_building"]["enabled"]


def test_spawners_with_images_of_their_own_are_left_alone() -> None:
    """They know better."""
    users = Users(OwnImages)
    HERE.prepare(found := users.spawner())
    assert not getattr(found, OPENS) and HERE.barred(found) == ""
    users.close()


def test_the_services_data_folder_is_found_where_the_hub_starts_it() -> None:
    """By its command, by its variables; one that runs elsewhere has none here."""
    told = {"command": ["hubkiln", "serve", "--data-dir", "/a"], "environment": {"HUBKILN_DATA_DIR": "/b"}}
    assert Opening.beside(told).data == Path("/a")
    assert Opening.beside(told | {"command": ["hubkiln", "serve"]}).data == Path("/b")
    assert Opening.beside({"url": "http://builds:8585"}).data is None
    assert Opening.beside({"command": ["hubkiln", "serve"], "environment": {"HUBKILN_PUSH": "r/x"}}).pushes


async def test_the_usual_server_starts_as_before(spawner: Any, tmp_path: Path) -> None:
    """The command and the variables are the admin's own again when the next start names no environment."""
    here = Opening(tmp_path)
    here.prepare(spawner)
    before = (list(spawner.cmd), dict(spawner.environment))
    await here.open(spawner)
    assert (spawner.cmd, spawner.environment) == before
    spawner.image = LOCAL
    await here.open(spawner)
    assert spawner.cmd != before[0] and list(spawner.environment) == [TICKET]
    client = await asyncio.to_thread(
        subprocess.run, spawner.cmd, env=spawner.environment, capture_output=True, check=False
    )
    assert (client.returncode, b"The home" in client.stderr) == (3, True), client  # it has none
    await asyncio.gather(*here.ushers)
    here.prepare(spawner)
    assert (spawner.cmd, spawner.environment) == before


def test_a_user_whom_the_machine_does_not_know_is_refused(spawner: Any) -> None:
    """Before anything is started; a spawner that starts all as the hub's own user needs none."""
    users = Users(LocalProcessSpawner)
    with pytest.raises(ServiceError, match="no user 'no-such-user'"):
        who(users.spawner("no-such-user"))
    users.close()
    assert who(spawner)[0] == os.geteuid()


def test_a_program_of_the_machines_is_not_looked_for_inside() -> None:
    """What an admin names by a path of the machine is the environment's own server there."""
    assert server_command(["/opt/bin/jupyterhub-singleuser", "--debug"]) == ["jupyterhub-singleuser", "--debug"]
    assert server_command(["jupyter-labhub"]) == ["jupyter-labhub"] and server_command([]) == ["jupyterhub-singleuser"]

"""Where what a step changed is seen: by the next step, by a command, by a user with a home of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.room import CERTIFICATES, index_variables, step_room
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.conventions import GIVEN_HOME, HOME
from hubkiln.data_dir import DataDir
from hubkiln.egress.allowed import NOTHING
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import has_home, room_for
from hubkiln.sandbox.interface import Network, Overlay, Room
from hubkiln.values import PREFIX, REPO_DIR


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """An empty data folder."""
    return DataDir(tmp_path / "data").make()


LAYER = StepLayer(
    key="k",
    title="postBuild",
    places=((f"/{PREFIX}", "k/environment"), (f"/{REPO_DIR}", "k/content"), (HOME, "k/home")),
)
IMAGE = LocalImage(name="demo", environment="e", content="c")


def overlay(room: Room, target: str) -> Overlay:
    """The overlay at `target`."""
    (found,) = [one for one in room.overlays if one.target == target]
    return found


def test_a_step_sees_those_below_it_and_writes_to_folders_of_its_own(data: DataDir, tmp_path: Path) -> None:
    """Everywhere that is kept, over what is there already."""
    room = step_room(data, IMAGE, (LAYER,), tmp_path / "work", StepSettings(), name="step")
    for target, folder, name in zip(
        (f"/{PREFIX}", f"/{REPO_DIR}", HOME), ("environment", "content", "home"), ("e", "c", None), strict=True
    ):
        found = overlay(room, target)
        assert found.upper == tmp_path / "work" / folder
        assert found.lowers[-1] == data.steps / "k" / folder
        assert name is None or found.lowers[0].name == name
    assert [mount for mount in room.mounts if mount.writable] == []


def test_a_step_has_the_limits_of_the_settings(data: DataDir, tmp_path: Path) -> None:
    """All four, and the network."""
    settings = StepSettings(seconds=1, memory_bytes=2, disk_bytes=3, processes=4, reach=NOTHING)
    room = step_room(data, IMAGE, (), tmp_path, settings, name="step")
    limits = room.limits
    assert (limits.seconds, limits.memory_bytes, limits.disk_bytes, limits.processes) == (1, 2, 3, 4)
    assert room.network is Network.NONE


def test_the_admins_certificates_are_one_file_that_leaves_no_trace(
    data: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Below /run, which is never kept; without any, an image's own are used."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert "PIP_CERT" not in step_room(data, IMAGE, (), tmp_path, StepSettings(), name="step").env
    (tmp_path / "bundle.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    room = step_room(data, IMAGE, (), tmp_path, StepSettings(), name="step")
    assert room.env["PIP_CERT"] == room.env["GIT_SSL_CAINFO"] == CERTIFICATES
    assert [mount.source for mount in room.mounts if mount.target == CERTIFICATES] == [tmp_path / "bundle.pem"]


def test_the_index_is_shown_without_its_password() -> None:
    """To pip and to uv, whatever files they find."""
    found = index_variables("https://user:secret@host/simple")
    assert found["PIP_INDEX_URL"] == found["UV_DEFAULT_INDEX"] == "https://host/simple"


def test_a_home_of_the_users_own_is_not_covered(data: DataDir, tmp_path: Path) -> None:
    """What a step put into the home lies beside it, to be copied; without an own home it is simply there."""
    image = LocalImage(name="demo", environment="e", steps=LAYER.places)
    assert has_home(data.rooms, image, 1000)
    own = room_for(data.rooms, image, home=tmp_path / "own", work=tmp_path / "work")
    assert {mount.target: mount.source for mount in own.mounts} == {
        HOME: tmp_path / "own",
        GIVEN_HOME: data.steps / "k/home",
    }
    none = room_for(data.rooms, image, home=None, work=tmp_path / "work")
    assert overlay(none, HOME).lowers == (data.steps / "k/home",)
    assert not has_home(data.rooms, IMAGE, 1000)


def test_a_home_of_the_image_lies_below_the_steps(data: DataDir, tmp_path: Path) -> None:
    """What a base image has there is seen by postBuild."""
    (data.images / "layers/base/home/jovyan").mkdir(parents=True)
    image = LocalImage(name="demo", environment="e", rootfs=("base",))
    room = step_room(data, image, (LAYER,), tmp_path / "work", StepSettings(), name="step")
    assert overlay(room, HOME).lowers == (data.images / "layers/base/home/jovyan", data.steps / "k/home")

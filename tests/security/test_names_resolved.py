"""Every name that an image or a recipe chooses is resolved before it is compared, and never on this machine's root."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.conventions import HOME
from hubkiln.data_dir import DataDir
from hubkiln.images.names import parse_name
from hubkiln.local_images.config import image_of_config
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import home_of, places_of, room_for
from hubkiln.recipes import read
from hubkiln.values import REPO_DIR

NAME = parse_name("quay.io/mallory/image@sha256:" + "0" * 64)


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data folder with one unpacked layer, ``root``."""
    (tmp_path / "data/images/layers/root/etc").mkdir(parents=True)
    return DataDir(tmp_path / "data")


@pytest.mark.parametrize(
    "home",
    [
        *("//", "///", "//srv", "//srv/", "/srv/.", "//run/hubkiln", "/x/../srv", "/x/../run/hubkiln", "//etc"),
        *("/data", "/data/", "//data", "/data/hubkiln", "/hop", "/loop", "/home/a:b", "/home/a\nroot::0:0::/:/bin/sh"),
    ],
)
def test_no_spelling_and_no_link_makes_a_home_of_a_system_folder(data: DataDir, home: str) -> None:
    """An image's HOME is where its links lead, without dots and doubled slashes; else the usual home is taken."""
    layer = data.images / "layers/root"
    (layer / "data").symlink_to("/run")
    (layer / "hop").symlink_to("data/../srv")
    (layer / "loop").symlink_to("/loop")
    image = image_of_config(NAME, {"config": {"Env": [f"HOME={home}"]}}, ("root",), places_of(data.rooms, ["root"]))
    assert home_of(image) == HOME


@pytest.mark.parametrize("home", ["/run/hubkiln", "//srv", "/data", "/"])
def test_the_home_of_a_composed_image_is_always_the_same(data: DataDir, tmp_path: Path, home: str) -> None:
    """Variables of its recipe do not move it, over this machine's system or over a base image."""
    for rootfs in ((), ("root",)):
        image = LocalImage(name="x", environment="e", rootfs=rootfs, env=(("HOME", home),))
        room = room_for(data.rooms, image, home=tmp_path / "home", work=tmp_path / "work")
        assert (room.home, room.env["HOME"], room.mounts[-1].target) == (HOME, HOME, HOME)


@pytest.mark.parametrize(
    "name", ["HOME", "USER", "LOGNAME", "NB_USER", "NB_UID", "JUPYTERHUB_API_URL", "JUPYTERHUB_X", "HUBKILN_BWRAP"]
)
def test_a_recipe_does_not_say_who_a_server_is(tmp_path: Path, name: str) -> None:
    """Such variables are left out, and the log says so; others stay."""
    (tmp_path / "environment.yml").write_text(f"variables: {{{name}: /run/hubkiln, OTHER: x, MY_HOME: y}}\n")
    recipe = read(tmp_path)
    assert recipe.env == (("MY_HOME", "y"), ("OTHER", "x"))
    assert any(f"`{name}` is ignored" in warning for warning in recipe.warnings)


@pytest.mark.parametrize("link", ["srv", "srv/repo", "home", "home/jovyan"])
def test_a_layers_links_lead_nowhere_on_this_machine(data: DataDir, tmp_path: Path, link: str) -> None:
    """What an image has at the home, or where content is seen, is looked for in its layers and not behind a link."""
    outside = tmp_path / "outside"
    for place in ("repo", "jovyan", "home/jovyan"):
        (outside / place).mkdir(parents=True)
    path = data.images / "layers/root" / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(outside)
    image = LocalImage(name="x", rootfs=("root",), content="c", steps=((HOME, "k/home"),))
    room = room_for(data.rooms, image, home=None, work=tmp_path / "work")
    shown = {overlay.target: overlay.lowers for overlay in room.overlays}
    assert shown[f"/{REPO_DIR}"] == (data.content / "c",)
    assert shown[HOME] == (data.steps / "k/home",)

"""Paths inside a room, resolved as the room would."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.errors import ServiceError
from hubkiln.sandbox.image_root import accounts
from hubkiln.sandbox.interface import Overlay
from hubkiln.sandbox.places import Places


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A lower folder."""
    made = tmp_path / "base"
    (made / "usr/lib").mkdir(parents=True)
    return made


def over(*lowers: Path) -> Places:
    """Places with one root file system."""
    places = Places()
    places.stack(Overlay(target="/", lowers=lowers))
    return places


def test_a_plain_path_stays(base: Path) -> None:
    """There or not."""
    assert over(base).resolve("/usr//lib/./x/y") == "/usr/lib/x/y"


@pytest.mark.parametrize("target", ["usr/lib", "/usr/lib", "../../usr/lib", "./usr/../usr/lib"])
def test_links_are_followed_inside(base: Path, target: str) -> None:
    """Relative and absolute ones, and none leads above the root."""
    (base / "lib").symlink_to(target)
    assert over(base).resolve("/lib/x") == "/usr/lib/x"


def test_the_topmost_layer_counts(base: Path, tmp_path: Path) -> None:
    """A link that a later layer replaced by a folder is none any more."""
    (base / "lib").symlink_to("/usr/lib")
    (tmp_path / "top/lib").mkdir(parents=True)
    assert over(base, tmp_path / "top").resolve("/lib/x") == "/lib/x"


def test_what_is_mounted_later_counts(base: Path, tmp_path: Path) -> None:
    """A home's link counts where the home is mounted; a new empty folder hides what the image had."""
    (base / "tmp").mkdir()
    (base / "tmp/x").symlink_to("/usr")
    home = tmp_path / "home"
    home.mkdir()
    (home / "repo").symlink_to("/usr/lib")
    places = over(base)
    assert places.resolve("/tmp/x") == "/usr"
    places.put("/tmp")
    places.put("/home/jovyan", home)
    assert places.resolve("/tmp/x") == "/tmp/x"
    assert places.put("/home/jovyan/repo", tmp_path) == "/usr/lib"


def test_links_without_end_are_refused(base: Path) -> None:
    """In words."""
    (base / "a").symlink_to("b")
    (base / "b").symlink_to("a")
    with pytest.raises(ServiceError, match="without end"):
        over(base).resolve("/a")


def test_an_images_accounts_are_kept_but_for_ours(base: Path, tmp_path: Path) -> None:
    """Whoever had our number or name is replaced; a passwd that is a link to the host's is not read."""
    (base / "etc").mkdir()
    (base / "etc/passwd").write_text(
        "root:x:0:0::/:/bin/sh\nold:x:1000:100::/:/bin/sh\njovyan:x:7:7::/:/bin/sh\nbroken\n"
    )
    (tmp_path / "secret").write_text("host:x:1:1:::\n")
    (base / "etc/group").symlink_to(tmp_path / "secret")
    passwd, group = accounts(over(base), "jovyan", "/home/jovyan", 1000, 1000)
    assert passwd.decode().splitlines() == ["root:x:0:0::/:/bin/sh", "jovyan:x:1000:1000::/home/jovyan:/bin/sh"]
    assert group == b"jovyan:x:1000:\n"

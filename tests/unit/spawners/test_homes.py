"""Names of users and servers become folders that never meet."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import ServiceError
from hubkiln.sandbox.identity import Identity
from hubkiln.spawners.homes import Places, safe_name

NAMES = ["ada", "Ada", "a-da", "a/da", "../ada", "ada ", "ädä", ".", "..", "", "a" * 300, "a" * 301, "a--b", "a-2db"]


def test_no_two_names_share_a_folder() -> None:
    """Escaping keeps names apart, also long ones."""
    assert len({safe_name(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_one_plain_folder_name(name: str) -> None:
    """Nothing but lower-case letters, digits and hyphens, and not too long for a file system."""
    safe = safe_name(name)
    assert set(safe) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") and len(safe) < 200


def test_servers_of_a_user_share_the_home_only(tmp_path: Path) -> None:
    """A named server has its own room and log, and the user's one home; another user with a similar name does not."""
    one = Places(data=DataDir(tmp_path), user="a", server="b")
    two = Places(data=DataDir(tmp_path), user="a")
    other = Places(data=DataDir(tmp_path), user="a--b")
    assert one.home == two.home != other.home
    assert len({one.room, two.room, other.room}) == len({one.log, two.log, other.log}) == 3


def test_folders_are_private_and_the_log_starts_empty(tmp_path: Path) -> None:
    """Nobody else of the machine can look into a home, a room or a log."""
    places = Places(data=DataDir(tmp_path), user="ada")
    places.make(Identity(uid=1, gid=1))
    places.log.write_text("old")
    places.make(Identity(uid=1, gid=1))
    assert places.log.read_text() == "" and places.log.stat().st_mode & 0o777 == 0o600
    assert places.home.stat().st_mode & 0o777 == places.room.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_the_machines_own_server_wrote_meanwhile_becomes_the_users(tmp_path: Path) -> None:
    """Of a hub that is root, SimpleLocalProcessSpawner's usual server is root too, and has the same home."""
    home = tmp_path / "home"
    home.mkdir()
    places = Places(data=DataDir(tmp_path / "data"), user="ada", own_home=home)
    user, root = (Identity(uid=uid, gid=uid, shift=70_000) for uid in (64100, 0))
    for name in ("first", "second"):  # each by the usual server, before a built environment is opened
        (home / name).write_text("x")
        places.make(user, root, between=True)
    assert {path.stat().st_uid for path in (home, *home.iterdir())} == {64100}
    (home / "third").write_text("x")
    places.make(user, root)
    assert (home / "third").stat().st_uid == 0


def test_without_walls_sockets_have_room_for_their_names(tmp_path: Path) -> None:
    """In a deep data folder they lie elsewhere, in a folder that is ours alone and goes with the server."""
    deep = DataDir(tmp_path / ("deep" * 20))
    places = Places(data=deep, user="ada", walls=False)
    places.make(Identity(uid=1, gid=1))
    assert len(f"{places.private}/kernel-{uuid4()}-ipc-5") <= 107
    assert places.private.stat().st_mode & 0o777 == 0o700 and places.private.is_dir()
    places.clear()
    assert not places.private.exists() and not places.room.exists()
    assert Places(data=deep, user="ada").private.is_relative_to(deep.root)


def test_a_folder_for_sockets_that_somebody_else_made_is_not_used(tmp_path: Path) -> None:
    """Its name can be guessed, so a link in its place is refused."""
    places = Places(data=DataDir(tmp_path / ("deep" * 20)), user="eve", walls=False)
    (tmp_path / "theirs").mkdir()
    places.private.symlink_to(tmp_path / "theirs")
    try:
        with pytest.raises(ServiceError, match="somebody else's"):
            places.make(Identity(uid=1, gid=1))
    finally:
        places.private.unlink()

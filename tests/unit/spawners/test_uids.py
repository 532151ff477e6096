"""Who gets which uid: each their own, for good."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hubkiln.errors import BadSpec, ServiceError
from hubkiln.sandbox import host_settings
from hubkiln.sandbox.identity import SHIFT, WIDTH
from hubkiln.sandbox.settings import USER_UIDS
from hubkiln.spawners.uids import Uids, take_over

NAMES = ["ada", "Ada", "a/b", "../x", "a\nb", "a b", "ä", "\u202e", "😀", "", "x" * 5000, "1900065536", '"', "\\n"]


@pytest.fixture
def uids(tmp_path: Path) -> Uids:
    """Nobody has one yet."""
    return Uids(tmp_path / "uids")


def test_every_name_has_one_uid_of_its_own(uids: Uids) -> None:
    """Whatever letters JupyterHub allows in it; asked again it is the same, for a hub started again too."""
    given = {name: uids.get(name) for name in NAMES}
    assert len(set(given.values())) == len(NAMES)
    assert {name: Uids(uids.file).get(name) for name in reversed(NAMES)} == given


def test_uids_lie_where_no_images_owner_does(uids: Uids) -> None:
    """A user never is the root, or anybody else, of an image."""
    assert uids.get("ada") == USER_UIDS[0] >= SHIFT + WIDTH


def test_two_hundred_users_who_come_at_once_share_nothing(uids: Uids) -> None:
    """A class that begins; each also asks twice."""
    with ThreadPoolExecutor(16) as pool:
        given = list(pool.map(uids.get, [f"student{n % 200}" for n in range(400)]))
    assert given[:200] == given[200:] and len(set(given)) == 200


def test_a_removed_users_uid_is_not_given_again(uids: Uids) -> None:
    """The record knows nothing of removal: files that somebody left behind stay nobody else's."""
    first, second = uids.get("gone"), uids.get("next")
    assert (first, second) == (USER_UIDS[0], USER_UIDS[0] + 1) and uids.get("gone") == first


@pytest.mark.parametrize("left", [b'"hal', b'"half"', b"\xff\x00"])
def test_a_line_that_a_crash_cut_is_as_if_it_had_never_been(uids: Uids, left: bytes) -> None:
    """Its uid had not been used yet; who comes next has it, and nobody's changes."""
    ada = uids.get("ada")
    with uids.file.open("ab") as file:
        file.write(left)
    assert (uids.get("bob"), uids.get("ada"), uids.get("half")) == (ada + 1, ada, ada + 2)
    assert [json.loads(line) for line in uids.file.read_text().splitlines()] == ["ada", "bob", "half"]


def test_when_all_are_given_away_it_is_said(tmp_path: Path) -> None:
    """Those who have one keep it; the sentence names the setting."""
    uids = Uids(tmp_path / "uids", 5000, 5001)
    assert [uids.get("a"), uids.get("b"), uids.get("a")] == [5000, 5001, 5000]
    with pytest.raises(ServiceError, match=r"All 2 uids .*HUBKILN_USER_UIDS"):
        uids.get("c")
    assert Uids(tmp_path / "uids", 5000, 5002).get("c") == 5002


@pytest.mark.parametrize(
    "text", ["x", "5000", "5000-", "0-10", "999-2000", "6000-5000", "1000-4294967295", f"2000-{SHIFT}"]
)
def test_a_range_that_cannot_be_is_refused(tmp_path: Path, text: str) -> None:
    """Neither the system's users, nor the owners of images."""
    with pytest.raises(BadSpec, match="HUBKILN_USER_UIDS"):
        host_settings({"HUBKILN_USER_UIDS": text})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_an_earlier_home_is_taken_over_and_nothing_else(tmp_path: Path) -> None:
    """Files of the uid that all shared become the user's; others' stay; no link leads out; the home itself is last."""
    home, outside = tmp_path / "home", tmp_path / "outside"
    (home / "deep/er").mkdir(parents=True)
    for path in (outside, home / "deep/er/file", home / "roots"):
        path.write_text("x")
    (home / "link").symlink_to(outside)
    for path in (home, home / "deep", home / "deep/er", home / "deep/er/file", home / "link", outside):
        os.lchown(path, 64100, 64100)
    take_over(home, 64100, 5000)
    assert {path.lstat().st_uid for path in (home, home / "deep", home / "deep/er/file", home / "link")} == {5000}
    assert outside.stat().st_uid == 64100 and (home / "roots").stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_take_over_that_was_stopped_goes_on(tmp_path: Path) -> None:
    """The home counts as the user's only when everything in it is."""
    home = tmp_path / "home"
    home.mkdir()
    for name in "abc":
        (home / name).write_text("x")
        os.chown(home / name, 64100, 64100)
    os.chown(home, 64100, 64100)
    os.chown(home / "a", 5000, 5000)  # as far as it came
    take_over(home, 64100, 5000)
    assert {path.stat().st_uid for path in (home, *home.iterdir())} == {5000}

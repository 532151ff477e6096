"""Which address a user's token is for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hubkiln.repositories import RepositorySettings
from hubkiln.repositories.owners import HostTokens, host_tokens
from hubkiln.repositories.tokens import read_place

HUB, LAB, OWN = "https://github.com", "https://gitlab.com", "https://git.example.org"


def tokens(own: Mapping[str, str], everybody: Mapping[str, str] | None = None) -> HostTokens:
    return host_tokens(RepositorySettings(own_tokens=dict(own), tokens=dict(everybody or {})))


EVERY = {"github.com": "a", "gitlab.com": "b", "git.example.org": "c"}


@pytest.mark.parametrize(
    ("named", "brought"),
    [
        (f"{HUB}/org/one", f"{HUB}/org/two.git"),
        (f"{HUB}/org/one", f"{HUB}/Org/two"),
        (f"{LAB}/group/sub/one.git", f"{LAB}/group/another/two.git"),
        (f"{OWN}/group/one.git", f"{OWN}/group/sub/two.git"),
        (f"{OWN}/one.git", f"{OWN}/two.git"),
        (f"{OWN}/one", f"{OWN}/one.git/info/lfs"),
        (f"{OWN}/my%20group/one", f"{OWN}/my%20group/two"),
    ],
)
def test_what_belongs_to_the_same_owner_is_opened(named: str, brought: str) -> None:
    """The first part of a path is the owner at a forge, in any case; elsewhere it is the folder."""
    assert tokens(EVERY).token(brought, named) is not None


@pytest.mark.parametrize(
    ("named", "brought"),
    [
        (f"{HUB}/org/one", f"{HUB}/org2/two"),
        (f"{HUB}/org/one", f"{HUB}/organisation/two"),
        (f"{HUB}/org/one", f"{HUB}/org"),
        (f"{HUB}/org/one", f"{HUB}/org/../other/two"),
        (f"{HUB}/org/one", f"{HUB}/org/..%2Fother%2Ftwo"),
        (f"{HUB}/org/one", f"{HUB}/org/%2E%2E/other/two"),
        (f"{HUB}/org/one", f"{HUB}/org/..;/other/two"),
        (f"{HUB}/org/one", f"{HUB}:8443/org/two"),
        (f"{HUB}/org/one", f"{LAB}/org/two"),
        (f"{HUB}/org/one", "http://github.com/org/two"),
        (f"{OWN}/git/ada/one", f"{OWN}/git/grace/two"),
        (f"{OWN}/one.git", f"{OWN}/grace/two.git"),
        (f"{OWN}/Ada/one", f"{OWN}/ada/two"),
        (f"{OWN}/ada/one", f"{OWN}/ada/one.github/../../grace/x"),
    ],
)
def test_what_may_be_somebody_elses_is_not(named: str, brought: str) -> None:
    """Another owner, port, scheme or host; nor what one server may read otherwise than another."""
    assert tokens(EVERY).token(brought, named) is None


def test_what_was_asked_for_is_opened_wherever_it_is() -> None:
    """A user names it; only what it brings is narrowed."""
    assert tokens(EVERY).token(f"{HUB}/org/one") == tokens(EVERY).token(f"{HUB}/other/two") == "a"


def test_a_token_for_an_owner_goes_before_that_for_the_host() -> None:
    """The longest place that fits counts, and it is for submodules of any repository."""
    there = tokens(EVERY | {"github.com/org": "o", "github.com/org/one": "r"})
    named = f"{HUB}/else/where"
    paths = ("ORG/two", "org/one.git", "org/one.git/info/lfs", "organ/x")
    assert [there.token(f"{HUB}/{path}", named) for path in paths] == ["o", "r", "r", None]
    assert there.withheld(f"{HUB}/Org/two", named) == ""
    assert there.withheld(f"{HUB}/Third/two", named) == "github.com/third"


def test_an_admins_token_is_for_all_of_its_host() -> None:
    """Whoever may build can read everything with it anyway."""
    assert tokens({}, EVERY).token(f"{HUB}/other/two", f"{HUB}/org/one") == "a"


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("github.com/Org", "github.com/Org"),
        ("https://GitHub.com/org/one.git", "github.com/org/one"),
        ("http:/127.0.0.1:3000/a/", "http://127.0.0.1:3000/a"),
        ("github.com/../x", ""),
        ("github.com/a%2Fb", ""),
        ("github.com/a?b", ""),
        ("github.com//a", ""),
        ("github.com/" + "a/" * 21, ""),
    ],
)
def test_a_place_is_a_host_and_perhaps_the_beginning_of_a_path(written: str, place: str) -> None:
    """Anything else is no place."""
    assert read_place(written) == place

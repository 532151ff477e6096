"""Which of a user's login is a token for which host."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hubkiln.errors import BadSpec
from hubkiln.repositories import (
    LoginHost,
    RepositorySettings,
    check_login_hosts,
    check_sources,
    first_of,
    tokens_in,
)

OWN = RepositorySettings(
    gitlab="https://gitlab.lab.example", sources=check_sources([("forge", "gitea", "https://git.example.org")])
)
BOTH = check_login_hosts(["GitHub.com", "gitlab.lab.example"], OWN)


@pytest.mark.parametrize(
    ("state", "found"),
    [
        ({"access_token": "t", "github_user": {"login": "ada"}}, {"github.com": "t"}),
        ({"access_token": "t", "gitlab_user": {"username": "ada"}}, {"gitlab.lab.example": "t"}),
        ({"access_token": "t", "oauth_user": {"name": "ada"}}, {}),
        ({"access_token": "t"}, {}),
        ({"access_token": "a\nb", "github_user": {"login": "ada"}}, {}),
        ({"access_token": ["t"], "github_user": {"login": "ada"}}, {}),
        ({"github_user": {"login": "ada"}}, {}),
        (None, {}),
        ("t", {}),
    ],
)
def test_a_login_at_one_host_is_no_token_for_another(state: object, found: dict[str, str]) -> None:
    """Where users log in at several hosts, each host is told its own tokens alone."""
    assert tokens_in(state, BOTH) == found


def test_an_admin_says_where_another_hosts_token_stands() -> None:
    """Also within something, for authenticators of their own."""
    hosts = check_login_hosts(["git.example.org=access_token", "other.example=forges.other.token"], OWN)
    state = {"access_token": "t", "forges": {"other": {"token": "u"}}}
    assert tokens_in(state, hosts) == {"git.example.org": "t", "other.example": "u"}


@pytest.mark.parametrize("word", ["git.example.org", "https://github.com/org", "github.com=", "x.example=a..b", "=t"])
def test_what_cannot_be_meant_is_refused(word: str) -> None:
    """At the start, with the word in question; a host of a kind that has no login known says how it is written."""
    with pytest.raises(BadSpec, match="login_hosts"):
        check_login_hosts([word], OWN)


async def test_the_earlier_way_wins() -> None:
    """And the later one is used for other hosts."""

    async def stored(user: str) -> Mapping[str, str]:
        return {"a": f"stored by {user}"}

    async def login(user: str) -> Mapping[str, str]:
        return {"a": "login", "b": "login"}

    assert await first_of(stored, login)("ada") == {"a": "stored by ada", "b": "login"}


def test_the_token_stands_where_oauthenticator_puts_it() -> None:
    """For a host of a kind that is known."""
    assert BOTH[0] == LoginHost("github.com", ("access_token",), "github_user")

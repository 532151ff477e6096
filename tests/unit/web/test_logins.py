"""Asking the hub for users' logins."""

from __future__ import annotations

import pytest

from hubkiln.errors import Refused, Unreachable
from hubkiln.repositories import LoginHost
from hubkiln.testing.hub import FakeHub
from hubkiln.web import HubLogins

HOSTS = (LoginHost("github.com"),)
STATE: dict[str, object] = {"access_token": "t0ken"}


def hub(scopes: list[str], **more: bool) -> FakeHub:
    return FakeHub({"own": {"name": "binder", "scopes": scopes}}, {"ada": dict(STATE)}, **more)


async def test_an_answer_is_used_for_a_minute() -> None:
    """A build asks several times; a login that is renewed counts a minute later."""
    now = 0.0
    async with hub(["admin:auth_state"]) as running:
        logins = HubLogins(running.api_url, "own", HOSTS, clock=lambda: now)
        assert [await logins.tokens("ada") for _ in range(2)] == [{"github.com": "t0ken"}] * 2
        assert running.asked == 1
        running.states["ada"] = {"access_token": "new"}
        now = 61
        assert await logins.tokens("ada") == {"github.com": "new"}


@pytest.mark.parametrize("owner", ["service/webhooks", "visitor/x", "", "nobody-here", ".", ".."])
async def test_only_users_have_logins(owner: str) -> None:
    """A service of a user's name is not that user."""
    async with hub(["admin:auth_state"]) as running:
        assert await HubLogins(running.api_url, "own", HOSTS).tokens(owner) == {}


async def test_without_the_scope_nothing_is_opened_and_health_says_so() -> None:
    """Builds go on with what everybody may read."""
    async with hub(["read:users:name"]) as running:
        logins = HubLogins(running.api_url, "own", HOSTS)
        assert await logins.tokens("ada") == {}
        with pytest.raises(Refused, match="admin:auth_state"):
            await logins.check()
    async with hub(["admin:auth_state"]) as running:
        await HubLogins(running.api_url, "own", HOSTS).check()


async def test_a_hub_that_does_not_answer_is_no_user_without_a_login() -> None:
    """Who may read cannot be told then, so it is said."""
    async with hub([], broken=True) as running:
        with pytest.raises(Unreachable):
            await HubLogins(running.api_url, "own", HOSTS).tokens("ada")


async def test_without_hosts_nobody_is_asked() -> None:
    """The hub's logins are none of our business then."""
    async with hub(["admin:auth_state"]) as running:
        assert await HubLogins(running.api_url, "own", ()).tokens("ada") == {}
        assert running.asked == 0

"""Promises of recognising callers, against a Hub that answers over HTTP."""

from __future__ import annotations

import pytest

from hubkiln.errors import Refused, Unreachable
from hubkiln.testing.hub import SCOPE, FakeHub
from hubkiln.web.auth import Caller, HubTokens, Kind, token_in

USERS: dict[str, dict[str, object]] = {
    "good": {"name": "ada", "kind": "user", "scopes": [SCOPE]},
    "wide": {"name": "grace", "kind": "user", "admin": True, "scopes": ["access:services", "self"]},
    "narrow": {"name": "eve", "kind": "user", "scopes": ["self"]},
    "other": {"name": "eve", "kind": "user", "scopes": ["access:services!service=other"]},
}


@pytest.mark.parametrize(
    ("token", "caller"),
    [
        ("good", Caller(name="ada")),
        ("wide", Caller(name="grace", admin=True)),
        ("own", Caller(name="binder", kind=Kind.SERVICE, admin=True, hub=True)),
        ("bad", None),
    ],
)
async def test_tokens_are_checked_with_the_hub(token: str, caller: Caller | None) -> None:
    """A token with the scope, or with a wider one, names its user; our own is the hub; another is nobody's."""
    async with FakeHub(USERS) as hub:
        auth = HubTokens(api_url=hub.api_url, api_token="own")
        assert await auth.caller(token) == caller


@pytest.mark.parametrize("token", ["narrow", "other"])
async def test_tokens_without_our_scope_are_refused(token: str) -> None:
    """A good token for something else is not for us."""
    async with FakeHub(USERS) as hub:
        with pytest.raises(Refused):
            await HubTokens(api_url=hub.api_url, api_token="own").caller(token)


async def test_the_hub_is_asked_once() -> None:
    """Its answer serves for a while."""
    async with FakeHub(USERS) as hub:
        auth = HubTokens(api_url=hub.api_url, api_token="own")
        for _ in range(3):
            await auth.caller("good")
        assert hub.asked == 1


async def test_a_broken_hub_is_our_trouble_not_the_users() -> None:
    """A Hub that fails, or is not there, is Unreachable."""
    async with FakeHub(USERS, broken=True) as hub:
        auth = HubTokens(api_url=hub.api_url, api_token="own")
        with pytest.raises(Unreachable):
            await auth.caller("good")
    with pytest.raises(Unreachable):
        await auth.caller("good")


async def test_whom_the_hub_knew_a_moment_ago_does_not_feel_that_it_is_away() -> None:
    """A proxy answers 502 for it: they are served for a while, others told to try again, and let in when it is back."""
    async with FakeHub(USERS) as hub:
        auth = HubTokens(api_url=hub.api_url, api_token="own")
        known = await auth.caller("good")
        hub.broken = 502
        assert await auth.caller("good") == known is not None
        with pytest.raises(Unreachable):
            await auth.caller("wide")
        hub.broken = False
        assert await auth.caller("wide") is not None


def test_tokens_in_headers() -> None:
    """Two words, any case, one token."""
    assert token_in("Bearer abc") == token_in("token abc") == token_in("TOKEN  abc ") == "abc"
    assert token_in(None) is token_in("abc") is token_in("Basic abc") is token_in("Bearer a b") is None

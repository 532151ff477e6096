"""Challenges are read, tokens are asked for once and kept, secrets go only where they are safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest

from hubkiln.errors import AccessDenied, Unreachable
from hubkiln.images.auth import Authorizer, Challenge, Want, parse_challenges
from hubkiln.images.credentials import Login
from hubkiln.images.names import parse_name
from hubkiln.testing.logins import FixedLogins

BEARER = 'Bearer realm="https://auth.reg.test/token",service="reg",scope="repository:org/x:pull"'
WANT = Want(name=parse_name("reg.test/org/x"))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="a, b"', [Challenge("basic", {"realm": "a, b"})]),
        ("Basic", [Challenge("basic")]),
        ('Bearer realm="r",scope="a:b:c,d"', [Challenge("bearer", {"realm": "r", "scope": "a:b:c,d"})]),
        ('bearer Realm=r, Basic realm="q"', [Challenge("bearer", {"realm": "r"}), Challenge("basic", {"realm": "q"})]),
        ('Basic realm="a \\"quoted\\" b"', [Challenge("basic", {"realm": 'a "quoted" b'})]),
        ("", []),
        ("=?", []),
    ],
)
def test_challenges_are_read(header: str, expected: list[Challenge]) -> None:
    """Quoted commas, several in one header, nonsense."""
    assert parse_challenges(header) == expected


class TokenService:
    """Gives out tokens t1, t2, …; remembers what it was asked."""

    def __init__(self, answer: bytes | None = None, status: int = 200) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes | None]] = []
        self._answer, self._status = answer, status

    async def __call__(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        self.asked.append((method, url, dict(headers), body))
        return self._status, self._answer or json.dumps({"token": f"t{len(self.asked)}", "expires_in": 300}).encode()


def authorizer(service: TokenService, login: Login | None = None) -> Authorizer:
    return Authorizer(FixedLogins({"reg.test": login} if login else {}), service)


async def test_nothing_is_sent_before_the_registry_asks() -> None:
    """A public registry never sees credentials."""
    assert await authorizer(TokenService(), Login(username="a", password="b")).header(WANT) is None


async def test_a_token_is_fetched_once() -> None:
    """And used for every later request with the same scopes."""
    service = TokenService()
    ours = authorizer(service)
    assert await ours.answer(WANT, BEARER, None) == "Bearer t1"
    assert await ours.header(WANT) == "Bearer t1"
    assert len(service.asked) == 1


async def test_a_refused_token_is_replaced_once() -> None:
    """A token that expired in the middle is fetched anew; the new one serves all others."""
    service = TokenService()
    ours = authorizer(service)
    await ours.answer(WANT, BEARER, None)
    assert await ours.answer(WANT, BEARER, "Bearer t1") == "Bearer t2"
    assert await ours.answer(WANT, BEARER, "Bearer t1") == "Bearer t2"
    assert len(service.asked) == 2


async def test_mounting_asks_for_both_repositories_at_once() -> None:
    """One token that may pull from the source and push to the target."""
    service = TokenService()
    await authorizer(service).answer(Want(name=WANT.name, push=True, source="other/y"), BEARER, None)
    query = parse_qsl(urlsplit(service.asked[0][1]).query)
    assert [value for key, value in query if key == "scope"] == [
        "repository:org/x:pull,push",
        "repository:other/y:pull",
    ]
    assert ("service", "reg") in query


async def test_an_identity_token_is_exchanged() -> None:
    """It goes in a form, never in an address."""
    service = TokenService()
    await authorizer(service, Login(identity_token="idt")).answer(WANT, BEARER, None)
    method, url, _, body = service.asked[0]
    assert method == "POST" and "idt" not in url and b"refresh_token=idt" in (body or b"")


async def test_basic_needs_a_login_and_is_not_repeated() -> None:
    """A refused password is not sent again and again."""
    login = Login(username="a", password="b")
    assert await authorizer(TokenService()).answer(WANT, "Basic", None) is None
    assert await authorizer(TokenService(), login).answer(WANT, "Basic", None) == login.basic
    assert await authorizer(TokenService(), login).answer(WANT, "Basic", login.basic) is None


@pytest.mark.parametrize("realm", ["http://auth.test/token", "ftp://x", "", "http://127.0.0.1/token"])
async def test_credentials_never_go_to_an_unsafe_realm(realm: str) -> None:
    """A registry cannot make us send a password in the clear, or to this machine."""
    service = TokenService()
    with pytest.raises(AccessDenied):
        await authorizer(service, Login(username="a", password="b")).answer(WANT, f'Bearer realm="{realm}"', None)
    assert service.asked == []


@pytest.mark.parametrize(
    "answer", [b"{}", b"[]", b"no", b'{"token": ""}', b'{"token": "a\\nb"}', b'{"expires_in": "x", "token": "a"}']
)
async def test_a_token_service_that_makes_no_sense_is_unreachable(answer: bytes) -> None:
    """Including one that tries to smuggle a header."""
    with pytest.raises(Unreachable):
        await authorizer(TokenService(answer)).answer(WANT, BEARER, None)


async def test_a_refusal_says_where_to_log_in() -> None:
    """With the command to type."""
    with pytest.raises(AccessDenied) as caught:
        await authorizer(TokenService(status=401)).answer(WANT, BEARER, None)
    assert "podman login reg.test" in caught.value.hint

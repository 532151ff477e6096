"""A registry's login goes to the registry and to the token service of its own domain, whatever the registry says."""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from hashlib import sha256

import pytest

from hubkiln.errors import AccessDenied, HubkilnError
from hubkiln.images.auth import takes_logins_of
from hubkiln.images.credentials import Login
from hubkiln.images.interface import Descriptor
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.logins import FixedLogins
from hubkiln.testing.loopback import Loopback

LOGIN = Login(username="ann", password="secret")
DATA = b"layer"
BLOB = Descriptor(media_type="application/octet-stream", digest=f"sha256:{sha256(DATA).hexdigest()}", size=len(DATA))


class Liar:
    """Answers every request with the same lines; remembers all that it was sent."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.heard = lines, ""

    async def __call__(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection."""
        self.heard += (await reader.readuntil(b"\r\n\r\n")).decode()
        writer.write("\r\n".join((*self.lines, "Content-Length: 0", "Connection: close", "", "")).encode())
        await writer.drain()


async def test_a_token_service_elsewhere_is_asked_without_the_login() -> None:
    """A realm on another host learns nothing, and the refusal says who wanted the password."""
    thief = Liar("HTTP/1.1 401 -")
    async with Loopback(thief) as elsewhere:
        liar = Liar("HTTP/1.1 401 -", f'WWW-Authenticate: Bearer realm="http://{elsewhere.host}/token"')
        async with Loopback(liar) as registry, client_of(registry) as client:
            with pytest.raises(AccessDenied) as refused:
                await client.manifest(parse_name(f"{registry.host}/x"))
    assert "GET /token" in thief.heard and "authorization" not in thief.heard.lower()
    assert "HUBKILN_TOKEN_HOSTS" in refused.value.hint


async def test_an_upload_sent_elsewhere_goes_without_the_login() -> None:
    """The place that a registry names for an upload gets the bytes, and no credentials of any kind."""
    thief = Liar("HTTP/1.1 401 -", 'WWW-Authenticate: Basic realm="here"')
    async with Loopback(thief) as elsewhere:
        liar = Liar("HTTP/1.1 202 -", f"Location: http://{elsewhere.host}/upload", 'WWW-Authenticate: Basic realm="x"')
        async with Loopback(liar) as registry, client_of(registry) as client:
            await learn_to_log_in(client, registry, liar)
            with pytest.raises(HubkilnError):
                await client.upload(parse_name(f"{registry.host}/x"), BLOB, DATA)
    assert "authorization: basic" in liar.heard.lower()
    assert "PUT /upload" in thief.heard and "authorization" not in thief.heard.lower()


@pytest.mark.parametrize(
    ("registry", "realm", "sent"),
    [
        ("ghcr.io", "https://ghcr.io/token", True),
        ("docker.io", "https://auth.docker.io/token", True),
        ("registry.gitlab.com", "https://gitlab.com/jwt/auth", True),
        ("registry.digitalocean.com", "https://api.digitalocean.com/v2", True),
        ("reg.lab.example:5000", "https://reg.lab.example:5001/auth", True),
        ("reg.lab.example", "https://sso.corp.test/auth", False),
        ("quay.io", "https://auth.evil.io/token", False),
        ("quay.io", "https://quay.io.evil.test/token", False),
        ("quay.io", "https://quay.io@evil.test/token", False),
        ("quay.io", "https://evilquay.io/token", False),
        ("lab.co.uk", "https://evil.co.uk/token", False),
        ("127.0.0.1:5000", "http://127.0.0.1:5001/token", False),
        ("quay.io", "https://127.0.0.1/token", False),
    ],
)
def test_a_login_stays_in_its_own_domain(registry: str, realm: str, sent: bool) -> None:
    """Real registries' token services are of their domain; what only looks like it is not."""
    assert takes_logins_of(realm, registry) is sent


def test_an_admin_may_name_a_token_service() -> None:
    """For a registry whose token service stands elsewhere."""
    assert takes_logins_of("https://sso.corp.test/auth", "reg.lab.example", {"sso.corp.test"})


def client_of(registry: Loopback) -> RegistryClient:
    """A client with a login for `registry`."""
    return RegistryClient(credentials=FixedLogins({registry.host: LOGIN}))


async def learn_to_log_in(client: RegistryClient, registry: Loopback, liar: Liar) -> None:
    """Have `client` meet the registry's challenge, so that it sends its login from now on."""
    honest, liar.lines = liar.lines, ("HTTP/1.1 401 -", 'WWW-Authenticate: Basic realm="x"')
    with pytest.raises(AccessDenied):
        await client.manifest(parse_name(f"{registry.host}/x"))
    liar.lines = honest

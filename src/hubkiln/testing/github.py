"""What GitHub answers an app: on loopback, with every proof checked as GitHub's documentation says it is.

See https://docs.github.com/rest/apps/apps (2022-11-28).
"""

from __future__ import annotations

import json
import re
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from hubkiln.testing.loopback import Loopback

ID = "Iv23liAbC"


@cache
def app_key() -> str:
    """A private key as GitHub gives it."""
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@cache
def _public() -> rsa.RSAPublicKey:
    private = load_pem_private_key(app_key().encode(), None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private.public_key()


class FakeGitHub:
    """A GitHub Enterprise with one app, installed in `repositories`; each token is `token` and lasts an hour."""

    def __init__(self, *repositories: str, token: str = "ghs_1", now: float | None = None) -> None:
        self.repositories, self.token = repositories, token
        self.now = time.time() if now is None else now
        self.asked: Counter[str] = Counter()
        """How often each path was asked."""
        self.given: list[dict[str, Any]] = []
        """What tokens were asked for."""
        self.limited = False
        """Whether the limit of requests is used up, for ten minutes."""
        self._listener = Loopback(self._one)

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://{self._listener.host}"

    async def __aenter__(self) -> Self:
        await self._listener.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._listener.__aexit__(*raised)

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        self.asked[path.removeprefix("/api/v3")] += 1
        more = ""
        if self.limited:
            status, answer = 403, {"message": "API rate limit exceeded"}
            more = f"x-ratelimit-remaining: 0\r\nx-ratelimit-reset: {int(self.now + 600)}\r\n"
        elif not self._proven(headers.get("authorization", "")):
            status, answer = 401, {"message": "A JSON web token could not be decoded"}
        else:
            status, answer = self._answer(method, path.removeprefix("/api/v3"), body)
        text = json.dumps(answer).encode()
        writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(text)}\r\n{more}\r\n".encode() + text)
        await writer.drain()

    def _proven(self, header: str) -> bool:
        try:
            said = jwt.decode(
                header.removeprefix("Bearer "), _public(), ["RS256"], {"verify_exp": False, "verify_iat": False}
            )
        except jwt.InvalidTokenError:
            return False
        fresh = said["iat"] <= self.now < said["exp"] <= self.now + 600
        return bool(fresh and said["iss"] == ID)

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if (method, path) == ("GET", "/app"):
            return 200, {"client_id": ID}
        found = re.fullmatch(r"/repos/(.+)/installation", path)
        if method == "GET" and found and found[1] in self.repositories:
            return 200, {"id": 100 + self.repositories.index(found[1])}
        found = re.fullmatch(r"/app/installations/(\d+)/access_tokens", path)
        if method == "POST" and found:
            wanted = json.loads(body)
            name = self.repositories[int(found[1]) - 100].partition("/")[2]
            if wanted["repositories"] != [name]:
                return 422, {"message": "There is at least one repository that does not exist or is not accessible"}
            self.given.append(wanted)
            ends = datetime.fromtimestamp(self.now + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return 201, {"token": self.token, "expires_at": ends, "permissions": wanted["permissions"]}
        return 404, {"message": "Not Found"}

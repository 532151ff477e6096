"""A GitHub App of the admin's: tokens for an hour, each for one repository in which the app is installed, to read it or
to set the status of its commits.

See https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app. Whoever may build may read what
the app may; what follows from that is the same as for ``host_tokens``.
"""

from __future__ import annotations

import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, BadSpec, RepositoryNotFound
from hubkiln.repositories import github
from hubkiln.repositories.api import Api, number_at, text_at, unexpected
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.tokens import AppKey, host_of, is_token
from hubkiln.values import Spec

log = logging.getLogger(__name__)

PROOF_SECONDS = 540
"""How long our proof of who we are holds; GitHub takes none for more than ten minutes."""

BEHIND_SECONDS = 60
"""How far GitHub's clock may be behind ours."""

SPARE_SECONDS = 300
"""What a token must still have to be used: a fetch takes a while."""

NOWHERE_SECONDS = 300
"""How long a repository is known to be none of the app's."""

READ, STATUS = ("contents", "read"), ("statuses", "write")
"""Permissions: each token has one of them."""

_KEPT = 1024


@dataclass(frozen=True, slots=True)
class _Known:
    token: str = field(repr=False)
    """Empty where the app is not installed."""
    until: float


class GitHubApp:
    """The app's tokens for repositories of ``gh``."""

    def __init__(
        self, settings: RepositorySettings, guard: Guard | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._key, self._clock = settings.github_app, clock
        self._api_url, self._host = github.api_of(settings.github), host_of(settings.github)
        self._api = Api(guard or Guard(settings.allowed_networks), clock=clock)
        self._known: OrderedDict[tuple[str, tuple[str, str]], _Known] = OrderedDict()

    async def tokens(self, spec: Spec) -> Mapping[str, str]:
        """
        By host, what opens the repository of `spec` for reading; nothing where the app is not installed in it.

        An app that GitHub does not know any more opens nothing, and `check` says so.

        Raises:
            RateLimited, Unreachable: GitHub does not answer now.
        """
        return await self._given(spec, READ)

    async def status_tokens(self, spec: Spec) -> Mapping[str, str]:
        """The same for what sets the status of a commit; nothing where the app may not."""
        return await self._given(spec, STATUS)

    @property
    def there(self) -> bool:
        """Whether the admin has one."""
        return self._key is not None

    async def _given(self, spec: Spec, permission: tuple[str, str]) -> Mapping[str, str]:
        if self._key is None or spec.provider != "gh":
            return {}
        name, now = (spec.repository.lower(), permission), self._clock()
        known = self._known.get(name)
        if known is None or known.until <= now:
            known = self._known[name] = await self._asked(spec.repository, permission)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return {self._host: known.token} if known.token else {}

    async def check(self) -> None:
        """
        See that GitHub knows the app.

        Raises:
            AccessDenied: it does not. RateLimited, Unreachable.
        """
        try:
            await self._api.get(f"{self._api_url}/app", missing="GitHub knows no such app.", token=self._proof())
        except (AccessDenied, RepositoryNotFound) as error:
            raise AccessDenied(
                "GitHub does not know the app, or not its key, so its repositories are closed."
            ) from error

    async def _asked(self, repository: str, permission: tuple[str, str]) -> _Known:
        missing = f"The app is not installed in {repository}."
        try:
            where = f"{self._api_url}/repos/{quote(repository)}/installation"
            installation = number_at(await self._api.get(where, missing=missing, token=self._proof(), fresh=True), "id")
            answer = await self._api.get(
                f"{self._api_url}/app/installations/{installation}/access_tokens",
                method="POST",
                missing=missing,
                token=self._proof(),
                content=json.dumps(
                    {"repositories": [repository.partition("/")[2]], "permissions": dict([permission])}
                ).encode(),
            )
        except RepositoryNotFound:
            return _Known("", self._clock() + NOWHERE_SECONDS)
        except AccessDenied:
            log.warning("the app opens nothing", extra={"action": "github_app", "repository": repository})
            return _Known("", self._clock() + NOWHERE_SECONDS)
        if not is_token(token := text_at(answer, "token")):
            raise unexpected("GitHub (`token`)")
        return _Known(token, _moment(text_at(answer, "expires_at")) - SPARE_SECONDS)

    def _proof(self) -> str:
        import jwt

        assert self._key is not None
        now = int(self._clock())
        said = {"iat": now - BEHIND_SECONDS, "exp": now + PROOF_SECONDS, "iss": self._key.id}
        return jwt.encode(said, self._key.key, algorithm="RS256")


def read_app(path: Path) -> AppKey:
    """
    What an admin writes: the app's client ID on the first line, below it the private key as GitHub gives it.

    Raises:
        BadSpec: it is otherwise; nothing of it is repeated.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    id, _, key = path.read_text().strip().partition("\n")
    try:
        load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError) as error:
        raise BadSpec(
            f"{path} holds no GitHub App.",
            hint="Its first line is the app's client ID, below it stands the .pem file that the app's page gives.",
        ) from error
    return AppKey(id=id.strip(), key=key)


def _moment(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise unexpected("GitHub (`expires_at`)") from error

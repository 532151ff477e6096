"""Finds what really answers at a git address over HTTP, following redirects ourselves with every hop checked.

git is then given the last address and told to follow none, so that no redirect can lead it inside.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache

import httpx

from hubkiln.egress import Endpoint, Guard, unanswered
from hubkiln.errors import AccessDenied, HubkilnError, Refused, RepositoryNotFound, Unreachable
from hubkiln.repositories import urls
from hubkiln.repositories.git_command import Remote, authorization
from hubkiln.repositories.tokens import TokenFor

_SUFFIX = "/info/refs"
_QUERY = b"service=git-upload-pack"
_HOPS = 5
_SECONDS = 20.0
_PATIENCE = httpx.Timeout(60.0, connect=10.0)
_HEADERS = {"User-Agent": "git/hubkiln", "Accept": "*/*", "Git-Protocol": "version=2", "Pragma": "no-cache"}


@cache
def _certificates() -> ssl.SSLContext:
    return ssl.create_default_context()


async def find(url: str, guard: Guard, token_for: TokenFor) -> Remote:
    """
    The address that answers for `url` as a git repository; each that is asked gets its own token.

    Raises:
        RepositoryNotFound, AccessDenied, Refused, Unreachable.
    """
    asked = url + _SUFFIX
    for _ in range(_HOPS + 1):
        here = asked.removesuffix(_SUFFIX)
        scheme, host, port = urls.split(asked)
        endpoint = await guard.check(scheme, host, port)
        token = token_for(here) if scheme == "https" or endpoint.vouched else None
        answer = await _ask(url, asked, endpoint, token)
        if answer.location is None:
            _judge(url, answer, with_token=token is not None)
            return Remote(here, endpoint, token)
        asked = _next(url, answer.location, came_from=scheme)
    raise Unreachable(f"{url} redirects in circles.", hint="Its owner has to correct that.")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    location: httpx.URL | None


async def _ask(url: str, asked: str, endpoint: Endpoint, token: str | None) -> _Answer:
    target = httpx.URL(asked, query=_QUERY)
    headers = _HEADERS | ({"Authorization": authorization(endpoint.host, token)} if token else {})
    try:
        async with asyncio.timeout(_SECONDS), asking(target, endpoint, headers) as answer:
            # Headers are enough; a relative redirect counts from the name, not from the pinned address.
            location = target.join(answer.headers["location"]) if answer.has_redirect_location else None
            return _Answer(answer.status_code, answer.headers.get("content-type", ""), location)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise translate(error, url) from error


@asynccontextmanager
async def asking(
    target: httpx.URL,
    endpoint: Endpoint,
    headers: Mapping[str, str] | None = None,
    *,
    method: str = "GET",
    content: bytes | None = None,
) -> AsyncIterator[httpx.Response]:
    """The answer to a request for `target`, from the address that was checked; its body is not read yet."""
    pinned = target.copy_with(host=endpoint.ip) if endpoint.ip is not None else target
    named = {"Accept-Encoding": "identity", **(headers or {}), "Host": target.netloc.decode()}
    extensions = {"sni_hostname": endpoint.host} if target.scheme == "https" else {}
    verify = _certificates() if target.scheme == "https" else False
    async with (
        httpx.AsyncClient(verify=verify, trust_env=endpoint.ip is None, timeout=_PATIENCE) as client,
        client.stream(method, pinned, headers=named, content=content, extensions=extensions) as answer,
    ):
        yield answer


def _next(url: str, target: httpx.URL, *, came_from: str) -> str:
    """Where a redirect leads, if that can still be a repository."""
    if target.scheme not in ("https", "http") or target.userinfo or not target.host:
        raise Refused(f"{url} redirects to an address that may not be asked.", hint="Use the address it moved to.")
    if came_from == "https" and target.scheme == "http":
        raise Refused(f"{url} redirects to an unencrypted address.", hint="Use the https:// address it moved to.")
    if not target.path.endswith(_SUFFIX):
        raise RepositoryNotFound(
            f"{url} is not a git repository, or is private: it answers with another page.", hint="Check the address."
        )
    return str(target.copy_with(query=None, fragment=None))


def _judge(url: str, answer: _Answer, *, with_token: bool) -> None:
    status = answer.status
    if status == 200 and answer.content_type.startswith("application/x-git-upload-pack-advertisement"):
        return
    if status == 200 or status == 400 or status == 405:
        raise RepositoryNotFound(
            f"{url} is not a git repository.", hint="Give the address that `git clone` would take."
        )
    if status in (401, 403) and with_token:
        raise AccessDenied(
            f"{url} does not exist, or the token for its host may not read it.", hint="Ask an admin to check the token."
        )
    if status in (401, 403):
        raise AccessDenied(
            f"{url} does not exist or is private.",
            hint="Check the spelling; a private repository needs a token for its host, "
            "which you can store where users may, or an admin can set.",
        )
    if status in (404, 410, 451):
        raise RepositoryNotFound(f"{url} does not exist or is private.", hint="Check the spelling of the address.")
    if status == 429:
        raise Unreachable(f"The host of {url} refuses more requests for now.", hint="Try again in a few minutes.")
    raise Unreachable(f"The host of {url} answers with an error ({status}).", hint="Try again in a few minutes.")


def translate(error: Exception, url: str) -> HubkilnError:
    """What `error`, met while asking `url`, means for the user."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    if any(isinstance(one, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY" in str(one) for one in causes):
        return Unreachable(
            f"The certificate of {url} cannot be verified.",
            hint="Its owner has to renew or complete it; an admin can add a certificate authority.",
        )
    if any(isinstance(one, ssl.SSLError) or "[SSL" in str(one) for one in causes):
        return Unreachable(f"{url} does not answer with TLS as `https://` needs.", hint="Check the address and port.")
    if isinstance(error, TimeoutError | httpx.TransportError):
        return unanswered(urls.split(url)[1] if urls.is_url(url) else url, error)
    return Unreachable(f"{url} does not answer as it should.", hint="Check the address, or try again in a few minutes.")

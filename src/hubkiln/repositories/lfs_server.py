"""Git LFS's batch API, as git-lfs documents it: asks where files are, and fetches them.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, Refused, Unreachable
from hubkiln.repositories import smart_http, urls
from hubkiln.repositories.download import written
from hubkiln.repositories.following import following
from hubkiln.repositories.git_command import authorization
from hubkiln.repositories.record import File
from hubkiln.repositories.tokens import TokenFor, host_of

_TYPE = "application/vnd.git-lfs+json"
_ANSWER_BYTES = 4 << 20
_NO_LFS = (404, 405, 406, 410, 415, 501)
_NAME = re.compile(r"[A-Za-z0-9-]+")
_OURS = frozenset(("accept-encoding", "connection", "content-length", "host", "te", "transfer-encoding", "upgrade"))


class Silent(Exception):
    """There is nothing to be had from the server, and asking again will not help."""


class LostFile(Exception):
    """The server does not have one file."""


def address_of(repository: str, chosen: str) -> str:
    """
    The server of the git repository at an address, or the one that it has `chosen`.

    Raises:
        Silent: we do not speak with such a one.
        Refused: that is no address to ask.
    """
    if chosen:
        try:
            parts = urlsplit(chosen)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https", "ssh") or parts.username or parts.password or not parts.hostname:
            raise Refused(
                "The repository's .lfsconfig names an address that may not be asked.",
                hint="Correct lfs.url there: an https:// address without a login.",
            )
    url = (chosen or repository).rstrip("/")
    url = re.sub(r"^ssh://(?:[^@/]*@)?([^/:]+|\[[^\]]*\])(?::\d+)?/", r"https://\1/", url)  # as git-lfs does
    if url.startswith("ssh://"):
        raise Silent("its address names no host")
    if chosen:
        return url
    return f"{url}/info/lfs" if url.endswith(".git") else f"{url}.git/info/lfs"


def said_of_ssh(repository: str, chosen: str) -> str:
    """What explains a server that is not found, where the address that counts is one of ssh; else nothing."""
    if not (chosen or repository).startswith("ssh://"):
        return ""
    return "its address is for ssh, over which LFS is not spoken here, so HTTPS is asked at the same host"


@dataclass(frozen=True, slots=True)
class LfsServer:
    """Asks and fetches, each address with the token that is for it."""

    guard: Guard
    token_for: TokenFor = field(repr=False)

    async def look_up(self, url: str, files: Mapping[str, int]) -> dict[str, Any]:
        """
        What the server at `url` says of `files` (hash to size), by hash.

        Raises:
            Silent, AccessDenied, Refused, Unreachable.
        """
        objects = [{"oid": oid, "size": size} for oid, size in files.items()]
        body = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256", "objects": objects}
        headers = {"Accept": _TYPE, "Content-Type": _TYPE}
        asked = f"{url}/objects/batch"
        try:
            async with following(
                asked,
                self.guard,
                headers,
                method="POST",
                content=json.dumps(body).encode(),
                own=self._login(url),
                may=self._same_token(url),
            ) as (answer, _):
                told = await _read(answer)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise smart_http.translate(error, asked) from error
        _judge(url, answer.status_code, told)
        found = told.get("objects") if isinstance(told, dict) else None
        if not isinstance(found, list) or told.get("transfer", "basic") != "basic":
            raise Silent(f"{url} does not answer as a Git LFS server")
        return {
            oid: one
            for one in found
            if isinstance(one, dict) and isinstance(oid := one.get("oid"), str) and oid in files
        }

    async def bring(self, url: str, oid: str, size: int, told: object, into: Path) -> None:
        """
        Put the file into the new file `into`, as the answer `told` of :meth:`look_up` says.

        Raises:
            LostFile: it is not there.
            Refused, AccessDenied, Unreachable: see :func:`hubkiln.repositories.download.written`.
        """
        href, headers = _action(told)
        login = self._login(href) if host_of(href) == host_of(url) else {}
        if any(name.lower() == "authorization" for name in headers):
            login = {}
        file = File(path=oid, url=href.partition("?")[0], size=size, checksum=f"sha256:{oid}")
        try:
            may = self._same_token(href) if login else None  # what the server itself gives is for where it says
            async with following(href, self.guard, own={**login, **headers}, may=may) as (answer, _):
                if answer.status_code in (404, 410):
                    raise LostFile("it is not where the server says")
                if answer.status_code in (401, 403):
                    raise AccessDenied(f"{file.url} may not be read.", hint="")
                if answer.status_code != 200:
                    raise Unreachable(f"{file.url} answers {answer.status_code}.", hint="Try again in a few minutes.")
                await written(answer, file, into, size)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise smart_http.translate(error, file.url) from error

    def _same_token(self, url: str) -> Callable[[str], bool]:
        return lambda other: self.token_for(other) == self.token_for(url)

    def _login(self, url: str) -> dict[str, str]:
        token = self.token_for(url)
        return {"Authorization": authorization(urlsplit(url).hostname or "", token)} if token else {}


async def _read(answer: httpx.Response) -> Any:
    """The answer's JSON; None for anything else, or too much."""
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > _ANSWER_BYTES:
            return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _judge(url: str, status: int, told: Any) -> None:
    said = told.get("message") if isinstance(told, dict) else None
    words = f": “{ascii(said)[1:-1][:200]}”" if isinstance(said, str) and said else ""
    if status == 200:
        return
    if status == 429 or (status >= 500 and status not in (501, 507, 509)):
        raise Unreachable(f"The Git LFS server {url} answers {status}{words}.", hint="Try again in a few minutes.")
    if status in _NO_LFS and not words:
        raise Silent(f"{url} does not answer as a Git LFS server")
    if status == 401:
        raise Silent(f"{url} asks for a login")
    raise Silent(f"{url} answers {status}{words}")


def _action(told: object) -> tuple[str, dict[str, str]]:
    """
    Address and headers.

    Raises:
        LostFile: the server says that it is not there, or nothing of it.
        Refused: an address that may not be asked.
    """
    found = told if isinstance(told, dict) else {}
    error = found.get("error")
    if isinstance(error, dict):
        raise LostFile(ascii(str(error.get("message") or error.get("code")))[1:-1][:200])
    actions = found.get("actions")
    action = actions.get("download") if isinstance(actions, dict) else None
    href = action.get("href") if isinstance(action, dict) else None
    if not isinstance(action, dict) or not isinstance(href, str):
        raise LostFile("the server says nothing of it")
    try:
        parts = urlsplit(href)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.username and urls.split(href)
    except ValueError:
        good = False
    if not good:
        raise Refused("The Git LFS server names an address that may not be asked.", hint="Tell the repository's owner.")
    header = action.get("header")
    given = header.items() if isinstance(header, dict) else ()
    return href, {
        name: value
        for name, value in given
        if isinstance(value, str)
        and _NAME.fullmatch(name)
        and name.lower() not in _OURS
        and value.isascii()
        and value.isprintable()
    }

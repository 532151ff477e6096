"""Asks a package index which files a project has: the simple API (PEP 503, 691, 700). Nothing of a package is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any, Protocol
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from packaging.utils import canonicalize_name

from hubkiln.egress import PACKING, pieces_of, unanswered
from hubkiln.errors import LockFailed, Unreachable

_LARGEST = 64 << 20
"""Bytes of a list of files; the public index has none of a quarter of that."""

_PAUSES = (0.2, 0.6)
"""Seconds before a question is asked once more: name services and connections fail for a moment."""

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """A file of a project."""

    filename: str
    url: str = ""
    sha256: str | None = None
    """None where the index does not tell."""
    requires_python: str = ""
    uploaded: datetime | None = None
    """None where the index does not tell."""
    yanked: bool = False

    def was_there(self, as_of: datetime | None) -> bool:
        """Whether it had been uploaded `as_of`; a file of unknown age counts for today alone."""
        return as_of is None or (self.uploaded is not None and self.uploaded < as_of)


class Index(Protocol):
    """Knows which files there are."""

    async def files(self, project: str) -> tuple[IndexFile, ...]:
        """
        Every file of `project`.

        Raises:
            LockFailed: there is no such project.
            Unreachable: the index does not answer.
        """


class SimpleIndex:
    """The index at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def files(self, project: str) -> tuple[IndexFile, ...]:
        """See :class:`Index`."""
        url = f"{self._address.rstrip('/')}/{canonicalize_name(project)}/"
        try:
            answer, body = await get_within(url, _LARGEST, {"Accept": _ACCEPT})
            if answer.status_code == 404:
                raise LockFailed(
                    f"There is no package named {project} in the package index.", hint="Check its spelling."
                )
            answer.raise_for_status()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return await asyncio.to_thread(_listed, body, str(answer.url), is_json)
        except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
            if isinstance(error, httpx.TransportError):
                raise unanswered(urlsplit(url).hostname or "", error) from error
            raise Unreachable(
                f"The package index at {urlsplit(url).hostname} does not answer the question for {project}.",
                hint="Try again; if it stays so, ask the admin to check the index.",
            ) from error


async def get_within(
    url: str, most_bytes: int, headers: Mapping[str, str] | None = None
) -> tuple[httpx.Response, bytes]:
    """
    What `url` answers, and its body; a connection that breaks or cannot be made is tried again.

    Raises:
        ValueError: it is larger than `most_bytes`.
        httpx.HTTPError.
    """
    for pause in _PAUSES:
        with suppress(httpx.NetworkError, httpx.RemoteProtocolError):
            return await _get(url, most_bytes, headers or {})
        await asyncio.sleep(pause)
    return await _get(url, most_bytes, headers or {})


async def _get(url: str, most_bytes: int, headers: Mapping[str, str]) -> tuple[httpx.Response, bytes]:
    body = bytearray()
    async with (
        httpx.AsyncClient(timeout=30, follow_redirects=True) as client,
        client.stream("GET", url, headers={"Accept-Encoding": PACKING, **headers}) as answer,
    ):
        async for piece in pieces_of(answer):
            body += piece
            if len(body) > most_bytes:
                raise ValueError(f"more than {most_bytes} bytes")
    return answer, bytes(body)


def _listed(body: bytes, base: str, is_json: bool) -> tuple[IndexFile, ...]:
    listed = json.loads(body)["files"] if is_json else _read_html(body.decode("utf-8", "replace"))
    return tuple(_file(one, base) for one in listed)


def _file(told: dict[str, Any], base: str) -> IndexFile:
    uploaded = told.get("upload-time")
    return IndexFile(
        filename=told["filename"],
        url=urljoin(base, told["url"]),
        sha256=(told.get("hashes") or {}).get("sha256"),
        requires_python=told.get("requires-python") or "",
        uploaded=datetime.fromisoformat(uploaded) if uploaded else None,
        yanked=bool(told.get("yanked")),
    )


class _Links(HTMLParser):
    """The links of a PEP 503 page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append({name: value or "" for name, value in attrs})


def _read_html(text: str) -> Iterator[dict[str, Any]]:
    links = _Links()
    links.feed(text)
    for link in links.found:
        address, _, fragment = link.get("href", "").partition("#")
        algorithm, _, digest = fragment.partition("=")
        yield {
            "filename": unquote(urlsplit(address).path.rpartition("/")[2]),
            "url": address,
            "hashes": {algorithm: digest} if algorithm == "sha256" else {},
            "requires-python": link.get("data-requires-python"),
            "yanked": "data-yanked" in link,
        }

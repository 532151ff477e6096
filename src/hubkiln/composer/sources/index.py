"""Finds the source of a package in the index: which version, which file, with which hash.

Asked outside, so that a build is keyed by exact bytes and its sandbox gets a file instead of an address. Nothing of
the package is read. Speaks the simple API (PEP 503, 691), with the admin's credentials if the index needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, canonicalize_name, parse_sdist_filename
from packaging.version import InvalidVersion, Version

from hubkiln.errors import LockFailed, Unreachable
from hubkiln.values import Interpreter

_ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdist:
    """A source archive of the index."""

    name: str
    version: str
    filename: str
    url: str
    sha256: str | None
    """None where the index does not tell."""


async def find_sdist(index: str, wanted: Requirement, python: Interpreter, as_of: datetime | None = None) -> Sdist:
    """
    The newest source archive in `index` that `wanted` allows, runs on `python`, and was there `as_of`.

    Raises:
        LockFailed: there is none.
        Unreachable: the index does not answer.
    """
    page = await _page(f"{index.rstrip('/')}/{canonicalize_name(wanted.name)}/", wanted.name)
    fitting = [found for found in page if _fits(found, wanted.specifier, python, as_of)]
    if not fitting:
        raise LockFailed(
            f"The package index has no source of {wanted} for Python {python.minor}.",
            hint="Choose a version that the index has as a wheel or as source.",
        )
    stable = [found for found in fitting if not Version(found["version"]).is_prerelease]
    best = max(stable or fitting, key=lambda found: Version(found["version"]))
    return Sdist(
        name=canonicalize_name(wanted.name),
        version=best["version"],
        filename=best["filename"],
        url=best["url"],
        sha256=best["hashes"].get("sha256"),
    )


async def _page(url: str, name: str) -> list[dict[str, Any]]:
    """The files of a project's page, each with name, version, address and hashes."""
    try:
        async with httpx.AsyncClient(timeout=30, follow_redirects=True) as client:
            answer = await client.get(url, headers={"Accept": _ACCEPT})
            if answer.status_code == 404:
                raise LockFailed(f"There is no package named {name} in the package index.", hint="Check its spelling.")
            answer.raise_for_status()
            base = str(answer.url)
            is_json = "json" in answer.headers.get("Content-Type", "")
            files = answer.json()["files"] if is_json else list(_read_html(answer.text))
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise Unreachable(
            f"The package index does not answer the question for {name}.",
            hint="Try again; if it stays so, ask the admin to check the index.",
        ) from error
    return [file | named for file in files if (named := _named(file, base)) is not None]


def _named(file: dict[str, Any], base: str) -> dict[str, Any] | None:
    """What a file's name tells; None for what is no source archive."""
    try:
        _, version = parse_sdist_filename(file["filename"])
    except (InvalidSdistFilename, InvalidVersion, KeyError):
        return None
    return {"version": str(version), "url": urljoin(base, file["url"]), "hashes": file.get("hashes") or {}}


def _fits(file: dict[str, Any], specifier: SpecifierSet, python: Interpreter, as_of: datetime | None) -> bool:
    if file.get("yanked") and not any(one.operator in ("==", "===") for one in specifier):
        return False
    if as_of is not None and not _was_there(file.get("upload-time"), as_of):
        return False
    if not specifier.contains(file["version"], prereleases=True):
        return False
    try:
        return SpecifierSet(file.get("requires-python") or "").contains(python.version, prereleases=True)
    except InvalidSpecifier:
        return True


def _was_there(uploaded: str | None, as_of: datetime) -> bool:
    return uploaded is not None and datetime.fromisoformat(uploaded) < as_of


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

"""Figshare and its institutions' portals: ``figshare/10.6084/m9.figshare.9784088``; without ``.v2`` the newest."""

from __future__ import annotations

import re
from urllib.parse import SplitResult

from hubkiln.errors import BadSpec
from hubkiln.repositories.api import Api, items_at, number_at, text_at
from hubkiln.repositories.doi import find_doi
from hubkiln.repositories.kind import Kind, Place, page_parts, shown, whole
from hubkiln.repositories.record import File, Record

_NUMBER = re.compile(r"(?:.*[./])?(?P<article>\d{3,})(?:\.v(?P<version>\d+))?", re.IGNORECASE)


def canonical(text: str) -> str:
    """The DOI, or an article's number; raises BadSpec."""
    doi = find_doi(text)
    named = doi or text
    if not _NUMBER.fullmatch(named) or (doi is None and not re.fullmatch(r"\d+(\.v\d+)?", text)):
        raise BadSpec(f"`{shown(text)}` is no article.", hint="It looks like `figshare/10.6084/m9.figshare.9784088`.")
    return named.lower()


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """``/articles/<type>/<title>/<article>/<version>``, in which all but the number may be missing; raises BadSpec."""
    parts = page_parts(page)
    numbers = [part for part in parts if part.isdecimal()]
    if "articles" not in parts or not numbers:
        return None
    named = f"10.6084/m9.figshare.{numbers[0]}" if page.hostname in ("figshare.com", "www.figshare.com") else numbers[0]
    return Place(f"{named}.v{numbers[1]}" if len(numbers) > 1 else named)


def known_doi(doi: str) -> bool:
    """Whether `doi` says by itself that it is Figshare's."""
    return re.match(r"10\.6084/m9\.figshare\.\d", doi, re.IGNORECASE) is not None


async def find(api: Api, address: str, repository: str) -> Record:
    """
    The article, by https://docs.figshare.com/#article_version_details.

    Raises:
        RepositoryNotFound, AccessDenied, Unreachable.
    """
    named = _NUMBER.fullmatch(repository)
    article, version = (named["article"], named["version"]) if named else (repository, None)
    articles = f"{_api(address)}/v2/articles/{article}"
    missing = f"There is no article {repository} at {address}."
    if version is None:
        versions = await api.list(f"{articles}/versions", missing=missing)
        version = str(max((number_at(one, "version") for one in versions), default=1))
    answer = await api.get(f"{articles}/versions/{version}", missing=missing)
    files = tuple(
        File(
            path=text_at(one, "name"),
            url=text_at(one, "download_url"),
            size=number_at(one, "size"),
            checksum=f"md5:{one.get('computed_md5') or one.get('supplied_md5') or ''}".removesuffix("md5:"),
        )
        for one in items_at(answer, "files")
        if not one.get("is_link_only")
    )
    return Record(
        key=f"{article}.v{version}",
        repository=re.sub(r"\.v\d+$", "", repository) + f".v{version}",
        url=f"{address}/articles/_/{article}/{version}",
        name=f"figshare-{article}",
        files=files,
    )


def _api(address: str) -> str:
    return "https://api.figshare.com" if address == "https://figshare.com" else address


KIND = Kind(
    title="Figshare",
    example="10.6084/m9.figshare.9784088",
    canonical=canonical,
    read_link=whole,
    read_page=read_page,
    refs=False,
)

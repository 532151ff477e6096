"""Dataverse: ``dataverse/10.7910/DVN/TJCLKP``. The DOI says which of its many hosts; the newest published version."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, quote, urlsplit

from hubkiln.errors import RepositoryNotFound
from hubkiln.repositories.api import Api, Json, items_at, number_at, object_at, text_at
from hubkiln.repositories.doi import DoiSystem, canonical, persistent_id
from hubkiln.repositories.kind import Kind, Place, whole
from hubkiln.repositories.record import File, Record

_PAGES = re.compile(r"/(dataset|file)\.xhtml|/citation")


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """A dataset's page, or that of one of its files."""
    if not _PAGES.search(page.path) or (doi := persistent_id(page)) is None:
        return None
    return Place(doi.rsplit("/", 1)[0] if page.path.endswith("/file.xhtml") and doi.count("/") > 2 else doi)


def elsewhere(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """A dataset's page at a Dataverse that nobody named."""
    place = read_page(page, ref)
    return None if place is None else ("dataverse", place)


def known_doi(doi: str) -> bool:
    """Whether `doi` says by itself that it is of the largest Dataverse."""
    return doi.upper().startswith("10.7910/DVN/")


async def find(api: Api, dois: DoiSystem, address: str, repository: str) -> Record:
    """
    The newest published version, by https://guides.dataverse.org/en/latest/api/native-api.html.

    Raises:
        RepositoryNotFound, AccessDenied, Unreachable.
    """
    host = address or _host(await dois.leads_to(repository), repository)
    asked = quote(f"doi:{repository}", safe="")
    answer = await api.get(
        f"{host}/api/datasets/:persistentId/versions/:latest-published?persistentId={asked}",
        missing=f"There is no dataset {repository} at {host}.",
    )
    version = object_at(answer, "data")
    key = "{}.v{}.{}".format(
        text_at(version, "datasetId"), text_at(version, "versionNumber"), text_at(version, "versionMinorNumber")
    )
    return Record(
        key=key,
        repository=repository,
        url=f"{host}/dataset.xhtml?persistentId=doi:{repository}",
        name=f"dataverse-{repository.rsplit('/', 1)[-1].lower()}",
        files=tuple(_file(one, host) for one in items_at(version, "files") if not one.get("restricted")),
    )


def _file(one: Json, host: str) -> File:
    """
    A file as it was uploaded: of tables, Dataverse keeps another form too, and gives that one's name and size.

    The checksum is of what was uploaded.
    """
    data = object_at(one, "dataFile")
    table = bool(data.get("originalFileFormat"))
    name = str(data.get("originalFileName") or one.get("label") or text_at(data, "filename"))
    checksum = data.get("checksum")
    told = f"{checksum.get('type')}:{checksum.get('value')}" if isinstance(checksum, dict) else ""
    folder = str(one.get("directoryLabel") or "").strip("/")
    return File(
        path=f"{folder}/{name}" if folder else name,
        url=f"{host}/api/access/datafile/{text_at(data, 'id')}" + ("?format=original" if table else ""),
        size=_original_size(data) if table else number_at(data, "filesize"),
        checksum=told or (f"md5:{data['md5']}" if data.get("md5") else ""),
    )


def _host(page: str, doi: str) -> str:
    try:
        parts = urlsplit(page)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not _PAGES.search(parts.path) or persistent_id(parts) is None:
        raise RepositoryNotFound(
            f"The DOI {doi} leads to {page[:200]}, which is no dataset of a Dataverse.", hint="Check the DOI."
        )
    return f"{parts.scheme}://{parts.netloc}{_PAGES.split(parts.path)[0]}"


def _original_size(data: Json) -> int | None:
    """Older installations do not say it."""
    return None if data.get("originalFileSize") is None else number_at(data, "originalFileSize")


KIND = Kind(
    title="Dataverse",
    example="10.7910/DVN/TJCLKP",
    canonical=canonical,
    read_link=whole,
    read_page=read_page,
    refs=False,
)

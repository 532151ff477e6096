"""Zenodo, and what else runs InvenioRDM: ``zenodo/10.5281/zenodo.3242074``. A DOI for all versions means the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote

from hubkiln.errors import AccessDenied, BadSpec
from hubkiln.repositories.api import Api, Json, number_at, text_at
from hubkiln.repositories.doi import find_doi
from hubkiln.repositories.kind import Kind, Place, page_parts, shown, whole
from hubkiln.repositories.record import File, Record

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.IGNORECASE)
_ZENODO = re.compile(r"10\.5281/zenodo\.(\d+)", re.IGNORECASE)


def canonical(text: str) -> str:
    """The DOI, or the record's id where a host has DOIs of its own; raises BadSpec."""
    if (doi := find_doi(text)) is not None and _ID.fullmatch(_record_id(doi)):
        return doi.lower()
    if _ID.fullmatch(text):
        return text.lower()
    raise BadSpec(f"`{shown(text)}` is no record.", hint="It looks like `zenodo/10.5281/zenodo.3242074`.")


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """``/records/<id>``, ``/record/<id>``, ``/doi/<DOI>``; raises BadSpec."""
    match page_parts(page):
        case ["records" | "record", one, *_]:
            return Place(f"10.5281/zenodo.{one}" if page.hostname == "zenodo.org" else one)
        case ["doi", *doi]:
            return Place("/".join(doi))
        case _ if page.hostname == "zenodo.org":
            raise BadSpec(
                "That page of Zenodo shows no record.", hint="A record's page is called `https://zenodo.org/records/…`."
            )
        case _:
            return None


def known_doi(doi: str) -> bool:
    """Whether `doi` says by itself that it is Zenodo's."""
    return _ZENODO.fullmatch(doi) is not None


async def find(api: Api, address: str, repository: str) -> Record:
    """
    The record, by https://developers.zenodo.org/#records: the id of all versions together redirects to the newest.

    Raises:
        RepositoryNotFound, AccessDenied, Unreachable.
    """
    asked = _record_id(repository)
    url = f"{address}/api/records/{quote(asked)}"
    answer = await api.get(url, missing=f"There is no record {repository} at {address}.")
    found = text_at(answer, "id")
    files = tuple(_files(answer, f"{address}/api/records/{found}/files"))
    if not files:
        raise AccessDenied(
            f"The record {repository} has no files that everybody may read.", hint="Its owner can make them public."
        )
    concrete = repository.removesuffix(asked) + found
    return Record(key=found, repository=concrete, url=f"{address}/records/{found}", name=f"zenodo-{found}", files=files)


def _record_id(repository: str) -> str:
    return repository.rsplit("/", 1)[-1].rsplit(".", 1)[-1]


def _files(answer: Json, below: str) -> Iterable[File]:
    """Zenodo lists its files; InvenioRDM has them by name."""
    listed = answer.get("files")
    if isinstance(listed, dict):
        entries = listed.get("entries")
        listed = list(entries.values()) if isinstance(entries, dict) else entries
    for one in listed if isinstance(listed, list) else []:
        name = text_at(one, "key")
        told = one.get("links")
        links = told if isinstance(told, dict) else {}
        url = links.get("content") or links.get("self") or f"{below}/{quote(name, safe='')}/content"
        yield File(path=name, url=str(url), size=number_at(one, "size"), checksum=text_at(one, "checksum"))


KIND = Kind(
    title="Zenodo",
    example="10.5281/zenodo.3242074",
    canonical=canonical,
    read_link=whole,
    read_page=read_page,
    refs=False,
)

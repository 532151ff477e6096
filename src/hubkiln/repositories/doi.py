"""DOIs: how they are written, and where one leads, which the DOI system tells without a look at the page itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, quote, unquote

from hubkiln.errors import BadSpec, RepositoryNotFound
from hubkiln.repositories.api import Api, text_at
from hubkiln.repositories.kind import Kind, Place, shown, whole

_DOI = re.compile(r"10\.\d{4,9}/[^\s\x00-\x20\x7f<>\"?#\\]{1,300}")


def find_doi(text: str) -> str | None:
    """The DOI that `text` is, with or without ``doi:`` before it; None if it is none."""
    text = re.sub(r"^(?:doi:\s*|(?:https?://)?(?:dx\.|www\.)?doi\.org/)", "", text.strip(), flags=re.IGNORECASE)
    text = text.partition("?")[0].partition("#")[0].rstrip("/.,;")
    found = _DOI.fullmatch(unquote(text))
    parts = unquote(text).split("/")
    return found[0] if found and not {"..", "."} & set(parts) else None


def canonical(text: str) -> str:
    """The DOI alone; raises BadSpec."""
    if (found := find_doi(text)) is None:
        raise BadSpec(f"`{shown(text)}` is not a DOI.", hint="It looks like `10.5281/zenodo.3242074`.")
    return found


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """An address of the DOI system."""
    found = find_doi(page.path.strip("/"))
    return Place(found) if found else None


def persistent_id(page: SplitResult) -> str | None:
    """The DOI in a ``?persistentId=doi:…``."""
    given = parse_qs(page.query).get("persistentId", [""])[0]
    return find_doi(given) if given else None


@dataclass(frozen=True, slots=True)
class DoiSystem:
    """Asks https://www.doi.org/the-identifier/resources/factsheets/doi-resolution-documentation where DOIs lead."""

    address: str
    api: Api

    async def leads_to(self, doi: str) -> str:
        """
        The address of the page that `doi` is for.

        Raises:
            RepositoryNotFound: there is no such DOI. Unreachable.
        """
        url = f"{self.address}/api/handles/{quote(doi, safe='/')}?type=URL"
        answer = await self.api.get(url, missing=f"There is no DOI {doi}.")
        values = answer.get("values")
        for value in values if isinstance(values, list) else []:
            if isinstance(value, dict) and value.get("type") == "URL":
                return text_at(value, "data", "value")
        raise RepositoryNotFound(f"The DOI {doi} leads to no page.", hint="Check its spelling.")


KIND = Kind(
    title="DOI",
    example="10.5281/zenodo.3242074",
    canonical=canonical,
    read_link=whole,
    read_page=read_page,
    refs=False,
)

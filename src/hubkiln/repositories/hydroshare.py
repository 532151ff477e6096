"""HydroShare: ``hydroshare/<resource>``, a resource's address or DOI; as it is now, for resources change."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import SplitResult, unquote

from hubkiln.egress import joined
from hubkiln.errors import BadSpec, Unreachable
from hubkiln.repositories.api import Api, Json, items_at, number_at, text_at
from hubkiln.repositories.kind import Kind, Place, shown, whole
from hubkiln.repositories.record import File, Record

_RESOURCE = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)
_MOST_PAGES = 100


def canonical(text: str) -> str:
    """The resource's id, wherever it stands in `text`; raises BadSpec."""
    found = _RESOURCE.findall(text)
    if len(found) != 1:
        raise BadSpec(
            f"`{shown(text)}` names no resource.", hint="It looks like `hydroshare/0123456789abcdef0123456789abcdef`."
        )
    return str(found[0]).lower()


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """``/resource/<id>/``; raises BadSpec."""
    return Place(canonical(page.path)) if page.path.startswith("/resource/") else None


def known_doi(doi: str) -> bool:
    """Whether `doi` says by itself that it is HydroShare's."""
    return doi.lower().startswith("10.4211/hs.") and _RESOURCE.search(doi) is not None


async def find(api: Api, address: str, repository: str) -> Record:
    """
    The resource, by https://www.hydroshare.org/hsapi/: its files, and when it was changed last.

    Raises:
        RepositoryNotFound, AccessDenied, Unreachable.
    """
    resource = f"{address}/hsapi/resource/{repository}"
    missing = f"There is no resource {repository} at {address}."
    about = await api.get(f"{resource}/scimeta/elements/", missing=missing)
    files: list[File] = []
    url: str | None = f"{resource}/files/"
    for _ in range(_MOST_PAGES):
        if url is None:
            break
        page = await api.get(url, missing=missing)
        files += [_file(one, address) for one in items_at(page, "results")]
        following = page.get("next")
        url = joined(url, following) if isinstance(following, str) and following else None
    return Record(
        key=f"{repository}.v{_changed(about, address)}",
        repository=repository,
        url=f"{address}/resource/{repository}",
        name=f"hydroshare-{repository[:8]}",
        files=tuple(files),
    )


def _changed(about: Json, address: str) -> int:
    for date in items_at(about, "dates"):
        if date.get("type") == "modified":
            try:
                moment = datetime.fromisoformat(text_at(date, "start_date"))
            except ValueError:
                break
            return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    raise Unreachable(f"{address} does not say when the resource was changed.", hint="Try again in a few minutes.")


def _file(one: Json, address: str) -> File:
    url = joined(f"{address}/", text_at(one, "url"))
    _, found, below = unquote(url).partition("/data/contents/")
    checksum = one.get("checksum")
    return File(
        path=below if found else text_at(one, "file_name"),
        url=url,
        size=number_at(one, "size"),
        checksum=f"md5:{checksum}" if isinstance(checksum, str) and re.fullmatch(r"[0-9a-f]{32}", checksum) else "",
    )


KIND = Kind(
    title="HydroShare",
    example="0123456789abcdef0123456789abcdef",
    canonical=canonical,
    read_link=whole,
    read_page=read_page,
    one_segment=True,
    refs=False,
)

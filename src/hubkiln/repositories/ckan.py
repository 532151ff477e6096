"""CKAN, the software of many open data portals: ``ckan/https%3A%2F%2Fdemo.ckan.org%2Fdataset%2Fsample``."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from hubkiln.errors import BadSpec, Unreachable
from hubkiln.repositories import urls
from hubkiln.repositories.api import Api, Json, items_at, object_at, text_at, unexpected
from hubkiln.repositories.kind import Kind, Place, shown
from hubkiln.repositories.record import File, Record

_DATASET = re.compile(r"(?P<before>.*)/dataset/(?P<name>[A-Za-z0-9_-]+)(?:/history/(?P<activity>[0-9a-f-]{36}))?")


def canonical(text: str) -> str:
    """``https://host/dataset/name``, with ``/history/<activity>`` for a state it was in; raises BadSpec."""
    address = urls.canonical(text.partition("?")[0])
    activity = parse_qs(urlsplit(text).query).get("activity_id", [""])[0]
    address = re.sub(r"/dataset/activity/", "/dataset/", address)
    found = _DATASET.fullmatch(urlsplit(address).path)
    if found is None or not address.startswith(("http://", "https://")) or (activity and found["activity"]):
        raise BadSpec(f"`{shown(text)}` is no dataset.", hint="It looks like `https://host/dataset/name`.")
    if activity and not re.fullmatch(r"[0-9a-f-]{36}", activity):
        raise BadSpec("That is no state of a dataset.", hint="Copy the address again.")
    return f"{address}/history/{activity}" if activity else address


def read_link(rest: str) -> Place:
    """The address is one encoded segment; where it was decoded on the way, all of it. Raises BadSpec."""
    text = unquote(rest).strip("/").removesuffix("/HEAD").rstrip("/")
    return Place(re.sub(r"^(https?):/+", r"\1://", text))


def elsewhere(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """A dataset's page, wherever it is."""
    path = re.sub(r"/dataset/activity/", "/dataset/", page.path.rstrip("/"))
    return ("ckan", Place(page.geturl())) if _DATASET.fullmatch(path) else None


async def find(api: Api, repository: str) -> Record:
    """
    The dataset, by https://docs.ckan.org/en/latest/api/ (``package_show``; a past state by ``activity_data_show``).

    Raises:
        RepositoryNotFound, AccessDenied, Unreachable.
    """
    parts = urlsplit(repository)
    named = _DATASET.fullmatch(parts.path)
    if named is None:
        raise BadSpec("That is no dataset.", hint="It looks like `https://host/dataset/name`.")
    action = f"{parts.scheme}://{parts.netloc}{named['before']}/api/3/action"
    if named["activity"]:
        asked = f"{action}/activity_data_show?id={named['activity']}&object_type=package"
    else:
        asked = f"{action}/package_show?id={quote(named['name'])}"
    dataset = object_at(await api.get(asked, missing=f"There is no dataset {repository}."), "result")
    return Record(
        key=f"{named['name']}.v{_changed(dataset, repository)}",
        repository=repository,
        url=repository,
        name=named["name"].lower(),
        files=tuple(_file(one) for one in items_at(dataset, "resources") if one.get("url")),
    )


def _changed(dataset: Json, repository: str) -> int:
    try:
        moment = datetime.fromisoformat(text_at(dataset, "metadata_modified"))
    except ValueError as error:
        raise Unreachable(f"{repository} does not say when it was changed.", hint="Tell its owner.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _file(one: Json) -> File:
    """Sizes and hashes are what an owner typed, if anything: a hash counts where it says of which kind it is."""
    url = text_at(one, "url")
    told = str(one.get("hash") or "")
    try:
        named = unquote(urlsplit(url).path).rstrip("/").rsplit("/", 1)[-1]
    except ValueError as error:
        raise unexpected("The host (`url`)") from error
    return File(
        path=named or text_at(one, "id"),
        url=url,
        size=None,
        checksum=told if re.fullmatch(r"(md5|sha1|sha256|sha512):[0-9a-f]+", told) else "",
        typed=one.get("url_type") != "upload",
    )


KIND = Kind(
    title="CKAN",
    example="https%3A%2F%2Fdemo.ckan.org%2Fdataset%2Fsample",
    canonical=canonical,
    read_link=read_link,
    one_segment=True,
    refs=False,
)

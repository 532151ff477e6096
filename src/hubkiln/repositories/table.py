"""Every kind of repository and every source: the one place where providers are found.

A new kind is a file beside this one and a row here. An admin's own sources join those that everybody has, or replace
one of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from urllib.parse import SplitResult, urlsplit

from hubkiln.errors import BadSpec
from hubkiln.repositories import (
    archives,
    bitbucket,
    ckan,
    dataverse,
    doi,
    figshare,
    gist,
    git,
    gitea,
    github,
    gitlab,
    hydroshare,
    inline,
    local,
    software_heritage,
    zenodo,
)
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.kind import Kind, Place, Source

KINDS: dict[str, Kind] = {
    "git": git.KIND,
    "github": github.KIND,
    "gitlab": gitlab.KIND,
    "gist": gist.KIND,
    "gitea": gitea.KIND,
    "bitbucket": bitbucket.KIND,
    "zenodo": zenodo.KIND,
    "figshare": figshare.KIND,
    "dataverse": dataverse.KIND,
    "hydroshare": hydroshare.KIND,
    "ckan": ckan.KIND,
    "swh": software_heritage.KIND,
    "doi": doi.KIND,
    "archive": archives.KIND,
    "inline": inline.KIND,
    "local": local.KIND,
}

SELF_HOSTED = ("github", "gitlab", "gitea", "zenodo", "figshare", "dataverse", "hydroshare", "swh", "doi")
"""Kinds of which an admin can name further sources."""

OLD_NAMES = {"swhid": "swh"}


def source_named(name: str, known: Collection[str]) -> str:
    """What the source is called that a link calls `name`, in capitals or not."""
    name = name if name in known else name.lower()
    return OLD_NAMES.get(name, name)


KNOWN_DOIS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("zenodo", zenodo.known_doi),
    ("figshare", figshare.known_doi),
    ("dataverse", dataverse.known_doi),
    ("hydroshare", hydroshare.known_doi),
)
"""Which DOIs say themselves where they lead; all others are looked up."""

ELSEWHERE: tuple[Callable[[SplitResult, str | None], tuple[str, Place] | None], ...] = (
    gitlab.elsewhere,
    gitea.elsewhere,
    dataverse.elsewhere,
    archives.elsewhere,
    ckan.elsewhere,
)
"""Pages of hosts that nobody named, by a form of address that only one kind has."""


def check_sources(given: Iterable[tuple[str, str, str]]) -> tuple[Source, ...]:
    """
    An admin's own sources: name, kind and address of each.

    Raises:
        BadSpec: there is no such kind, or none of which one can have one's own.
    """
    found = tuple(Source(name, kind, address) for name, kind, address in given)
    for source in found:
        if source.kind not in SELF_HOSTED:
            raise BadSpec(
                f"The source `{source.name}` is of no kind that is known: `{source.kind}`.",
                hint=f"One of {', '.join(SELF_HOSTED)}.",
            )
        if source.name in KINDS and KINDS[source.name] is not KINDS[source.kind]:
            raise BadSpec(f"`{source.name}` is the name of something else.", hint="Choose another name for the source.")
    return found


def sources(settings: RepositorySettings) -> dict[str, Source]:
    """Every source by its name."""
    known = (
        Source("gh", "github", settings.github),
        Source("gl", "gitlab", settings.gitlab),
        Source("gist", "gist", settings.gist),
        Source("git", "git"),
        Source("codeberg", "gitea", "https://codeberg.org"),
        Source("bitbucket", "bitbucket", "https://bitbucket.org"),
        Source("zenodo", "zenodo", "https://zenodo.org"),
        Source("figshare", "figshare", "https://figshare.com"),
        Source("dataverse", "dataverse"),
        Source("hydroshare", "hydroshare", "https://www.hydroshare.org"),
        Source("ckan", "ckan"),
        Source("swh", "swh", "https://archive.softwareheritage.org"),
        Source("doi", "doi", "https://doi.org"),
        Source("archive", "archive"),
        Source("inline", "inline"),
        *((Source("local", "local"),) if settings.allow_local_folders else ()),
        *settings.sources,
    )
    return {source.name: source for source in known}


def described(settings: RepositorySettings) -> list[tuple[Source, Kind]]:
    """Every source that links can name, with its kind."""
    return [(source, KINDS[source.kind]) for source in sources(settings).values() if source.kind != "local"]


def at(page: SplitResult, found: dict[str, Source]) -> Iterator[Source]:
    """The sources whose pages `page` may be one of: those with its host, port and the beginning of its path."""
    for source in reversed(list(found.values())):
        base = urlsplit(source.address)
        same = (_host(page), page.port) == (_host(base), base.port)
        if source.address and same and page.path.startswith(base.path):
            yield source


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").removeprefix("www.")

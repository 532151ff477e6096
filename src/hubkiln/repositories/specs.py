"""What people type, and what links say, becomes a :class:`~hubkiln.values.Spec`; nothing is looked up.

One repository has one spec however it was written: ``org/repo``, ``gh/org/repo/HEAD`` and the address of a page
on GitHub are the same. Each provider reads its own spelling; here is who is asked, in which order.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, quote, unquote, urlsplit

from hubkiln.errors import BadSpec
from hubkiln.repositories import around, foreign, github, links, lists, mistaken, software_heritage, typed_folders, urls
from hubkiln.repositories.doi import find_doi
from hubkiln.repositories.interface import Recognised, RepositorySettings
from hubkiln.repositories.kind import Place, Source, read_link, shown
from hubkiln.repositories.opening import of_page, of_query
from hubkiln.repositories.packages_beside import parted, with_packages
from hubkiln.repositories.pages import shown_there
from hubkiln.repositories.refs import check_ref, check_subdir
from hubkiln.repositories.table import ELSEWHERE, KINDS, KNOWN_DOIS, at, source_named, sources
from hubkiln.values import Spec

LINK = "/v2/"
"""Before the path of a launch link."""

_LONGEST = 20_000
"""Letters of a list that is pasted."""


def recognise(text: str, ref: str | None = None, *, subdir: str = "", settings: RepositorySettings) -> Recognised:
    """
    What a person typed or pasted: an address, a page, a link of a Binder, a DOI, ``org/repo``, ``git clone …``, …

    A `ref` or `subdir` given beside it wins over one in `text`, which may add packages: ``org/repo + numpy``.

    Raises:
        BadSpec: it names no repository; the message says what it seems to be instead, the hint what to do.
    """
    text = text.strip()
    if settings.allow_local_folders:
        if (there := typed_folders.folder_there(text)) is not None:
            folder, beside, packages = there
            spec = make_spec("local", folder, ref or beside, subdir, settings)
            return Recognised(spec=with_packages(spec, packages) if packages else spec)
        typed_folders.check_no_file(text)
    text, packages = parted(text)
    if packages:
        found = recognise(text, ref, subdir=subdir, settings=settings)
        return replace(found, spec=with_packages(found.spec, packages))
    if not text:
        raise BadSpec("No repository was given.", hint=mistaken.FORMS)
    if text.startswith(LINK) and "?" not in text and not settings.allow_local_folders:
        return _linked(text.removeprefix(LINK), ref, subdir, settings)
    if text.startswith("inline/"):
        list_ = unquote(text.removeprefix("inline/")).removesuffix("/HEAD")
        return Recognised(spec=make_spec("inline", lists.as_written(list_), ref, subdir, settings))
    if (told := mistaken.of_file(text)) is not None:
        raise told
    if re.search(r"[\r\n]", text) and len(text) <= _LONGEST:
        text = mistaken.several(text)
    if re.search(r"[\x00-\x1f\x7f]", text) or len(text) > 4000:
        raise BadSpec("That holds characters that no repository's name has.", hint=mistaken.FORMS)
    text = around.undecorated(text)
    text, beside = around.within(text) or (text, "")
    ref = ref or beside or None
    named = _read(text, ref, settings)
    place = named.place
    spec = make_spec(named.provider, place.repository, ref or place.ref, subdir or place.subdir, settings)
    spec = with_packages(spec, named.packages) if named.packages else spec
    return Recognised(spec=spec, opens=named.opens or of_page(place.shows, spec.subdir))


def _read(text: str, ref: str | None, settings: RepositorySettings) -> _Named:
    try:
        return _Reader(settings, ref).read(text)
    except BadSpec as error:
        if settings.allow_local_folders and not urls.is_url(text):
            raise typed_folders.perhaps_folder(error) from None
        raise


def _linked(path: str, ref: str | None, subdir: str, settings: RepositorySettings) -> Recognised:
    """What follows ``/v2/`` in a launch link: its first part is a provider, never somebody of that name on GitHub."""
    provider, _, rest = path.partition("/")
    spec = parse_provider_path(provider, rest, subdir=subdir, settings=settings)
    if spec.provider == "doi":  # a host that is known has its own name
        return recognise(spec.repository, ref, subdir=subdir, settings=settings)
    return Recognised(spec=make_spec(spec.provider, spec.repository, ref or spec.ref, spec.subdir, settings))


def parse_spec(text: str, ref: str | None = None, *, subdir: str = "", settings: RepositorySettings) -> Spec:
    """The repository alone of what :func:`recognise` finds; raises BadSpec."""
    return recognise(text, ref, subdir=subdir, settings=settings).spec


def make_spec(provider: str, repository: str, ref: str | None, subdir: str, settings: RepositorySettings) -> Spec:
    """
    A spec from its parts, canonical.

    Raises:
        BadSpec: a part is malformed, or the provider is not known or not allowed.
    """
    if (source := sources(settings).get(provider)) is None:
        raise BadSpec(f"`{shown(provider)[:40]}` repositories cannot be built here.", hint=mistaken.FORMS)
    kind = KINDS[source.kind]
    if provider == "inline" and (check_ref(ref) != "HEAD" or check_subdir(subdir)):
        raise BadSpec("A package list has no branches or folders.", hint="Leave the ref and the folder empty.")
    if not kind.refs and check_ref(ref) not in ("HEAD", "master", "main"):
        raise BadSpec(f"{kind.title} has no branches or tags.", hint="Leave the ref empty.")
    named = kind.canonical(repository)
    return Spec(
        provider=provider,
        repository=named,
        ref=check_ref(ref) if kind.refs else "HEAD",
        subdir=check_subdir(subdir),
    )


@dataclass(frozen=True, slots=True)
class _Named:
    provider: str
    place: Place
    opens: str = ""
    packages: str = ""


class _Reader:
    """Asks one after the other what a text is."""

    def __init__(self, settings: RepositorySettings, ref: str | None) -> None:
        self._settings, self._ref = settings, ref
        self._sources, self._keyless = sources(settings), _keyless(settings)

    def read(self, text: str) -> _Named:
        if _is_folder(text, self._settings):
            return _Named("local", Place(typed_folders.path_of(text)))
        if (told := foreign.paper(text)) is not None:
            raise told
        if re.match(r"(localhost|127\.0\.0\.1)(:\d+)?/(lab|tree|notebooks|hub)\b", text):
            raise foreign.elsewhere(f"http://{text}") or mistaken.explain(text)
        if (doi := find_doi(text)) is not None:
            return self._doi(doi)
        if re.match(r"swh:1:", text):
            return _Named("swh", software_heritage.read(text))
        if (told := mistaken.recognised(text)) is not None:
            raise told
        if urls.is_url(text):
            return self._address(text)
        provider, _, rest = text.partition("/")
        provider = source_named(provider, self._sources)
        if provider in self._sources and self._is_meant(provider, rest):
            return self._link(provider, rest)
        if re.fullmatch(r"(www\.)?(github|gitlab|bitbucket)\.(com|org)/.+|[\w-]+(\.[\w-]+)+/.+/.+", text):
            return self._address(f"https://{text}")
        if re.fullmatch(r"[^/\s]+/[^/\s]+/(tree|blob|pull|commit)/\S+", text):
            return self._address(f"https://github.com/{text}")
        if "%" in text or text.count("/") != 1:
            raise mistaken.explain(text)
        try:
            github.canonical(text)
        except BadSpec:
            raise mistaken.explain(text) from None
        return _Named("gh", Place(text))

    def _doi(self, doi: str) -> _Named:
        provider = next((name for name, knows in KNOWN_DOIS if knows(doi)), "doi")
        return _Named(provider, Place(doi))

    def _link(self, provider: str, rest: str) -> _Named:
        place = read_link(provider, KINDS[self._sources[provider].kind], rest)
        if provider == "git":
            return _Named(*_of_source(place, self._sources, keyless=self._keyless))
        return self._doi(doi) if provider == "doi" and (doi := find_doi(place.repository)) else _Named(provider, place)

    def _is_meant(self, provider: str, rest: str) -> bool:
        """Whether ``provider/rest`` is meant, not a repository of somebody named ``git`` or ``gh`` on GitHub."""
        if provider == "local":
            return bool(rest.strip("/"))
        kind, rest = self._sources[provider].kind, rest.strip("/")
        if not KINDS[kind].refs and not re.search(r"[/%]", rest):
            return re.fullmatch(_ALONE.get(kind, "(?!)"), rest) is not None
        if not KINDS[kind].refs:
            return True
        return rest.count("/") >= 1 or "%2f" in rest.lower() or "%3a" in rest.lower()

    def _address(self, text: str) -> _Named:
        """A git address; of the hosts we know, also of their pages."""
        try:
            page = urlsplit(text) if re.match(r"https?://", text, re.IGNORECASE) else None
            if page is not None and "@" not in page.netloc and (found := self._page(page)) is not None:
                return found
        except ValueError:  # a malformed host or port: making it canonical says so
            pass
        if (told := foreign.elsewhere(text)) is not None:
            raise told
        if re.match(r"https?://", text, re.IGNORECASE):
            return _Named("git", Place(text))
        return _Named(*_of_source(Place(text), self._sources, keyless=self._keyless))

    def _page(self, page: SplitResult) -> _Named | None:
        if inner := around.leads_to(page):
            return self._address(inner)
        page = links.meant(page)
        if (linked := links.read(page, self._sources)) is not None:
            named = self._link(linked.provider, linked.rest) if linked.provider else self._address(linked.rest)
            asked = replace(named.place, ref=linked.ref or named.place.ref, subdir=linked.subdir or named.place.subdir)
            return replace(named, place=asked, opens=of_query(page.query), packages=linked.packages)
        if (there := shown_there(page, self._ref)) is not None:
            return self._doi(there[1].repository) if there[0] == "doi" else _Named(*there)
        for source in at(page, self._sources):
            below = page._replace(path=page.path[len(urlsplit(source.address).path) :])
            if (place := KINDS[source.kind].read_page(below, self._ref)) is not None:
                return self._doi(doi) if (doi := find_doi(place.repository)) else _Named(source.name, place)
        for look in ELSEWHERE:
            if (other := look(page, self._ref)) is not None:
                return _Named(*other)
        return None


_ALONE = {
    "zenodo": r"\d+|[a-z0-9]{5}-[a-z0-9]{5}",
    "figshare": r"\d+(\.v\d+)?",
    "hydroshare": r"[0-9a-fA-F]{32}",
    "swh": r"swh:.*",
}
"""What a record is called where its name is one word, by kind: ``zenodo/zenodo`` is somebody's repository on GitHub."""


def _is_folder(text: str, settings: RepositorySettings) -> bool:
    if typed_folders.is_path(text) and not settings.allow_local_folders:
        raise BadSpec("Folders of the server cannot be built from here.", hint=mistaken.FORMS)
    return typed_folders.is_path(text)


def parse_provider_path(provider: str, rest: str, *, subdir: str = "", settings: RepositorySettings) -> Spec:
    """
    A spec from the raw, still percent-encoded path of a link: ``/v2/<provider>/<rest>``.

    Raises:
        BadSpec.
    """
    if provider.lower() == "inline":
        return parse_spec(f"inline/{rest}", subdir=subdir, settings=settings)
    known, said = sources(settings), provider
    provider = source_named(provider, known)
    if not said:
        raise BadSpec("This link names no repository.", hint=mistaken.FORMS)
    if provider not in known or provider == "local":
        raise BadSpec(f"`{shown(said)[:40]}` repositories cannot be built here.", hint=mistaken.FORMS)
    place = read_link(provider, KINDS[known[provider].kind], rest)
    if provider == "git":
        provider, place = _of_source(place, known, keyless=_keyless(settings))
    return make_spec(provider, place.repository, place.ref, subdir or place.subdir, settings)


def _keyless(settings: RepositorySettings) -> bool:
    """Whether nobody could be asked over SSH with a key."""
    return settings.ssh_key is None and not settings.allow_local_folders


def _of_source(place: Place, known: dict[str, Source], *, keyless: bool) -> tuple[str, Place]:
    """
    What is at a git address, under the name of the source that it is of, so that what is said of that one holds.

    Of an SSH address so only where it could not be asked as it stands, being `keyless`.
    """
    page = urlsplit(urls.canonical(place.repository))
    if page.scheme == "ssh" and keyless and page.port is None:
        page = page._replace(scheme="https", netloc=page.hostname or "")
    for source in at(page, known) if page.scheme != "ssh" else ():
        below = page._replace(path=page.path[len(urlsplit(source.address).path) :])
        with suppress(BadSpec):
            found = KINDS[source.kind].read_page(below, None) if KINDS[source.kind].refs else None
            if found is not None and found == Place(found.repository):
                return source.name, replace(place, repository=found.repository)
    return "git", place


def provider_path(spec: Spec, settings: RepositorySettings | None = None) -> str:
    """`spec` as in BinderHub's links, without its folder: the inverse of :func:`parse_provider_path`."""
    source = sources(settings or RepositorySettings()).get(spec.provider)
    kind = KINDS[source.kind] if source else None
    encode = spec.provider == "local" or (kind is not None and kind.one_segment)
    repository = quote(spec.repository, safe="") if encode else spec.repository
    return f"{spec.provider}/{repository}" + (
        "" if kind is not None and not kind.refs else f"/{quote(spec.ref, safe='/')}"
    )

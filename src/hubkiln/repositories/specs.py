"""What people type, and what links say, becomes a :class:`~hubkiln.values.Spec`; nothing is looked up.

One repository has one spec however it was written: ``org/repo``, ``gh/org/repo/HEAD`` and the address of a page
on GitHub are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from hubkiln.errors import BadSpec
from hubkiln.repositories import gist, git, github, gitlab, inline, local, mistaken, urls
from hubkiln.repositories.hosted import Place
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.refs import check_ref, check_subdir
from hubkiln.values import Spec

CANONICAL: dict[str, Callable[[str], str]] = {
    "git": git.canonical,
    "gh": github.canonical,
    "gl": gitlab.canonical,
    "gist": gist.canonical,
    "inline": inline.canonical,
    "local": local.canonical,
}
"""Each provider's spelling of a repository."""

_ELSEWHERE = {"zenodo", "figshare", "dataverse", "hydroshare", "ckan", "swhid"}
_FORMS = mistaken.FORMS


def make_spec(provider: str, repository: str, ref: str | None, subdir: str, settings: RepositorySettings) -> Spec:
    """
    A spec from its parts, canonical.

    Raises:
        BadSpec: a part is malformed, or the provider is not known or not allowed.
    """
    if provider not in CANONICAL or (provider == "local" and not settings.allow_local_folders):
        raise BadSpec(f"`{ascii(provider)[1:-1][:40]}` repositories cannot be built here.", hint=_FORMS)
    if provider == "inline" and (check_ref(ref) != "HEAD" or check_subdir(subdir)):
        raise BadSpec("A package list has no branches or folders.", hint="Leave the ref and the folder empty.")
    named = CANONICAL[provider](repository)
    return Spec(provider=provider, repository=named, ref=check_ref(ref), subdir=check_subdir(subdir))


def parse_spec(text: str, ref: str | None = None, *, subdir: str = "", settings: RepositorySettings) -> Spec:
    """
    What a person typed: an address, a page of GitHub or GitLab, ``org/repo``, ``provider/…``, a folder, a package list.

    A `ref` or `subdir` given beside it wins over one that is part of `text`.

    Raises:
        BadSpec: it names no repository; the hint says how to write one.
    """
    text = text.strip()
    if not text:
        raise BadSpec("No repository was given.", hint=_FORMS)
    if text.startswith("inline/"):
        return make_spec("inline", unquote(text.removeprefix("inline/")).removesuffix("/HEAD"), ref, subdir, settings)
    if re.search(r"[\x00-\x1f\x7f]", text) or len(text) > 4000:
        raise BadSpec("That holds characters that no repository's name has.", hint=_FORMS)
    named = _read(text, ref, settings)
    return make_spec(named.provider, named.repository, ref or named.ref, subdir or named.subdir, settings)


@dataclass(frozen=True, slots=True)
class _Named:
    provider: str
    repository: str
    ref: str = ""
    subdir: str = ""


def _read(text: str, ref: str | None, settings: RepositorySettings) -> _Named:
    if _is_folder(text, settings):
        return _Named("local", text.removeprefix("file://"))
    if (told := mistaken.recognised(text)) is not None:
        raise told
    if urls.is_url(text):
        return _read_address(text, ref, settings)
    provider, _, rest = text.partition("/")
    if provider in _ELSEWHERE:
        raise BadSpec(f"`{provider}` records cannot be built here yet.", hint=_FORMS)
    if provider in ("git", "gh", "gl", "gist", "local") and _is_provider_form(provider, rest):
        return _read_provider(provider, rest)
    if re.fullmatch(r"(www\.)?(github|gitlab)\.com/.+|gist\.github\.com/.+|[\w-]+(\.[\w-]+)+/.+/.+", text):
        return _read_address(f"https://{text}", ref, settings)
    if "%" in text or text.count("/") != 1:
        raise mistaken.explain(text)
    return _Named("gh", text)


def _is_folder(text: str, settings: RepositorySettings) -> bool:
    looks = text.startswith((".", "/", "~", "file://"))
    if not settings.allow_local_folders:
        if looks:
            raise BadSpec("Folders of the server cannot be built from here.", hint=_FORMS)
        return False
    return looks or (not urls.is_url(text) and _exists(text))


def _exists(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):
        return False


def _is_provider_form(provider: str, rest: str) -> bool:
    """Whether ``provider/rest`` is meant, not a repository of somebody named ``git`` or ``gh`` on GitHub."""
    return provider == "local" or rest.strip("/").count("/") >= 1 or "%2f" in rest.lower() or "%3a" in rest.lower()


def _read_address(text: str, ref: str | None, settings: RepositorySettings) -> _Named:
    """A git address; of the hosts we know, also of their pages."""
    try:
        return _read_page(text, ref, settings) or _Named("git", text)
    except ValueError:  # a malformed host or port: making it canonical says so
        return _Named("git", text)


def _read_page(text: str, ref: str | None, settings: RepositorySettings) -> _Named | None:
    parts = urlsplit(text) if re.match(r"https?://", text, re.IGNORECASE) else None
    if parts is None or "@" in parts.netloc:
        return None
    host = (parts.hostname or "").removeprefix("www.")
    for provider, base, read in (
        ("gh", settings.github, github.read_page),
        ("gist", settings.gist, gist.read_page),
        ("gl", settings.gitlab, gitlab.read_page),
    ):
        if (host, parts.port) == (urlsplit(base).hostname, urlsplit(base).port):
            return _placed(provider, read(parts.path, ref))
    if "/-/" in parts.path:
        place = gitlab.read_page(parts.path, ref)
        return _placed("git", Place(f"{parts.scheme}://{parts.netloc}/{place.repository}.git", place.ref, place.subdir))
    return None


def _placed(provider: str, place: Place) -> _Named:
    return _Named(provider, place.repository, place.ref, place.subdir)


def _read_provider(provider: str, rest: str) -> _Named:
    """``rest`` as in BinderHub's links, still percent-encoded."""
    rest = rest.strip("/") if provider != "local" else rest
    parts = rest.split("/")
    if provider == "local":
        return _Named("local", unquote(rest).removesuffix("/HEAD"))
    if provider == "git":
        return _read_git(parts)
    if provider == "gl" and "%2f" in parts[0].lower():
        return _Named("gl", unquote(parts[0]), unquote("/".join(parts[1:])))
    if len(parts) < 2:
        raise BadSpec(f"`{provider}/…` needs an owner and a name.", hint=f"It looks like `{provider}/org/repo/HEAD`.")
    return _Named(provider, unquote("/".join(parts[:2])), unquote("/".join(parts[2:])))


def _read_git(parts: list[str]) -> _Named:
    """
    The address is one encoded segment.

    Where something on the way has decoded it, it ends with ``.git`` or before the last segment.
    """
    first = unquote(parts[0])
    if urls.is_url(first) and not re.fullmatch(r"\w+://?", first):
        return _Named("git", first, unquote("/".join(parts[1:])))
    if re.fullmatch(r"[a-z]+:", parts[0]):
        rest = [unquote(part) for part in parts[1:] if part]
        ends = next((index for index, part in enumerate(rest, 1) if part.endswith(".git")), len(rest) - 1)
        return _Named("git", f"{parts[0]}//{'/'.join(rest[:ends])}", "/".join(rest[ends:]))
    if "%" in parts[0] or "." in parts[0]:
        return _Named("git", f"https://{first}", unquote("/".join(parts[1:])))
    raise BadSpec("`git/…` needs an address.", hint="It looks like `git/https%3A%2F%2Fhost%2Frepository.git/main`.")


def parse_provider_path(provider: str, rest: str, *, subdir: str = "", settings: RepositorySettings) -> Spec:
    """
    A spec from the raw, still percent-encoded path of a link: ``/v2/<provider>/<rest>``.

    Raises:
        BadSpec.
    """
    if provider == "inline":
        return parse_spec(f"inline/{rest}", subdir=subdir, settings=settings)
    if provider in _ELSEWHERE or provider not in CANONICAL or provider == "local":
        raise BadSpec(f"`{ascii(provider)[1:-1][:40]}` repositories cannot be built here.", hint=_FORMS)
    try:
        unquote(rest, errors="strict")
    except UnicodeDecodeError as error:
        raise BadSpec("That link is not well-formed.", hint="Copy it again from where it came.") from error
    named = _read_provider(provider, rest)
    return make_spec(provider, named.repository, named.ref, subdir or named.subdir, settings)


def provider_path(spec: Spec) -> str:
    """`spec` as in BinderHub's links, without its folder: the inverse of :func:`parse_provider_path`."""
    encode = spec.provider in ("git", "gl", "inline")
    repository = quote(spec.repository, safe="") if encode else spec.repository
    return f"{spec.provider}/{repository}" + ("" if spec.provider == "inline" else f"/{spec.ref}")

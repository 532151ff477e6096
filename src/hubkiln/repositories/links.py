"""Links that ask for a repository: of any Binder, of nbgitpuller, of a hub's spawn page as its address bar has it.

Pure; what they name is read like what is typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, parse_qs, unquote

from hubkiln.repositories.table import source_named
from hubkiln.written_links import split_link

PERMALINK = "fancy-forms-config"
"""What jupyterhub-fancy-profiles writes its choices behind, in the spawn page's address."""


_SPAWN = re.compile(r"/hub/spawn(/|$)")


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link names."""

    provider: str
    """Empty where `rest` is an address."""
    rest: str
    """What follows the provider, still percent-encoded."""
    ref: str = ""
    subdir: str = ""
    packages: str = ""
    """Besides what the repository asks for, as they are typed."""


def read(page: SplitResult, known: Collection[str]) -> Linked | None:
    """What the link at `page` asks for, of the sources `known`; None if it is no such link."""
    if page.hostname == "mybinder.org" and (old := re.match(r"/repo/([^/]+/[^/]+)", page.path)):
        return Linked("gh", old[1])
    return _with_more(_binder(page.path, known), page) or _pulled(page) or _spawn_page(page, known)


def meant(page: SplitResult) -> SplitResult:
    """A launch link as :func:`split_link` reads it; any other page as it is."""
    before, found, rest = page.path.partition("/v2/")
    if not found and not _SPAWN.search(page.path):
        return page
    rest, query = split_link(rest, page.query)
    return page._replace(path=f"{before}{found}{rest}", query=query)


def _with_more(linked: Linked | None, page: SplitResult) -> Linked | None:
    """`linked` with what our own links may say besides."""
    if linked is None:
        return None
    given = {name: values[0] for name, values in parse_qs(page.query, max_num_fields=50).items()}
    return replace(linked, subdir=given.get("subdir", ""), packages=given.get("packages", ""))


def _binder(path: str, known: Collection[str]) -> Linked | None:
    """``/v2/gh/org/repo/main``."""
    before, found, rest = path.partition("/v2/")
    provider, _, rest = rest.partition("/")
    provider = source_named(provider, known)
    if not found or provider not in known or provider == "local" or before.count("/") > 3:
        return None
    return Linked(provider, rest)


def _pulled(page: SplitResult) -> Linked | None:
    """``…/git-pull?repo=https%3A%2F%2F…&branch=main&urlpath=lab%2Ftree%2F…``."""
    if not page.path.endswith("/git-pull"):
        return None
    given = {name: values[0] for name, values in parse_qs(page.query).items()}
    address = given.get("repo", "")
    if not re.match(r"https?://", address) or "git-pull" in address:
        return None
    return Linked("", address, given.get("branch", ""))


def _spawn_page(page: SplitResult, known: Collection[str]) -> Linked | None:
    """``…/hub/spawn?repository=%2Fv2%2F…``, and ``…/hub/spawn#fancy-forms-config={…}``."""
    if not _SPAWN.search(page.path):
        return None
    if (named := parse_qs(page.query).get("repository")) is not None:
        return _with_more(_binder(named[0], known), page)
    name, _, written = page.fragment.partition("=")
    try:
        given = json.loads(unquote(written)) if name == PERMALINK else {}
    except ValueError:
        given = {}
    texts = {key: value for key, value in given.items() if isinstance(value, str)} if isinstance(given, dict) else {}
    repository = next((value for key, value in texts.items() if key.endswith(":binderRepo") and value), "")
    provider = next((value for key, value in texts.items() if key.endswith(":binderProvider")), "gh")
    ref = next((value for key, value in texts.items() if key.endswith(":ref")), "")
    if re.match(r"https?://", repository):
        return Linked("", repository, ref)
    return Linked(provider, repository, ref) if repository and provider in known else None

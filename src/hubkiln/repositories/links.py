"""Links that ask for a repository: of any Binder, of nbgitpuller, of a hub's spawn page as its address bar has it.

Pure; what they name is read like what is typed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qs, unquote

from hubkiln.repositories.table import source_named

PERMALINK = "fancy-forms-config"
"""What jupyterhub-fancy-profiles writes its choices behind, in the spawn page's address."""


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link names."""

    provider: str
    """Empty where `rest` is an address."""
    rest: str
    """What follows the provider, still percent-encoded."""
    ref: str = ""


def read(page: SplitResult, known: Collection[str]) -> Linked | None:
    """What the link at `page` asks for, of the sources `known`; None if it is no such link."""
    if page.hostname == "mybinder.org" and (old := re.match(r"/repo/([^/]+/[^/]+)", page.path)):
        return Linked("gh", old[1])
    return _binder(page.path, known) or _pulled(page) or _spawn_page(page, known)


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
    if not re.search(r"/hub/spawn(/|$)", page.path):
        return None
    if (named := parse_qs(page.query).get("repository")) is not None:
        return _binder(named[0], known)
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

"""Repositories with a shorter name than their address: GitHub, GitLab and gists, which differ in spelling alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from hubkiln.errors import BadSpec
from hubkiln.repositories.git_remote import GitRemote
from hubkiln.values import Checkout, Revision, Say, Spec

_PART = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True)
class Place:
    """What a page's address says."""

    repository: str
    ref: str = ""
    subdir: str = ""


def path_parts(text: str, *, fewest: int, most: int, example: str) -> str:
    """
    `text` as a repository's path on its host, ``.git`` taken off.

    Raises:
        BadSpec: not so many parts, or odd ones.
    """
    parts = text.strip("/").removesuffix(".git").split("/")
    named = all(_PART.fullmatch(part) and part.strip(".") for part in parts)
    if not fewest <= len(parts) <= most or not named or len(text) > 500:
        raise BadSpec(f"`{ascii(text)[1:-1][:80]}` does not name a repository.", hint=f"It looks like `{example}`.")
    return "/".join(parts)


def ref_and_subdir(parts: list[str], ref: str | None) -> tuple[str, str]:
    """
    What ``tree/<ref>/<subdir>`` means when `parts` follow ``tree``.

    A ref may hold slashes: a `ref` given beside the address says where it ends, else its first part is taken and
    more are tried when the host knows no such ref.
    """
    decoded = [unquote(part) for part in parts]
    known = (ref or "").strip("/").split("/") if ref else []
    if known and decoded[: len(known)] == known:
        return "/".join(known), "/".join(decoded[len(known) :])
    return (decoded[0] if decoded else ""), "/".join(decoded[1:])


class Hosted:
    """A provider whose addresses are made by `address` from canonical names."""

    def __init__(
        self, name: str, canonical: Callable[[str], str], address: Callable[[str], str], remote: GitRemote
    ) -> None:
        self.name = name
        self._canonical = canonical
        self._address = address
        self._remote = remote

    async def resolve(self, spec: Spec) -> Revision:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.resolve(spec, self._address(spec.repository))

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.fetch(revision, into, say)

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.tags(revision)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        return await self._remote.history(revision, into, say)

"""Asks a remote for its refs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hubkiln.errors import RefNotFound
from hubkiln.repositories.git_command import Remote, checked
from hubkiln.repositories.interface import Refs
from hubkiln.repositories.refs import Found, Listing, patterns


async def look_up(remote: Remote, url: str, ref: str, wall: Sequence[str] = ()) -> Found:
    """
    Where `ref` of the repository at `url` points.

    Raises:
        RefNotFound: no such ref, or no commit at all; and what :func:`explain` makes of git's complaints.
    """
    ask = ("ls-remote", "--symref", "--", remote.url, *patterns(ref))
    listing = Listing.read(await checked(url, *ask, remote=remote, wall=wall))
    if (found := listing.find(ref)) is not None:
        return found
    if ref == "HEAD" or "HEAD" not in listing.commits:
        await _explain_no_head(remote, url, wall)
    raise RefNotFound(
        f"{url} has no branch or tag named `{ref}`.", hint="Check its spelling; of a commit, give all 40 characters."
    )


async def list_refs(remote: Remote, url: str, wall: Sequence[str] = ()) -> Refs:
    """
    The branches and tags of the repository at `url`.

    Raises:
        what :func:`explain` makes of git's complaints.
    """
    ask = ("ls-remote", "--symref", "--", remote.url, "HEAD", "refs/heads/*", "refs/tags/*")
    return read_refs(Listing.read(await checked(url, *ask, remote=remote, wall=wall)))


def read_refs(listing: Listing) -> Refs:
    """What of `listing` people ask for by name."""
    names = [name for name in listing.commits if not name.endswith("^{}")]
    branches = [name.removeprefix("refs/heads/") for name in names if name.startswith("refs/heads/")]
    tags = [name.removeprefix("refs/tags/") for name in names if name.startswith("refs/tags/")]
    return Refs(
        default=listing.head or "",
        branches=tuple(sorted(branches, key=lambda name: (name != listing.head, name))),
        tags=tuple(sorted(tags, key=_by_version, reverse=True)),
    )


def _by_version(name: str) -> list[tuple[int, int, str]]:
    """Numbers count as such, and what is before a release (``1.0rc1``) comes below it."""
    parts = re.findall(r"\d+|[a-z]+", name.lower().removeprefix("v"))
    return [(2, int(part[:18]), "") if part.isdigit() else (0, 0, part) for part in parts] + [(1, 0, "")]


async def _explain_no_head(remote: Remote, url: str, wall: Sequence[str]) -> None:
    """An empty repository, or a default branch that does not exist."""
    ask = ("ls-remote", "--heads", "--", remote.url)
    everything = Listing.read(await checked(url, *ask, remote=remote, wall=wall))
    if not everything.commits:
        raise RefNotFound(f"{url} is empty: it has no commits.", hint="Push something to it first.")
    branches = sorted(name.removeprefix("refs/heads/") for name in everything.commits)
    raise RefNotFound(
        f"The default branch of {url} does not exist.", hint=f"Name one that does: {', '.join(branches[:5])}."
    )

"""Asks a remote for its refs."""

from __future__ import annotations

from collections.abc import Sequence

from hubkiln.errors import RefNotFound
from hubkiln.repositories.git_command import Remote, checked
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

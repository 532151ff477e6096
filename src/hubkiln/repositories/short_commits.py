"""Commits that are named by their first 7 to 39 characters: no host looks them up, so its history is asked for them.

First among the refs that it lists, which costs one question; then in a fetch of its commits alone, without files.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hubkiln.errors import RefNotFound, TooLarge
from hubkiln.repositories.bounds import Allowance, watched
from hubkiln.repositories.git_command import Remote, checked, git
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.refs import Listing
from hubkiln.sandbox import give_whole

Wall = Callable[..., tuple[str, ...]]
"""What goes before git's command line, for an address and the folders that are written."""

MOST_BYTES, MOST_SECONDS = 512 * 1024**2, 120.0
"""Of a history that is looked through: hundreds of thousands of commits."""

_EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


async def full_commit(remote: Remote, url: str, short: str, settings: RepositorySettings, wall: Wall) -> str | None:
    """
    The one commit of the repository at `url` that begins with `short`; None if none is found.

    Raises:
        RefNotFound: several begin so.
        AccessDenied, Unreachable: what git says.
    """
    listing = Listing.read(await checked(url, "ls-remote", "--", remote.url, remote=remote, wall=wall(url)))
    named = {name.removesuffix("^{}") for name in listing.commits if name.endswith("^{}")}
    listed = {commit for name, commit in listing.commits.items() if name not in named}
    if tips := {commit for commit in listed if commit.startswith(short)}:
        return _only(tips, url, short)
    if settings.scratch is not None:
        settings.scratch.mkdir(parents=True, exist_ok=True)
    kind = "sha256" if any(len(commit) == 64 for commit in listed) else "sha1"
    bounded = replace(settings, max_bytes=min(settings.max_bytes, MOST_BYTES))
    with tempfile.TemporaryDirectory(dir=settings.scratch, prefix="history-", ignore_cleanup_errors=True) as folder:
        history = Path(folder) / "history.git"
        history.mkdir()
        history.parent.chmod(0o711)
        if before := wall(url, history):
            await asyncio.to_thread(give_whole, history)
        looking = _begin_with(remote, url, short, history, kind, before)
        try:
            async with asyncio.timeout(min(settings.seconds, MOST_SECONDS)):
                found = await watched(looking, history, Allowance(bounded))
        except (TooLarge, TimeoutError):
            return None
        return _only(found, url, short)


async def _begin_with(remote: Remote, url: str, short: str, history: Path, kind: str, wall: Sequence[str]) -> set[str]:
    """The commits of all branches and tags that begin with `short`, fetched into the folder `history`."""
    made = ("init", "--quiet", "--bare", "--template=", f"--object-format={kind}", "--", history)
    await checked(url, *made, wall=wall)
    asked = ("fetch", "--quiet", "--no-tags", "--filter=tree:0", "--", remote.url, *_EVERYTHING)
    await checked(url, *asked, cwd=history, remote=remote, wall=wall)
    found = await git("rev-list", "--all", cwd=history, keep=1 << 26, wall=wall)
    return {line for line in found.output.split() if line.startswith(short)}


def _only(found: set[str], url: str, short: str) -> str | None:
    if len(found) > 1:
        raise RefNotFound(f"{url} has {len(found)} commits that begin with {short}.", hint="Write more of it.")
    return next(iter(found), None)

"""The commits and tags behind a commit, brought where tools make a version of them; old files are left where they are.

Which version ``git describe`` and its like find depends on the tags among a commit's ancestors alone. So all of those
are brought and no others, whatever was fetched before, and their digest tells one answer from another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.beneath import Beneath
from hubkiln.errors import RefNotFound
from hubkiln.keys import short_digest
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.git_command import Remote, checked, git
from hubkiln.repositories.refs import COMMIT

WHOLE = "--depth=2147483647"
"""All that there is, also of a repository that has its whole history already."""
WITHOUT_FILES = "--filter=blob:none"
"""Commits and folders alone."""
_PEELED = "^{}"
_SHALLOW_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a remote."""

    name: str
    """``refs/tags/…``."""
    object: str
    commit: str
    """What it points at in the end."""


def read_tags(output: str) -> tuple[Tag, ...]:
    """From the output of ``git ls-remote --tags``, sorted by name."""
    objects: dict[str, str] = {}
    for line in output.splitlines():
        found, tab, name = line.partition("\t")
        if tab and COMMIT.fullmatch(found) and name.startswith("refs/tags/"):
            objects[name] = found
    return tuple(
        Tag(name, objects[name], objects.get(name + _PEELED, objects[name]))
        for name in sorted(objects)
        if not name.endswith(_PEELED)
    )


async def list_tags(remote: Remote, url: str, wall: Sequence[str] = ()) -> tuple[Tag, ...]:
    """
    All tags that the repository at `url` has now.

    Raises:
        what :func:`explain` makes of git's complaints.
    """
    return read_tags(await checked(url, "ls-remote", "--tags", "--", remote.url, remote=remote, wall=wall))


def digest_of(tags: Iterable[Tag], *more: str) -> str:
    """Differs where a tag does."""
    return short_digest([[tag.name, tag.object] for tag in tags] + list(more))


async def bring_history(
    remote: Remote, url: str, commit: str, ref: str, tags: Iterable[Tag], into: Path, wall: Sequence[str] = ()
) -> str:
    """
    Bring to the repository `into`, a ``.git`` which has `commit`, what is behind it and those of `tags` that are.

    Returns the digest of these tags.

    Raises:
        RepositoryNotFound, RefNotFound, AccessDenied, Unreachable.
    """
    await _bring_commits(remote, url, commit, ref, into, wall)
    behind = await _ancestors_among({tag.commit for tag in tags}, commit, into, wall)
    wanted = "".join(f"+{tag.name}:{tag.name}\n" for tag in tags if tag.commit in behind)
    if wanted:
        fetch = ("fetch", "--quiet", "--no-tags", WITHOUT_FILES, "--stdin", "--", remote.url)
        lines = wanted.encode("utf-8", "surrogateescape")
        finished = await git(*fetch, cwd=into, remote=remote, input=lines, wall=wall)
        if finished.code != 0:
            raise explain(finished.output, url)
    await promise_from_origin(remote.url, into, wall)
    return await tags_of(commit, into, wall)


async def tags_of(commit: str, folder: Path, wall: Sequence[str] = ()) -> str:
    """Digest of the tags behind `commit` in the repository `folder`."""
    form = ("--format=%(objectname)%09%(refname)", f"--merged={commit}")
    return digest_of(read_tags(await checked("", "for-each-ref", *form, "refs/tags", cwd=folder, wall=wall)))


async def _bring_commits(remote: Remote, url: str, commit: str, ref: str, into: Path, wall: Sequence[str]) -> None:
    """By the commit itself; from hosts that refuse that, by its ref; else by all branches."""
    attempts = [(commit,), *([(ref,)] if ref != commit else []), ("+refs/heads/*:refs/remotes/origin/*",)]
    for wanted in attempts:
        fetch = ("fetch", "--quiet", "--no-tags", WHOLE, WITHOUT_FILES, "--", remote.url, *wanted)
        finished = await git(*fetch, cwd=into, remote=remote, wall=wall)
        if finished.code == 0 and (wanted == (commit,) or await _is_whole(commit, into)):
            return
        if finished.code and not isinstance(error := explain(finished.output, url), RefNotFound):
            raise error
    raise RefNotFound(f"{url} does not give the history of {commit}.", hint="Ask for a branch or a tag instead.")


async def _is_whole(commit: str, folder: Path) -> bool:
    """False if history still ends at `commit` because only that was fetched."""
    with Beneath(folder) as beneath:
        return commit not in (beneath.read("shallow", _SHALLOW_BYTES) or b"").decode("ascii", "replace").split()


async def _ancestors_among(commits: set[str], commit: str, folder: Path, wall: Sequence[str]) -> set[str]:
    """Those of `commits` that are `commit` or behind it."""
    found: set[str] = set()
    rest = ""

    def read(text: str) -> None:
        nonlocal rest
        *whole, rest = (rest + text).split("\n")
        found.update(commits.intersection(whole))

    if commits:
        await git("rev-list", commit, "--", cwd=folder, say=read, keep=4096, wall=wall)
    return found


async def promise_from_origin(fetched: str, folder: Path, wall: Sequence[str] = ()) -> None:
    """
    Tell git that files which were left out can be had from the origin.

    It notes the address that was `fetched`, which may be one after redirects, or a folder of ours that goes.
    """
    removed = await git("config", "--remove-section", f"remote.{fetched}", cwd=folder, wall=wall)
    if removed.code == 0:
        for name, value in {"promisor": "true", "partialCloneFilter": "blob:none"}.items():
            await checked("", "config", f"remote.origin.{name}", value, cwd=folder, wall=wall)
        await checked("", "config", "extensions.partialClone", "origin", cwd=folder, wall=wall)

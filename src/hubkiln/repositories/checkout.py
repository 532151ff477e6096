"""Turns a commit that can be reached into files on disk: shallow, bounded, submodules included, nothing run.

Submodules are fetched like repositories of their own, each address checked, instead of by ``git submodule``,
which would connect wherever a commit tells it to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hubkiln.errors import BadSpec, HubkilnError, RefNotFound, TooLarge
from hubkiln.repositories import submodules
from hubkiln.repositories.bounds import Allowance, folder_bytes, watched
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.contents import Contents, measure
from hubkiln.repositories.git_command import Remote, checked, git
from hubkiln.repositories.large_files import LargeFiles
from hubkiln.repositories.ls_remote import look_up
from hubkiln.values import Say

Connect = Callable[[str, str], Awaitable[Remote]]
"""Checks the address of a submodule, and where the repository is that names it; says how to reach it."""

_DEEPEST = 5
_MOST_SUBMODULES = 100
_SHALLOW = ("--depth=1",)


@dataclass(slots=True)
class Fetching:
    """One fetch with all its submodules."""

    connect: Connect
    allowance: Allowance
    say: Say
    large: LargeFiles
    wall: tuple[str, ...] = ()
    """Stands before each git's command line; see :func:`hubkiln.sandbox.nobody.as_nobody`."""

    submodules: int = 0

    async def run(self, remote: Remote, url: str, commit: str, ref: str, into: Path, *, depth: int = 0) -> datetime:
        """
        Put `commit` of the repository at `url`, where `remote` is, into the folder `into`; returns when it was made.

        Raises:
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable, TooLarge, DiskFull.
        """
        await configure(url, "sha256" if len(commit) == 64 else "sha1", None, into, self.wall)
        branch = await watched(_download_and_branch(remote, url, commit, ref, into, self.wall), into, self.allowance)
        self.allowance.take(size_bytes=await asyncio.to_thread(folder_bytes, into))
        contents = await measure(url, commit, into, self.allowance, self.wall)
        await _check_out(url, commit, branch, into, self.wall)
        for link in await asyncio.to_thread(contents.leaving, into):
            self.say(f"The link {link} points outside the repository; it is kept and never followed.\n")
        if contents.uses_lfs(into):
            await self.large.bring(remote, into)
        await self._fetch_submodules(remote, url, commit, contents, into, depth)
        made = await checked(url, "log", "-1", "--format=%cI", commit, cwd=into, wall=self.wall)
        return datetime.fromisoformat(made.strip())

    async def _fetch_submodules(
        self, by: Remote, url: str, commit: str, contents: Contents, into: Path, depth: int
    ) -> None:
        if not contents.submodules:
            return
        addresses = await submodules.addresses(url, commit, into, self.wall)
        for path, wanted in contents.submodules:
            if path not in addresses:
                self.say(f"The submodule {path} has no address in .gitmodules; its folder stays empty.\n")
                continue
            self.submodules += 1
            if depth >= _DEEPEST or self.submodules > _MOST_SUBMODULES:
                raise TooLarge(
                    f"The repository has over {_MOST_SUBMODULES} submodules, or nests them over {_DEEPEST} deep.",
                    hint="Use fewer submodules.",
                )
            await self._fetch_submodule(by, url, path, addresses[path], wanted, into, depth)
        found = [path for path, _ in contents.submodules if path in addresses]
        # so that git knows them; not needed by us
        await git("submodule", "--quiet", "init", "--", *found, cwd=into, wall=self.wall)

    async def _fetch_submodule(
        self, by: Remote, url: str, path: str, address: str, commit: str, into: Path, depth: int
    ) -> None:
        try:
            where = submodules.public_address(url, address)
            self.say(f"Fetching the submodule {path} from {where}\n")
            remote = await self.connect(where, by.url)
            await self.run(remote, where, commit, commit, submodules.folder(into, path), depth=depth + 1)
        except (HubkilnError, BadSpec) as error:
            message = f"The submodule `{path}`: {error.message}"
            raise type(error)(message, hint=error.hint) from error


async def _download_and_branch(
    remote: Remote, url: str, commit: str, ref: str, into: Path, wall: Sequence[str]
) -> str | None:
    """Both at once: asking for the branch's name costs no time beside the download."""
    branch = asyncio.create_task(_branch(remote, url, commit, ref, wall))
    try:
        await _download(remote, url, commit, ref, into, wall)
        return await branch
    finally:
        branch.cancel()
        await asyncio.wait({branch})


async def configure(url: str, kind: str, branch: str | None, into: Path, wall: Sequence[str] = ()) -> None:
    """A new repository in the folder `into`, its objects of that `kind`, that knows its origin and its branch."""
    init = ("init", "--quiet", "--template=", f"--object-format={kind}", "--initial-branch=main", "--", into)
    await checked(url, *init, wall=wall)
    if url:
        await checked(url, "config", "remote.origin.url", url, cwd=into, wall=wall)
        fetched = "+refs/heads/*:refs/remotes/origin/*"
        await checked(url, "config", "remote.origin.fetch", fetched, cwd=into, wall=wall)
    if url and branch is not None:
        await _follow(url, branch, into, wall)


async def _follow(url: str, branch: str, into: Path, wall: Sequence[str]) -> None:
    await checked(url, "config", f"branch.{branch}.remote", "origin", cwd=into, wall=wall)
    await checked(url, "config", f"branch.{branch}.merge", f"refs/heads/{branch}", cwd=into, wall=wall)


async def _download(remote: Remote, url: str, commit: str, ref: str, into: Path, wall: Sequence[str]) -> None:
    """The commit alone; from hosts that refuse a bare commit, the ref's tip; else all branches and tags."""
    attempts: list[tuple[tuple[str, ...], tuple[str, ...]]] = [(_SHALLOW, (commit,))]
    if ref != commit:
        attempts.append((_SHALLOW, (ref,)))
    attempts.append(((), ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")))
    for options, wanted in attempts:
        fetch = ("fetch", "--quiet", "--no-tags", *options, "--", remote.url, *wanted)
        finished = await git(*fetch, cwd=into, remote=remote, wall=wall)
        if finished.code == 0:
            if (await git("cat-file", "-e", f"{commit}^{{commit}}", cwd=into, wall=wall)).code == 0:
                return
        elif not isinstance(error := explain(finished.output, url), RefNotFound):
            raise error
        elif "not our ref" in finished.output and wanted == (commit,):
            break  # a host that gives any commit says that it has none such
    raise RefNotFound(f"{url} has no commit {commit}.", hint="Check it; it may have been removed since.")


async def _branch(remote: Remote, url: str, commit: str, ref: str, wall: Sequence[str]) -> str | None:
    """The branch to stand on, so that tools that pull know which."""
    if ref == commit:
        return None
    try:
        return (await look_up(remote, url, ref, wall)).branch
    except RefNotFound:
        return None  # removed since it was resolved


async def _check_out(url: str, commit: str, branch: str | None, into: Path, wall: Sequence[str]) -> None:
    if branch is None:
        await checked(url, "checkout", "--quiet", "--force", "--detach", commit, cwd=into, wall=wall)
        return
    await checked(url, "checkout", "--quiet", "--force", "-B", branch, commit, cwd=into, wall=wall)
    await checked(url, "update-ref", f"refs/remotes/origin/{branch}", commit, cwd=into, wall=wall)
    await _follow(url, branch, into, wall)

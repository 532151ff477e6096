"""A folder of this machine: as it stands, or the files of one of its commits. For the command line alone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

from hubkiln.errors import BadSpec, HubkilnError, RefNotFound, Refused, RepositoryNotFound
from hubkiln.home import typed_path
from hubkiln.removal import remove
from hubkiln.repositories import submodules, urls
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.checkout import configure
from hubkiln.repositories.commits import bring_commits_alone
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.filling import filling
from hubkiln.repositories.folder_files import copy, readable, tree_hash
from hubkiln.repositories.folder_refs import named, no_repository
from hubkiln.repositories.git_command import checked, git
from hubkiln.repositories.history import (
    WHOLE,
    WITHOUT_FILES,
    Tag,
    digest_of,
    promise_from_origin,
    read_tags,
    tags_of,
)
from hubkiln.repositories.interface import Refs, RepositorySettings
from hubkiln.repositories.kind import Kind, Place
from hubkiln.repositories.large_files import tell_of_pointers
from hubkiln.repositories.taken import taken
from hubkiln.values import Checkout, Revision, Say, Spec

_KEPT = frozenset(("HEAD", "objects", "refs", "packed-refs", "shallow", "index", "modules"))
"""What of a copied repository is data; all else tells of the machine that it was on, or of what was under way there."""


def canonical(path: str) -> str:
    """The absolute path; raises BadSpec."""
    if "\0" in path or not path:
        raise BadSpec("That is not a folder.", hint="Give a path such as `./project`.")
    found = typed_path(path)
    return os.path.realpath(found) if ".." in found.parts else str(found.absolute())


KIND = Kind(
    title="Folder",
    example="%2Fhome%2Fada%2Fproject",
    canonical=canonical,
    read_link=lambda rest: Place(unquote(rest).removesuffix("/HEAD")),
)


class Local:
    """Folders."""

    name = "local"

    def __init__(self, settings: RepositorySettings) -> None:
        self._settings = settings

    async def resolve(self, spec: Spec) -> Revision:
        """The ref's commit; for ``HEAD`` a hash of the folder as it stands, edits included."""
        self._check_allowed()
        folder = Path(spec.repository)
        with readable(folder):
            if not folder.is_dir():
                what = "is not a folder" if folder.exists() else "does not exist"
                raise RepositoryNotFound(f"{folder} {what}.", hint="Check the path.")
            os.scandir(folder).close()
            as_it_stands = _as_it_stands(spec)
        if folder.resolve() in {own.resolve() for own in self._settings.own_folders}:
            raise BadSpec(f"{folder} is where Hubkiln keeps its own files.", hint="Give the folder of your project.")
        name = urls.short_name(str(folder.resolve()), otherwise="folder")
        if as_it_stands:
            commit = await asyncio.to_thread(tree_hash, folder, Allowance(self._settings), self._ours(folder))
            return Revision(spec=spec, commit=commit, url="", name=name, origin=await _origin(folder))
        async with self._repository(folder) as git_dir:
            found = await named(git_dir, folder, spec.ref)
        origin = await _origin(folder)
        return Revision(spec=spec, commit=found.commit, url="", name=name, committed_at=found.made, origin=origin)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """A copy of the folder, or of the commit's files with ``.git``."""
        self._check_allowed()
        folder = Path(revision.spec.repository)
        async with filling(into, str(folder), self._settings.seconds):
            if _as_it_stands(revision.spec):
                say(f"Copying {folder}\n")
                skip = self._ours(folder) | {os.path.relpath(into, folder)}
                await asyncio.to_thread(copy, folder, into, Allowance(self._settings), say, skip)
                if (into / ".git/HEAD").is_file():
                    await self._configure(into / ".git")
            else:
                say(f"Taking {revision.commit[:12]} from {folder}\n")
                async with self._repository(folder) as git_dir:
                    await self._clone(git_dir, folder, revision, into)
            as_it_stands = _as_it_stands(revision.spec)
            brings = (
                "`git lfs pull` there brings it." if as_it_stands else "The address that it was cloned from has it."
            )
            await asyncio.to_thread(tell_of_pointers, into, say, brings)
            advice = " `git submodule update --init` there brings it." if as_it_stands else ""
            for path in await submodules.empty(into):
                say(f"The submodule {path!a} does not come with {folder}: its folder stays empty.{advice}\n")
        return Checkout(revision=revision, path=into)

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`hubkiln.repositories.interface.Provider`; the command line suggests none."""
        return Refs()

    async def tags(self, revision: Revision) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; empty where the folder is no repository."""
        async with taken(Path(revision.spec.repository), self._settings, elsewhere=True) as git_dir:
            if git_dir is None:
                return ""
            commit = await self._behind(revision, git_dir)
            return digest_of(await self._tags(git_dir), commit)

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`hubkiln.repositories.interface.Provider`; a folder's own ``.git`` is replaced by such a one."""
        folder = Path(revision.spec.repository)
        async with (
            filling(into, str(folder), self._settings.seconds),
            taken(folder, self._settings, elsewhere=True) as git_dir,
        ):
            commit = await self._behind(revision, git_dir) if git_dir is not None else ""
            if git_dir is None or not commit:
                return ""
            if as_it_stands := _as_it_stands(revision.spec):
                await self._begin_anew(commit, into)
            await self._bring(git_dir, folder, commit, into)
            if as_it_stands:
                await checked(str(folder), "update-ref", "HEAD", commit, cwd=into)
                await checked(str(folder), "read-tree", "HEAD", cwd=into)
            found = await tags_of(commit, into)
            return digest_of((), found, commit)

    async def _behind(self, revision: Revision, git_dir: Path) -> str:
        """The commit that tools find in the folder; empty if there is none yet."""
        ref = "HEAD" if _as_it_stands(revision.spec) else revision.commit
        finished = await git("rev-parse", "--quiet", "--verify", f"{ref}^{{commit}}", cwd=git_dir)
        return finished.output.strip() if finished.code == 0 else ""

    async def _tags(self, git_dir: Path) -> tuple[Tag, ...]:
        form = "--format=%(objectname)%09%(refname)"
        return read_tags(await checked(str(git_dir), "for-each-ref", form, "refs/tags", cwd=git_dir))

    async def _begin_anew(self, commit: str, into: Path) -> None:
        """A new repository in `into` in place of what is there, with its configuration, which is ours."""
        old = into / ".git"
        config = (old / "config").read_bytes() if (old / "HEAD").is_file() else b""
        await asyncio.to_thread(remove, old)
        await configure("", "sha256" if len(commit) == 64 else "sha1", None, into)
        if config:
            (into / ".git/config").write_bytes(config)

    async def _bring(self, git_dir: Path, folder: Path, commit: str, into: Path) -> None:
        """
        `commit` with all that is behind it, and the tags there.

        Of a clone that has not the files or folders of all commits (``git clone --filter``), those that are there.
        """
        merged = ("for-each-ref", "--format=+%(refname):%(refname)", f"--merged={commit}", "refs/tags")
        tags = await checked(str(folder), *merged, cwd=git_dir)
        lines = f"{commit}\n{tags}".encode("utf-8", "surrogateescape")
        url = git_dir.absolute().as_uri()
        for wanted in ((WHOLE,), ("--depth=1",), (WHOLE, WITHOUT_FILES)):
            fetch = ("fetch", "--quiet", "--no-tags", *wanted, "--stdin", "--", url)
            told = lines if WHOLE in wanted else commit.encode()  # of it alone the files are there for sure
            finished = await git(*fetch, cwd=into, settings=("protocol.file.allow=always",), input=told)
            if finished.code == 0 and WHOLE in wanted:
                break
        else:
            if not await bring_commits_alone(git_dir, commit, into):
                raise await _explained(finished.output, folder, commit[:12])
        await promise_from_origin(url, into)

    async def _clone(self, git_dir: Path, folder: Path, revision: Revision, into: Path) -> None:
        branch = (await named(git_dir, folder, revision.spec.ref)).branch
        kind = "sha256" if len(revision.commit) == 64 else "sha1"
        init = ("init", "--quiet", "--template=", f"--object-format={kind}", "--initial-branch=main", "--", into)
        steps: list[tuple[str | Path, ...]] = [
            init,
            ("fetch", "--quiet", "--no-tags", "--depth=1", "--", git_dir.absolute().as_uri(), revision.commit),
            ("checkout", "--quiet", "--force", *(("-B", branch) if branch else ("--detach",)), revision.commit),
        ]
        for step in steps:
            finished = await git(*step, cwd=into, settings=("protocol.file.allow=always",))
            if finished.code != 0:
                raise await _explained(finished.output, folder, revision.spec.ref)

    async def _configure(self, place: Path) -> None:
        """Of a copied repository keep its objects and refs, with settings as those of a fetched one."""
        head = (place / "HEAD").read_text(errors="replace")
        branch = match[1] if (match := re.fullmatch(r"ref: refs/heads/(.+)\n?", head)) else None
        with tempfile.TemporaryDirectory() as fresh:
            read = ("config", "--no-includes", "--file", place.absolute() / "config", "--get")
            kind = await git(*read, "extensions.objectformat", cwd=Path(fresh))
            await configure(
                await _origin(place),
                "sha256" if kind.output.strip().lower() == "sha256" else "sha1",
                branch,
                Path(fresh),
            )
            for path in list(place.iterdir()):
                if path.name not in _KEPT:
                    await asyncio.to_thread(remove, path)
            shutil.copyfile(Path(fresh, ".git/config"), place / "config")

    @asynccontextmanager
    async def _repository(self, folder: Path) -> AsyncIterator[Path]:
        """
        A bare repository of ours with the refs and objects of the one in `folder`, gone at the end.

        Raises:
            RefNotFound: there is none. Refused, AccessDenied, TooLarge.
        """
        with readable(folder):
            async with taken(folder, self._settings, elsewhere=True) as found:
                if found is None:
                    raise no_repository(folder)
                yield found

    def _ours(self, folder: Path) -> frozenset[str]:
        """Folders below `folder`, from there, in which we keep our own files."""
        real = folder.resolve()
        found = (own.resolve() for own in self._settings.own_folders)
        return frozenset(str(own.relative_to(real)) for own in found if own.is_relative_to(real))

    def _check_allowed(self) -> None:
        if not self._settings.allow_local_folders:
            raise Refused("Folders of the server cannot be built from here.", hint="Give a repository's address.")


async def _origin(folder: Path) -> str:
    """
    The address that the repository in, or at, `folder` calls ``origin``, as it is written elsewhere; empty where that
    is none, or would hold a secret. Nothing else of its settings is read.
    """
    try:
        return urls.canonical(found) if (found := await _said(folder, "--get", "remote.origin.url")) else ""
    except BadSpec:
        return ""


async def _said(folder: Path, *asked: str) -> str:
    """What the settings of the repository in, or at, `folder` say to `asked`; nothing in them is followed."""
    place = next((place for place in (folder / ".git", folder) if (place / "HEAD").is_file()), None)
    if place is None:
        return ""
    found = await git("config", "--no-includes", "--file", (place / "config").absolute(), *asked, cwd=Path("/"))
    return found.output.strip() if found.code == 0 else ""


async def _explained(output: str, folder: Path, ref: str) -> HubkilnError:
    """The error for what git printed of the repository in `folder`; one that lacks files may be meant to."""
    error = explain(output, str(folder))
    if not isinstance(error, RepositoryNotFound) or not await _said(folder, "--get-regexp", _IN_PART):
        return error
    return RefNotFound(
        f"{folder} is a clone without all files (`git clone --filter`), and those of {ref} are not there.",
        hint=f"`git checkout {ref}` in it fetches them; or give the address that it was cloned from.",
    )


_IN_PART = r"^remote\..*\.(promisor|partialclonefilter)$|^extensions\.partialclone$"
"""Settings of a clone that asks for what it lacks when it is needed; here nobody asks for it."""


def _as_it_stands(spec: Spec) -> bool:
    """Whether the folder's files are meant, not a commit's; a bare repository has no files of its own."""
    folder = Path(spec.repository)
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return spec.ref == "HEAD" and not bare

"""A folder of this machine: as it stands, or the files of one of its commits. For the command line alone."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from hubkiln.errors import AccessDenied, BadSpec, RefNotFound, Refused, RepositoryNotFound
from hubkiln.repositories import urls
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.complaints import explain
from hubkiln.repositories.contents import leaving
from hubkiln.repositories.git_command import git
from hubkiln.repositories.git_remote import filling
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.refs import check_ref, check_subdir
from hubkiln.values import Checkout, Revision, Say, Spec

_OWN = ("safe.directory=*", "protocol.file.allow=always")
"""The user asked for this folder, whoever owns it."""


def canonical(path: str) -> str:
    """The absolute path; raises BadSpec."""
    if "\0" in path or not path:
        raise BadSpec("That is not a folder.", hint="Give a path such as `./project`.")
    return str(Path(path).expanduser().absolute())


class Local:
    """Folders."""

    name = "local"

    def __init__(self, settings: RepositorySettings) -> None:
        self._settings = settings

    def parse(self, repository: str, ref: str, subdir: str) -> Spec:
        """See :class:`hubkiln.repositories.interface.Provider`."""
        self._check_allowed()
        return Spec(
            provider=self.name, repository=canonical(repository), ref=check_ref(ref), subdir=check_subdir(subdir)
        )

    async def resolve(self, spec: Spec) -> Revision:
        """The ref's commit; for ``HEAD`` a hash of the folder as it stands, edits included."""
        self._check_allowed()
        folder = Path(spec.repository)
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise RepositoryNotFound(f"{folder} {what}.", hint="Check the path.")
        if folder.resolve() in {own.resolve() for own in self._settings.own_folders}:
            raise BadSpec(f"{folder} is where Hubkiln keeps its own files.", hint="Give the folder of your project.")
        name = urls.short_name(str(folder.resolve()), otherwise="folder")
        if _as_it_stands(spec):
            with _readable():
                commit = await asyncio.to_thread(tree_hash, folder, Allowance(self._settings), self._ours(folder))
            return Revision(spec=spec, commit=commit, url="", name=name)
        commit, made = await self._commit(folder, spec.ref)
        return Revision(spec=spec, commit=commit, url="", name=name, committed_at=made)

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """A copy of the folder, or of the commit's files with ``.git``."""
        self._check_allowed()
        folder = Path(revision.spec.repository)
        async with filling(into, str(folder), self._settings.seconds):
            if _as_it_stands(revision.spec):
                say(f"Copying {folder}\n")
                with _readable():
                    await asyncio.to_thread(_copy, folder, into, Allowance(self._settings), say, self._ours(folder))
            else:
                say(f"Taking {revision.commit[:12]} from {folder}\n")
                await self._clone(folder, revision, into)
        return Checkout(revision=revision, path=into)

    async def _commit(self, folder: Path, ref: str) -> tuple[str, datetime]:
        arguments = ("log", "-1", "--format=%H %cI", "--end-of-options", f"{ref}^{{commit}}", "--")
        finished = await git(*arguments, cwd=folder, settings=_OWN)
        if finished.code != 0:
            if "not a git repository" in finished.output:
                raise RefNotFound(
                    f"{folder} is not a git repository, so it has no `{ref}`.", hint="Leave the ref empty."
                )
            raise RefNotFound(f"{folder} has no branch, tag or commit `{ref}`.", hint="Check its spelling.")
        commit, _, made = finished.output.strip().partition(" ")
        return commit, datetime.fromisoformat(made)

    async def _clone(self, folder: Path, revision: Revision, into: Path) -> None:
        full = await git("rev-parse", "--symbolic-full-name", revision.spec.ref, cwd=folder, settings=_OWN)
        branch = full.output.strip().removeprefix("refs/heads/") if full.output.startswith("refs/heads/") else None
        with tempfile.NamedTemporaryFile("w", suffix=".gitconfig") as trusted:
            trusted.write("[safe]\n\tdirectory = *\n")  # git's other end reads settings from files alone
            trusted.flush()
            steps: list[tuple[str | Path, ...]] = [
                ("init", "--quiet", "--template=", "--initial-branch=main", "--", into),
                ("fetch", "--quiet", "--no-tags", "--depth=1", "--", f"file://{folder}", revision.commit),
                ("checkout", "--quiet", "--force", *(("-B", branch) if branch else ("--detach",)), revision.commit),
            ]
            for step in steps:
                finished = await git(*step, cwd=into, settings=_OWN, extra={"GIT_CONFIG_GLOBAL": trusted.name})
                if finished.code != 0:
                    raise explain(finished.output, str(folder))

    def _ours(self, folder: Path) -> frozenset[Path]:
        """Folders below `folder` in which we keep our own files."""
        real = folder.resolve()
        found = (own.resolve() for own in self._settings.own_folders)
        return frozenset(folder / own.relative_to(real) for own in found if own.is_relative_to(real))

    def _check_allowed(self) -> None:
        if not self._settings.allow_local_folders:
            raise Refused("Folders of the server cannot be built from here.", hint="Give a repository's address.")


def _as_it_stands(spec: Spec) -> bool:
    """Whether the folder's files are meant, not a commit's; a bare repository has no files of its own."""
    folder = Path(spec.repository)
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return spec.ref == "HEAD" and not bare


@contextmanager
def _readable() -> Iterator[None]:
    """A file that we may not read, or that goes away meanwhile, is the user's to put right."""
    try:
        yield
    except (PermissionError, FileNotFoundError) as error:
        raise AccessDenied(
            f"{error.filename} cannot be read: {error.strerror}.",
            hint="Make it readable, move it elsewhere, or build from a commit with --ref.",
        ) from error


def _entries(folder: Path, skip: frozenset[Path]) -> Iterator[os.DirEntry[str]]:
    """Files, links and folders below `folder` in a fixed order, nothing followed; parents first."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if Path(entry.path) in skip:
            continue
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path), skip)


def tree_hash(folder: Path, allowance: Allowance, skip: frozenset[Path] = frozenset()) -> str:
    """
    sha256 over the paths, kinds and bytes of everything below `folder` except ``.git`` and `skip`.

    Raises:
        TooLarge.
    """
    digest = hashlib.sha256(b"hubkiln folder 1\0")
    for entry in _entries(folder, skip | {folder / ".git"}):
        path = os.path.relpath(entry.path, folder)
        info = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(info.st_mode):
            digest.update(os.fsencode(f"link\0{path}\0{Path(entry.path).readlink()}\0"))
        elif stat.S_ISREG(info.st_mode):
            allowance.take(files=1, size_bytes=info.st_size)
            with Path(entry.path).open("rb") as file:
                inner = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(os.fsencode(f"file\0{path}\0{bool(info.st_mode & 0o100)}\0{inner}\0"))
        elif stat.S_ISDIR(info.st_mode):
            digest.update(os.fsencode(f"folder\0{path}\0"))
    return digest.hexdigest()


def _copy(folder: Path, into: Path, allowance: Allowance, say: Say, skip: frozenset[Path]) -> None:
    links: list[str] = []
    for entry in _entries(folder, skip | {into}):
        path = os.path.relpath(entry.path, folder)
        target = into / path
        info = entry.stat(follow_symlinks=False)
        if path == ".git" and not stat.S_ISDIR(info.st_mode):
            say("The folder is part of another git repository; its history is left out.\n")
        elif stat.S_ISLNK(info.st_mode):
            target.symlink_to(Path(entry.path).readlink())
            links.append(path)
        elif stat.S_ISREG(info.st_mode):
            allowance.take(files=1, size_bytes=info.st_size)
            shutil.copy2(entry.path, target, follow_symlinks=False)
        elif stat.S_ISDIR(info.st_mode):
            target.mkdir()
    for link in leaving(into, links):
        say(f"The link {link} points outside the folder; it is kept and never followed.\n")

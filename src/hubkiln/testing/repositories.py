"""Repositories held in memory, for tests of what uses them: no git, no network."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from hubkiln.errors import HubkilnError, NotFound, RefNotFound, RepositoryNotFound
from hubkiln.folders import no_folder
from hubkiln.keys import digest
from hubkiln.repositories import (
    Recognised,
    Refs,
    RepositorySettings,
    make_spec,
    parse_provider_path,
    parse_spec,
    recognise,
    short_name,
)
from hubkiln.values import Checkout, Revision, Say, Spec

MADE = datetime(2024, 3, 1, 12, tzinfo=UTC)
"""When every commit was made; as with a real host, nobody knows before its files are fetched."""

Contents = Mapping[str, str | bytes]


@dataclass(slots=True)
class FakeRepositories:
    """
    Stands in for :class:`hubkiln.repositories.Repositories`.

    ``add("gh/org/repo", {"requirements.txt": "numpy"})`` makes a commit; adding again makes a newer one.
    """

    settings: RepositorySettings = field(default_factory=RepositorySettings)
    raises: HubkilnError | None = None
    """Raised by every look-up and fetch, when set."""
    fetched: list[str] = field(default_factory=list)
    """Commits in the order they were fetched."""
    tagged: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Names and commits of tags by repository."""
    _refs: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _commits: dict[str, Contents] = field(default_factory=dict)

    def add(self, text: str, files: Contents, *, ref: str = "main") -> str:
        """A commit of `files` in the repository that `text` names, at the tip of `ref`; returns the commit."""
        spec = self.parse(text)
        refs = self._refs.setdefault((spec.provider, spec.repository), {})
        named = hashlib.sha1(repr((str(spec), ref, len(self._commits), sorted(files.items()))).encode())
        commit = named.hexdigest()
        refs[ref] = refs[commit] = commit
        refs.setdefault("HEAD", commit)
        if ref in ("main", "HEAD"):
            refs["HEAD"] = commit
        self._commits[commit] = dict(files)
        return commit

    def tag(self, text: str, name: str, commit: str) -> None:
        """Call `commit` of the repository that `text` names `name`."""
        spec = self.parse(text)
        self._refs[spec.provider, spec.repository][name] = commit
        self.tagged.setdefault(spec.repository, []).append((name, commit))

    def parse(self, text: str, ref: str | None = None, subdir: str = "") -> Spec:
        """As :class:`hubkiln.repositories.Repositories`."""
        return parse_spec(text, ref, subdir=subdir, settings=self.settings)

    def recognise(self, text: str, ref: str | None = None, subdir: str = "") -> Recognised:
        """As :class:`hubkiln.repositories.Repositories`."""
        return recognise(text, ref, subdir=subdir, settings=self.settings)

    def parse_link(self, provider: str, rest: str, subdir: str = "") -> Spec:
        """As :class:`hubkiln.repositories.Repositories`."""
        return parse_provider_path(provider, rest, subdir=subdir, settings=self.settings)

    def make(self, provider: str, repository: str, ref: str, subdir: str = "") -> Spec:
        """As :class:`hubkiln.repositories.Repositories`."""
        return make_spec(provider, repository, ref, subdir, self.settings)

    async def resolve(self, spec: Spec) -> Revision:
        """As :class:`hubkiln.repositories.Repositories`."""
        if self.raises is not None:
            raise self.raises
        refs = self._refs.get((spec.provider, spec.repository))
        if refs is None:
            raise RepositoryNotFound(f"{spec.repository} does not exist or is private.", hint="Check the spelling.")
        commit = refs.get(spec.ref) or (refs["HEAD"] if spec.ref in ("main", "master") else None)
        if commit is None:
            raise RefNotFound(f"{spec.repository} has no branch or tag named `{spec.ref}`.", hint="Check its spelling.")
        url = spec.repository if spec.provider == "git" else f"https://example.org/{spec.repository}"
        return Revision(spec=spec, commit=commit, url=url, name=short_name(spec.repository))

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """As :class:`hubkiln.repositories.Repositories`; there is no ``.git``."""
        if self.raises is not None:
            raise self.raises
        if (files := self._commits.get(revision.commit)) is None:
            raise RefNotFound(f"{revision.url} has no commit {revision.commit}.", hint="Check it.")
        say(f"Fetching {revision.url} at {revision.commit[:12]}\n")
        into.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            target = into / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
            target.chmod(0o755 if target.name in ("postBuild", "start") else 0o644)
        if not (into / revision.spec.subdir).is_dir():
            said, hint = no_folder(into, revision.spec.subdir)
            shutil.rmtree(into)
            raise NotFound(said, hint=hint)
        self.fetched.append(revision.commit)
        return Checkout(revision=replace(revision, committed_at=MADE), path=into)

    async def list_refs(self, spec: Spec) -> Refs:
        """As :class:`hubkiln.repositories.Repositories`."""
        await self.resolve(replace(spec, ref="HEAD"))
        tags = sorted((name for name, _ in self.tagged.get(spec.repository, [])), reverse=True)
        others = {"HEAD", *tags, *self._commits}
        branches = sorted(
            set(self._refs[spec.provider, spec.repository]) - others, key=lambda name: (name != "main", name)
        )
        return Refs(default="main", branches=tuple(branches), tags=tuple(tags))

    async def tags(self, revision: Revision) -> str:
        """As :class:`hubkiln.repositories.Repositories`."""
        return digest(sorted(self.tagged.get(revision.spec.repository, [])))

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """As :class:`hubkiln.repositories.Repositories`; what was added before a commit is behind it."""
        commits = list(self._commits)
        behind = set(commits[: commits.index(revision.commit) + 1])
        return digest(sorted(tag for tag in self.tagged.get(revision.spec.repository, []) if tag[1] in behind))

    async def can_try(self, user: str, spec: Spec) -> bool:
        """As :class:`hubkiln.repositories.Repositories`; nobody has rights of their own."""
        return False

    async def download(self, url: str, into: Path) -> str:
        """As :class:`hubkiln.repositories.Repositories`; there is no file anywhere."""
        raise NotFound(f"There is no file at {url}.", hint="Check its address.")

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None:
        """As :class:`hubkiln.repositories.Repositories`."""
        return MADE if folder.is_dir() and revision.commit in self._commits else None

"""What the rest may know of repositories: a spec becomes a revision, a revision becomes files on disk.

Each file beside this one is one provider. Nothing of a repository is run here, and every outgoing request goes
through :mod:`hubkiln.egress.guard`, which refuses addresses the admin has not allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Protocol

from hubkiln.repositories.kind import Source
from hubkiln.repositories.tokens import AppKey, LoginHost
from hubkiln.values import Checkout, Revision, Say, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySettings:
    """What fetching may do."""

    allowed_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Loopback, private and link-local addresses are refused unless they lie in one of these."""

    allow_local_folders: bool = False
    """True for the command line, where the user may read the folder anyway; never for the service."""

    own_folders: tuple[Path, ...] = ()
    """Where Hubkiln keeps its own files; no part of a local folder that they lie in."""

    scratch: Path | None = None
    """Where unfinished things lie, best on the disk of what is fetched; None is the system's own place for them."""

    max_bytes: int = 4 * 1024**3
    """Largest fetch, in bytes on disk: enough for notebooks with data, small enough for a shared disk."""

    max_files: int = 500_000
    """Most files in one checkout, submodules included: what a file system and a layer still handle well."""

    lfs_bytes: int = 1024**3
    """Most that is fetched of Git LFS for one checkout; beyond it its files stay pointers."""

    seconds: float = 600
    """Longest fetch."""

    github: str = "https://github.com"
    """Where ``gh/…`` lives; another address for GitHub Enterprise."""

    gist: str = "https://gist.github.com"
    """Where ``gist/…`` lives."""

    gitlab: str = "https://gitlab.com"
    """Where ``gl/…`` lives; another address for a GitLab of one's own."""

    sources: tuple[Source, ...] = ()
    """Further places where repositories live, each under a name of its own; one of a name that is known replaces it."""

    credential_keys: tuple[str, ...] = field(default=(), repr=False)
    """Decrypt the tokens that users store, the first encrypts them; without any, nobody can store one."""

    login_hosts: tuple[LoginHost, ...] = ()
    """Hosts at which users log in, so that the hub has tokens of theirs."""

    github_app: AppKey | None = None
    """The admin's app at the GitHub of ``gh``; opens what it is installed in, for whoever may build."""

    ssh_key: Path | None = None
    """Private key offered to SSH hosts. None offers the user's own keys where local folders are allowed, else none."""

    tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """Host, as :func:`~hubkiln.repositories.tokens.host_of` gives it, to access token; never logged, never in a URL."""

    own_tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """Those of whoever asks, which :mod:`hubkiln.repositories.owners` gives for less than a whole host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """What may be asked for in a repository by name."""

    default: str = ""
    """The default branch."""
    branches: tuple[str, ...] = ()
    """The default first, then by name."""
    tags: tuple[str, ...] = ()
    """Highest version first: git's listings tell no dates."""


class Provider(Protocol):
    """Looks up and fetches repositories of one kind."""

    name: str

    async def resolve(self, spec: Spec) -> Revision:
        """
        Look `spec` up.

        Raises:
            RepositoryNotFound, RefNotFound, AccessDenied, Refused, Unreachable.
        """

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """
        Put the revision's files into the empty or absent folder `into`; on failure `into` is removed.

        Raises:
            as `resolve`; TooLarge, DiskFull.
        """

    async def list_refs(self, spec: Spec) -> Refs:
        """
        The branches and tags of the repository, whatever ref `spec` has; none where it has no such names.

        Raises:
            as `resolve`.
        """

    async def tags(self, revision: Revision) -> str:
        """
        Digest of all that the repository's tags say now, and for a folder also which commit it is at.

        Raises:
            as `resolve`.
        """

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """
        Bring to the folder `into`, which holds the revision's files, the commits and tags behind it.

        Returns the digest of the tags among them: equal wherever a version that is made of them would be.

        Raises:
            as `fetch`.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a text means."""

    spec: Spec
    opens: str = ""
    """What to open in Jupyter, as a path of its server: ``lab/tree/docs/a.ipynb``; empty for the usual."""


class AnyRepositories(Protocol):
    """All providers behind one door: what :class:`hubkiln.repositories.all.Repositories` is to others."""

    def parse(self, text: str, ref: str | None = None, subdir: str = "") -> Spec:
        """What `text` names; raises BadSpec."""

    def recognise(self, text: str, ref: str | None = None, subdir: str = "") -> Recognised:
        """The same, with what a link wants to be opened; raises BadSpec."""

    def parse_link(self, provider: str, rest: str, subdir: str = "") -> Spec:
        """The same for the rest of a ``/v2/<provider>/`` link."""

    def make(self, provider: str, repository: str, ref: str, subdir: str = "") -> Spec:
        """A spec of its parts; raises BadSpec."""

    async def resolve(self, spec: Spec) -> Revision:
        """The commit that `spec` means now."""

    async def fetch(self, revision: Revision, into: Path, say: Say) -> Checkout:
        """The files of `revision`, put into the new folder `into`."""

    async def can_try(self, user: str, spec: Spec) -> bool:
        """Whether `user` has rights of their own where `spec` lives, so that it may be worth a look with them."""

    async def list_refs(self, spec: Spec) -> Refs:
        """See :class:`Provider`."""

    async def tags(self, revision: Revision) -> str:
        """See :class:`Provider`."""

    async def history(self, revision: Revision, into: Path, say: Say) -> str:
        """See :class:`Provider`."""

    async def committed_at(self, revision: Revision, folder: Path) -> datetime | None:
        """When the commit was made, of which `folder` holds the files; None where nobody can tell."""

    async def download(self, url: str, into: Path) -> str:
        """One file that a repository names, put into the folder `into`; returns its name."""

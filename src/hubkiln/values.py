"""Values that more than one package speaks of; frozen, no I/O.

Words are the glossary's. A value that only one package needs lives in that package's ``interface.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

Say = Callable[[str], None]
"""Receives human-readable log text as it appears: whole lines ending in ``\\n``, ANSI colours allowed."""

FORMAT = "2"
"""Version of what composing produces; part of every key, so a change of format never meets old results."""

BYTECODE = "pyc 4 6cab8b24"
"""Version of how byte code is made, and of the list of what gets some; part of the key of whatever holds some."""

PREFIX = "srv/conda/envs/notebook"
"""Where an environment lives below ``/``; a venv, but repositories hard-code repo2docker's path."""

KERNEL_PREFIX = f"{PREFIX}/kernel"
"""Where the environment of a Python that cannot run the server lives: inside the server's, which shows it its files."""

KERNEL_LINK = "srv/conda/envs/kernel"
"""Where repo2docker has it, which repositories hard-code: a link."""

KERNELS_BELOW = "share/hubkiln"
"""Folder of a kernel's environment to be on ``JUPYTER_PATH``: it holds the kernel's description and nothing else."""

SERVERS_BELOW = "libexec"
"""Folder of a kernel's environment that comes first on ``PATH``: the server's own commands, whatever is pinned."""

REPO_DIR = "srv/repo"
"""Where the repository's files lie below ``/`` in every image."""


def utc_now() -> datetime:
    """The time, where nobody gives another clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What was asked for: a repository and a ref, not yet looked up."""

    provider: str
    """A source's name as links begin with: ``git``, ``gh``, ``zenodo``; ``local`` a folder, ``inline`` a list."""

    repository: str
    """What the provider calls the repository: a URL, ``org/repo``, a DOI, a path, or packages for ``inline``."""

    ref: str = "HEAD"
    """Branch, tag or commit; ``HEAD`` means the default branch."""

    subdir: str = ""
    """Folder inside the repository to treat as its root, POSIX, no leading slash."""

    packages: str = ""
    """What to install besides what its recipe asks for: a requirement on each line, sorted."""

    reader: str = ""
    """Whose rights it is read with, where not everybody may read it: an owner of builds. Never part of a text."""

    def __str__(self) -> str:
        text = f"{self.provider}/{self.repository}/{self.ref}"
        text = f"{text}#{self.subdir}" if self.subdir else text
        return f"{text} + {', '.join(self.packages.splitlines())}" if self.packages else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A spec that has been looked up: immutable."""

    spec: Spec
    commit: str
    """Full commit hash (of a folder a hash of its tree, of a record its version's key), never a branch or tag."""

    url: str
    """Where to fetch from and what ``origin`` is set to; empty where there is nothing. Never holds credentials."""

    name: str
    """Short name for folders and images: lower-case letters, digits, ``.``, ``_``, ``-``; never empty."""

    committed_at: datetime | None = None
    """When the commit was made (aware), where the provider tells."""

    origin: str = ""
    """Of a folder: the address that its git calls ``origin``, if strangers can use it. Never holds credentials."""

    history: str = ""
    """Names the history and tags behind the commit, where a version is made of them; see :attr:`identity`."""

    @property
    def identity(self) -> str:
        """What decides all that can be made of the repository's files."""
        return f"{self.commit} {self.history}" if self.history else self.commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A revision's files on disk, owned by whoever asked for the fetch."""

    revision: Revision
    path: Path
    """Folder holding the files, ``.git`` included where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A CPython found on this machine or in a base image."""

    version: str
    """Full version, ``3.11.2``."""

    path: Path
    """The executable, absolute and resolved."""

    roots: tuple[Path, ...]
    """Folders that must be visible, at the same place, for it to run besides ``/usr`` (``()`` for the system's own)."""

    @property
    def minor(self) -> str:
        """``3.11``."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a process tree may use; ``None`` means not limited."""

    memory_bytes: int | None = None
    cpus: float | None = None
    processes: int | None = None
    seconds: float | None = None
    disk_bytes: int | None = None
    """Bytes it may write outside mounted folders."""
    file_bytes: int | None = None
    """Largest file that a process of it may write."""
    open_files: int | None = None
    """Files that a process of it may have open at once."""

"""Where everything is kept on one machine: one folder, one attribute per purpose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubkiln.home import home, typed_path


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """``$HUBKILN_DATA_DIR``, else ``/var/lib/hubkiln`` for root, else ``$XDG_DATA_HOME/hubkiln``."""
    if named := environ.get("HUBKILN_DATA_DIR", "").strip():
        return typed_path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/hubkiln")
    return Path(environ.get("XDG_DATA_HOME") or home() / ".local/share") / "hubkiln"


_KEPT = frozenset({"hubkiln.sqlite", "database.json", "hub", "homes", "pythons"})
_OURS = frozenset({"leases", "trash", "sizes.json", "work.lock", "up.lock", "gc.lock"})
"""Records, users' files, Pythons that environments link to; what keeps processes out of one another's way."""


@dataclass(frozen=True, slots=True)
class OwnFolder:
    """What a store is given: its own folder, and of the data folder no more than it takes to fill that."""

    path: Path
    work: Path
    """Where unfinished things lie; the same file system, so a rename finishes them."""
    root: Path
    """The data folder: where uses are marked, and what no helper process may see but what it is given."""

    @property
    def claims(self) -> Path:
        """Where it is said what somebody is making right now: one folder for all processes."""
        return self.root / "work"


@dataclass(frozen=True, slots=True)
class RoomFolders:
    """What rooms are put together from: a folder of each store that has a part of them, and no other."""

    environments: Path
    content: Path
    steps: Path
    layers: Path
    """Layers of images, unpacked."""
    work: Path
    """Where what is written in rooms without a home lies meanwhile."""
    root: Path
    """The data folder, where leases are."""

    def byte_code(self, environment: str) -> Path:
        """See :meth:`DataDir.byte_code`."""
        return self.environments / f"{environment}.bytecode"


@dataclass(frozen=True, slots=True)
class DataDir:
    """The folders below one root; they are made by :meth:`make`, readable by the owner alone."""

    root: Path
    desk: str = ""
    """Name of this process's own folder for unfinished things, see :func:`hubkiln.stores.own_desk`; or it has none."""

    @property
    def database(self) -> Path:
        """SQLite file of the build service: builds, locks, environments."""
        return self.root / "hubkiln.sqlite"

    @property
    def hub(self) -> Path:
        """JupyterHub's own files: database, cookie secret, logs."""
        return self.root / "hub"

    @property
    def wheels(self) -> Path:
        """Downloaded wheels, ``<sha256>/<file name>``, never changed once there."""
        return self.root / "wheels"

    @property
    def trees(self) -> Path:
        """Unpacked wheels, ``<tree key>/``, never changed once there."""
        return self.root / "trees"

    @property
    def environments(self) -> Path:
        """Merged environments, ``<environment key>/``: hard links into ``trees``, never changed once there."""
        return self.root / "environments"

    def byte_code(self, environment: str) -> Path:
        """What was compiled of the environment of that key: hard links as well, laid below it once they are there."""
        return self.rooms.byte_code(environment)

    @property
    def rooms(self) -> RoomFolders:
        """What rooms are put together from."""
        layers = self.images / "layers"
        return RoomFolders(self.environments, self.content, self.steps, layers, self.work, self.root)

    @property
    def content(self) -> Path:
        """Repositories' files as delivered, ``<content key>/``."""
        return self.root / "content"

    @property
    def images(self) -> Path:
        """Local images: documents, and pulled layers unpacked."""
        return self.root / "images"

    @property
    def cache(self) -> Path:
        """Things that can be fetched again: uv's cache, git mirrors, index answers."""
        return self.root / "cache"

    @property
    def homes(self) -> Path:
        """Users' persistent homes, one folder each."""
        return self.root / "homes"

    @property
    def work(self) -> Path:
        """Unfinished things; emptied when the service starts. Same file system as the stores, so a rename finishes."""
        return self.root / "work" / self.desk

    @property
    def sandboxes(self) -> Path:
        """What must survive us while sandboxes run."""
        return self.root / "work" / "sandboxes"

    @property
    def steps(self) -> Path:
        """What run steps changed, ``<step key>/…``: folders stacked over an environment, never changed once there."""
        return self.root / "steps"

    @property
    def pythons(self) -> Path:
        """Pythons that this machine lacked and that were brought, as uv names them; made when the first comes."""
        return self.root / "pythons"

    @property
    def layers(self) -> Path:
        """OCI layout: blobs of composed images made here."""
        return self.root / "layers"

    def own(self, name: str) -> OwnFolder:
        """What the store called `name` is given; stores are called as their folders are, below the root."""
        return OwnFolder(self.root / name, self.work, self.root)

    def keeps(self, path: Path) -> bool:
        """Whether `path`, which lies in the root, is ours but no store of things that can go."""
        name = path.name
        return name in _KEPT | _OURS or name.startswith(f"{self.database.name}-")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Those that are always there."""
        return (
            self.hub,
            self.wheels,
            self.trees,
            self.environments,
            self.content,
            self.images,
            self.cache,
            self.homes,
            self.work,
            self.layers,
            self.steps,
        )

    def make(self) -> DataDir:
        """
        Make every folder that is missing, and the lock that those who use and collect share; returns itself.

        A root that was there, made by an admin or copied from elsewhere, is closed to everybody else as well, unless it
        holds other things too. What lies in it stays as it is: it may be open to what reads there as nobody.
        """
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours = {folder.name for folder in self.folders} | {"built"}
        if all(path.name in ours or self.keeps(path) for path in self.root.iterdir()):
            _close(self.root)
        for folder in self.folders:
            folder.mkdir(exist_ok=True, mode=0o700)
        (self.root / "gc.lock").touch(0o600)
        return self


def _close(folder: Path) -> None:
    """Take everybody else's rights at `folder` away, where it is ours."""
    found = folder.stat()
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        folder.chmod(0o700)

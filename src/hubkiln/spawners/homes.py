"""Where a user's persistent home lies, and what is kept per server: names that no user name can break out of."""

from __future__ import annotations

import hashlib
import os
import stat
import string
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.errors import ServiceError
from hubkiln.sandbox import Identity, remove_tree
from hubkiln.spawners.uids import take_over

_SAFE = set(string.ascii_lowercase + string.digits)
_LONGEST = 100
_SOCKET_PATH, _SOCKET_NAME = 107, len("/kernel-00000000-0000-0000-0000-000000000000-ipc-99")


def safe_name(name: str) -> str:
    """`name` as a file name: lower-case letters, digits and ``-`` only; different names stay different."""
    escaped = "".join(_escaped(letter) for letter in name)
    if len(escaped) <= _LONGEST:
        return escaped
    return f"{escaped[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def home_of(data: DataDir, user: str) -> Path:
    """The home of `user` below the data folder, where it is one of ours."""
    return data.homes / safe_name(user)


def _escaped(letter: str) -> str:
    return letter if letter in _SAFE else "".join(f"-{byte:02x}" for byte in letter.encode())


def check_ours(folder: Path) -> None:
    """
    Raises:
        ServiceError: somebody else has it, or it is a link.
    """
    what = folder.lstat()
    if not stat.S_ISDIR(what.st_mode) or what.st_uid != os.geteuid():
        raise ServiceError(f"{folder} is somebody else's.", hint="Set TMPDIR to a folder of your own.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The folders of one user's server."""

    data: DataDir
    user: str
    server: str = ""
    walls: bool = True
    """Whether the server sees a short path instead; without walls it sees ours."""

    own_home: Path | None = None
    """Where the user's home is, for users whom the machine knows; None for one of ours."""

    @property
    def name(self) -> str:
        """Of this server among all; also of its log and its cgroup."""
        return f"{safe_name(self.user)}_{safe_name(self.server)}" if self.server else safe_name(self.user)

    @property
    def home(self) -> Path:
        """The user's home, shared by all of the user's servers; kept when the server, and even the user, is deleted."""
        return self.own_home or home_of(self.data, self.user)

    @property
    def room(self) -> Path:
        """What the server writes outside the home; gone when it stops."""
        return self.data.hub / "rooms" / self.name

    @property
    def private(self) -> Path:
        """What only the server may reach: its sockets, whose paths have room for 107 bytes."""
        inside = self.room / "private"
        if self.walls or len(os.fsencode(inside)) + _SOCKET_NAME <= _SOCKET_PATH:
            return inside
        short = hashlib.sha256(os.fsencode(inside)).hexdigest()[:16]
        return Path(tempfile.gettempdir(), f"hubkiln-{os.geteuid()}-{short}")

    def clear(self) -> None:
        """Remove what only a running server needs."""
        remove_tree(self.room)
        if not self.private.is_relative_to(self.room):
            remove_tree(self.private)

    @property
    def config(self) -> Path:
        """Settings of ours for all Jupyter programs inside."""
        return self.room / "config"

    @property
    def log(self) -> Path:
        """What the server printed since its last start."""
        return self.data.hub / "servers" / f"{self.name}.log"

    def make(self, identity: Identity, before: Identity | None = None, *, between: bool = False) -> None:
        """
        Make what is missing, an empty room and an empty log among it; all of it is `identity`'s, the home too.

        `before` is who had the home in earlier versions, and may have it `between` two starts.

        Raises:
            ServiceError: the home cannot be given to `identity`.
        """
        for folder in (self.home, self.room, self.private, self.log.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.private.is_relative_to(self.room):
            check_ours(self.private)
        self.config.mkdir(exist_ok=True)
        self.config.chmod(0o755)
        if identity.privileged:
            os.chown(self.private, identity.uid, identity.gid)
            if between or self.home.stat().st_uid != identity.uid:
                take_over(self.home, (before or identity).uid, identity.uid)
        self.log.write_bytes(b"")
        self.log.chmod(0o600)

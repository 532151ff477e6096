"""What ``hubkiln up`` is told, and what it tells the hub that it starts."""

from __future__ import annotations

import getpass
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec

SHORTEST_PASSWORD = 8
"""JupyterHub's own rule for shared passwords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpSettings:
    """What the user of the command line chose."""

    data: DataDir
    ip: str = "127.0.0.1"
    """Loopback unless told otherwise: the embedded hub is for one machine, and speaks plain HTTP."""

    port: int = 8000
    """0 takes a free one."""

    base_url: str = "/"
    public_url: str = ""
    """Where people reach it, if a web server stands in front: ``https://hub.example.org``."""

    password: str | None = None
    """Shared by all users; None makes a new one at each start."""

    isolation: bool = True
    """Off runs servers as plain processes."""

    config: Path | None = None
    """A JupyterHub configuration file that is read after ours."""

    networks: tuple[str, ...] = ()
    """Private networks that repositories and images may come from, besides those of the setting."""

    verbose: bool = False
    """Show JupyterHub's log on the terminal instead of keeping it in a file."""

    def checked(self) -> UpSettings:
        """
        Itself, if it makes sense.

        Raises:
            BadSpec: the password is too short, or a file or URL is not one.
        """
        if self.password is not None and len(self.password) < SHORTEST_PASSWORD:
            raise BadSpec(f"The password is too short: it needs {SHORTEST_PASSWORD} characters.")
        if self.password is not None and not (self.password.isascii() and self.password.isprintable()):
            raise BadSpec("The password has letters that not every keyboard has.", hint="Use those of ASCII.")
        if self.config is not None and not self.config.is_file():
            raise BadSpec(f"There is no configuration file {self.config}.")
        if not re.fullmatch(r"(/[\w.~-]+)*/?", f"/{self.base_url.strip('/')}"):
            raise BadSpec(f"{self.base_url!r} is not a path.", hint="Write it like /jupyter/.")
        if self.public_url and not self._is_public_url():
            raise BadSpec(
                f"{self.public_url!r} is not where {path_of(self.base_url)} is reached.",
                hint=f"Write it like https://hub.example.org{path_of(self.base_url)}.",
            )
        return self

    def _is_public_url(self) -> bool:
        found = re.fullmatch(r"https?://(?:[\w.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(/[^?#]*)?", self.public_url)
        return found is not None and path_of(found[1] or "") == path_of(self.base_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSettings:
    """What the embedded hub's configuration needs; JSON in a file that only we can read."""

    data_dir: str
    bind_url: str
    public_url: str = ""
    hub_port: int
    proxy_api_port: int
    service_port: int
    service_token: str
    password: str
    isolation: bool
    config: str
    networks: list[str]
    """See :attr:`UpSettings.networks`."""
    supervisor: int
    """Pid of ``hubkiln up``; when it is gone the hub ends."""
    running: str
    """The file into which the hub writes what it is; see :class:`hubkiln.up.running.RunningHub`."""

    def write(self, path: Path) -> None:
        """Write to `path`, readable by us alone."""
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> HubSettings:
        """What :meth:`write` wrote."""
        told: Mapping[str, Any] = json.loads(path.read_text())
        return cls(**told)


def new_password() -> str:
    """Easy to read and to type, 60 bits."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))


def suggested_user() -> str:
    """A user name to log in with: the machine's, unless that is root."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "root"
    return "jovyan" if name == "root" else name.lower()


def path_of(base_url: str) -> str:
    """`base_url` with one slash at both ends."""
    return f"/{base_url.strip('/')}/".replace("//", "/")


def is_loopback(ip: str) -> bool:
    """Whether only this machine reaches `ip`."""
    if ip == "localhost":
        return True
    try:
        return ip_address(ip).is_loopback
    except ValueError:
        return False

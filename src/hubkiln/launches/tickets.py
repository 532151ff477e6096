"""What lets one start of one user's server in: made by the hub, shown by what its spawner starts, seen by an usher.

Loads nothing but the standard library: both ends of it start with every server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hubkiln.launches import enter

WAITING_SECONDS = 120
"""How long an usher waits for what the spawner starts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What an usher is told by the hub; nothing of it is taken from whoever shows the ticket."""

    secret: str = field(repr=False)
    data_dir: str
    image: str
    """Reference of a local image, which the hub has checked for this user."""
    user: str
    server: str = ""
    uid: int | None = None
    """Who must come; None where the machine makes up a user for each start (systemd's ``DynamicUser``)."""
    home: str | None = None
    """None for the home that the machine knows of that uid."""
    command: tuple[str, ...]
    variables: tuple[str, ...] = ()
    """Names of variables that an admin gives to servers, besides the Hub's own."""
    memory_bytes: int | None = None
    cpus: float | None = None
    """None where the spawner itself sees to it."""
    open: str = ""
    url: str = ""

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Admission:
        """What :meth:`text` wrote."""
        told: dict[str, Any] = json.loads(text)
        return cls(**told | {"command": tuple(told["command"]), "variables": tuple(told["variables"])})


def hubs_own(env: Mapping[str, str], more: tuple[str, ...]) -> dict[str, str]:
    """What of a spawned process's environment is for the server: the Hub's variables and those named in `more`."""
    return {
        name: value
        for name, value in env.items()
        if (name.startswith(("JUPYTERHUB_", "JPY_")) and name not in _NOT) or name in _LIMITS or name in more
    }


_LIMITS = ("MEM_LIMIT", "MEM_GUARANTEE", "CPU_LIMIT", "CPU_GUARANTEE")
_NOT = ("JUPYTERHUB_ROOT_DIR", "JUPYTERHUB_NOTEBOOK_DIR")
"""Folders of the machine, which look otherwise inside."""


def enter_file() -> Path:
    """The program that shows a ticket."""
    return Path(enter.__file__)

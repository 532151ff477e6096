"""What the hub that runs is once the admin's configuration is read: the hub writes it, who started it tells of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Password(StrEnum):
    """What opens the hub for its users."""

    OURS = "ours"
    """The one that ``hubkiln up`` was given or made."""
    ANOTHER = "another"
    """A shared one that the configuration sets."""
    NONE = "none"
    """None that all share: another authenticator asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHub:
    """One hub."""

    bind_url: str
    """Where its proxy listens, with its path."""
    public_url: str = ""
    """Where people reach it, if that is said."""
    authenticator: str = ""
    """Name of its class."""
    password: Password = Password.OURS
    everybody: bool = True
    """Whether any name may log in."""
    users: tuple[str, ...] = ()
    """Who may by name, besides."""
    others: tuple[str, ...] = ()
    """Whom that password does not let in: admins and blocked users."""
    spawner: str = ""
    """Name of its class."""
    sandboxes: bool = True
    """Whether servers run in ours."""
    isolation: bool = True
    """Whether those have walls."""
    ends_servers: bool = True
    """Whether servers end with it."""

    def write(self, path: Path) -> None:
        """Write to `path`, all of it at once."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(asdict(self)))
        part.rename(path)

    @classmethod
    def read(cls, path: Path) -> RunningHub:
        """What :meth:`write` wrote."""
        told: dict[str, Any] = json.loads(path.read_text())
        lists = {name: tuple(told[name]) for name in ("users", "others")}
        return cls(**told | lists | {"password": Password(told["password"])})


def running_hub(app: Any, password: str) -> RunningHub:
    """What `app`, a JupyterHub that has read its configuration, is; `password` is ours."""
    from hubkiln.spawners import SandboxSpawner

    asks = app.authenticator
    spawner = app.spawner_class
    sandboxes = issubclass(spawner, SandboxSpawner)
    return RunningHub(
        bind_url=urlsplit(app.bind_url)._replace(path=app.base_url).geturl(),
        public_url=app.public_url,
        authenticator=_name(type(asks)),
        password=_password(asks, password),
        everybody=asks.allow_all,
        users=tuple(sorted(asks.allowed_users - asks.admin_users - asks.blocked_users)),
        others=tuple(sorted(asks.admin_users | asks.blocked_users)),
        spawner=_name(spawner),
        sandboxes=sandboxes,
        isolation=not sandboxes or _isolation(app.config, spawner),
        ends_servers=app.cleanup_servers,
    )


def _password(asks: Any, ours: str) -> Password:
    from jupyterhub.authenticators.shared import SharedPasswordAuthenticator

    if not isinstance(asks, SharedPasswordAuthenticator) or not asks.user_password:
        return Password.NONE
    return Password.OURS if asks.user_password == ours else Password.ANOTHER


def _isolation(config: Any, spawner: Any) -> bool:
    """What the configuration says of it last: the section of a class goes before those of the ones above it."""
    said = [config[name]["isolation"] for name in spawner.section_names() if "isolation" in config.get(name, {})]
    return bool(said[-1]) if said else True


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"

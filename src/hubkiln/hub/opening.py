"""Environments for spawners that know no images and start processes of this machine, as SystemdSpawner does.

What such a spawner starts is :mod:`hubkiln.launches.enter`, as the user; an usher (:mod:`hubkiln.spawners.usher`),
started here as the hub's own user, waits for it with what was checked for this one start.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import secrets
import socket
import stat
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner

from hubkiln.data_dir import default_data_dir
from hubkiln.errors import ServiceError
from hubkiln.launches import TICKET, Admission, enter_file
from hubkiln.local_images import is_local
from hubkiln.processes import own_module

OPENS = "hubkiln_opens"
"""Attribute of spawners that start built environments by way of us."""

_BEFORE = "_hubkiln_before"
"""Attribute of a spawner that starts our program: the command and the variables that it had."""

_SYSTEMS_PYTHON = "/usr/bin/python3"
_SERVER = "jupyterhub-singleuser"


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens environments of the data folder `data`, which is on this machine; None where it is elsewhere."""

    data: Path | None = None
    pushes: bool = False
    """Whether what is built leaves this machine."""

    ushers: set[asyncio.Task[int]] = field(default_factory=set)
    """Those that this hub has started, as they will end."""

    @classmethod
    def beside(cls, definition: Mapping[str, Any]) -> Opening:
        """Of the build service with this definition: one that the hub starts itself has its data on this machine."""
        if "command" not in definition:
            return cls()
        environ: Mapping[str, str] = definition.get("environment") or {}
        words = [str(word) for word in definition.get("command") or ()]
        told = words[words.index("--data-dir") + 1 :][:1] if "--data-dir" in words else []
        return cls(Path(told[0]) if told else default_data_dir(environ), bool(environ.get("HUBKILN_PUSH")))

    def prepare(self, spawner: Any) -> None:
        """Mark `spawner` as one that starts built environments, where it can by way of us; it starts none as yet."""
        if (before := vars(spawner).pop(_BEFORE, None)) is not None:
            spawner.cmd, spawner.environment = before
        setattr(spawner, OPENS, _is_one(spawner) and not self.barred(spawner))

    def barred(self, spawner: Any) -> str:
        """Why built environments cannot be opened for `spawner`; empty where they can, or it is none of these."""
        if not _is_one(spawner):
            return ""
        name = type(spawner).__name__
        if self.data is None:
            return f"{name} starts no built environments: they are kept where the build service runs, elsewhere."
        if self.pushes:
            return f"{name} starts no built environments: they go to a registry (the setting `push`)."
        if getattr(spawner, "internal_ssl", False):
            return f"{name} starts no built environments with JupyterHub's internal_ssl."
        if os.geteuid() and not isinstance(spawner, SimpleLocalProcessSpawner):
            return f"{name} starts no built environments, because this hub is not root: users' homes are not its own."
        return ""

    async def open(self, spawner: Any) -> None:
        """
        Let `spawner` start the environment ``spawner.image``.

        Raises:
            ServiceError: its user cannot be found, or cannot run our program.
        """
        if not getattr(spawner, OPENS, False) or not is_local(getattr(spawner, "image", "") or ""):
            return
        uid, home = who(spawner)
        program = program_for(own=uid == os.geteuid())
        by_unit = is_systemd(spawner)
        secret, address = secrets.token_hex(32), f"hubkiln-{secrets.token_hex(16)}"
        admission = Admission(
            secret=secret,
            data_dir=str(self.data),
            image=spawner.image,
            user=spawner.user.name,
            server=spawner.name,
            uid=uid,
            home=home,
            command=tuple(server_command(spawner.cmd)),
            variables=tuple(spawner.environment),
            memory_bytes=None if by_unit else spawner.mem_limit,
            cpus=None if by_unit else spawner.cpu_limit,
            open=getattr(spawner, "open_path", ""),
            url="/lab/tree" if (spawner.default_url or "/lab").rstrip("/") == "/lab" else "",
        )
        await self._usher(admission, address)
        setattr(spawner, _BEFORE, (spawner.cmd, spawner.environment))
        spawner.cmd = program
        spawner.environment = dict(spawner.environment) | {TICKET: f"{address} {secret}"}
        if by_unit:  # so that the server has a control group of its own inside the unit's
            spawner.unit_extra_properties = {"Delegate": "yes", **spawner.unit_extra_properties}

    async def _usher(self, admission: Admission, address: str) -> None:
        """Start the usher, who listens already; it goes on when the hub stops."""
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(f"\0{address}")
            door.listen(8)
            argv, env = own_module("hubkiln.spawners.usher", str(door.fileno()))
            settings = {name: value for name, value in os.environ.items() if name.startswith("HUBKILN_")}
            usher = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                env={**env, **settings},
                cwd="/",
                pass_fds=(door.fileno(),),
                start_new_session=True,
            )
        assert usher.stdin is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            usher.stdin.write(admission.text().encode())
            await usher.stdin.drain()
        usher.stdin.close()
        waiting = asyncio.ensure_future(usher.wait())
        self.ushers.add(waiting)
        waiting.add_done_callback(self.ushers.discard)


def is_systemd(spawner: Any) -> bool:
    """Whether `spawner` is SystemdSpawner or one of its kin (The Littlest JupyterHub's); it need not be installed."""
    return any(one.__name__ == "SystemdSpawner" for one in type(spawner).__mro__)


def _is_one(spawner: Any) -> bool:
    return (is_systemd(spawner) or isinstance(spawner, LocalProcessSpawner)) and not spawner.has_trait("image")


def who(spawner: Any) -> tuple[int | None, str | None]:
    """
    The uid that `spawner` starts processes as, and where their home is; None for what the machine will know.

    Raises:
        ServiceError: this machine has no such user.
    """
    if isinstance(spawner, SimpleLocalProcessSpawner):
        return os.geteuid(), spawner.home_dir
    names = {"USERNAME": spawner.user.name, "USERID": spawner.user.id}
    if is_systemd(spawner) and spawner.dynamic_users:
        return None, "/var/lib/{USERNAME}".format(**names)
    name = spawner.username_template.format(**names) if is_systemd(spawner) else spawner.user.name
    try:
        return pwd.getpwnam(name).pw_uid, None
    except KeyError as error:
        raise ServiceError(f"This machine has no user {name!r}.", hint="Ask an admin to make an account.") from error


def server_command(cmd: Sequence[str]) -> list[str]:
    """The server's command inside: an admin's own as far as it is no program of the machine's."""
    words = list(cmd or [_SERVER])
    return words if "/" not in words[0] else [_SERVER, *words[1:]]


def program_for(*, own: bool) -> list[str]:
    """
    The command that shows a ticket: for processes of our `own` user, or one that all users can run.

    Raises:
        ServiceError: there is none.
    """
    script = enter_file().resolve()
    pythons = [sys.executable, _SYSTEMS_PYTHON]
    if own:
        return [pythons[0], "-I", str(script)]
    for python in pythons:
        if os.access(python, os.X_OK) and not (closed(Path(python)) or closed(script)):
            return [python, "-I", str(script)]
    raise ServiceError(
        "Environments cannot be opened for users of this machine: "
        f"they cannot enter {closed(script) or closed(Path(sys.executable))}.",
        hint="Ask an admin to let everybody read the folder that Hubkiln is installed in.",
    )


def closed(file: Path) -> Path | None:
    """A folder on the way to `file`, or to what it is a link to, that the machine's users cannot enter."""
    folders = {*file.parents, *Path(os.path.realpath(file)).parents}
    return next((folder for folder in sorted(folders) if not folder.stat().st_mode & stat.S_IXOTH), None)

"""A server's room: the image's own, plus the user's home, the script that delivers content, and the Hub's variables."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubkiln.content import deliver
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import home_of, room_for, started
from hubkiln.sandbox.interface import Mount, Room
from hubkiln.spawners.homes import Places
from hubkiln.values import Limits

SCRIPT = "/run/hubkiln-deliver.py"
SERVER = "jupyterhub-singleuser"
QUICKLY = (
    f"import sys; sys.argv[0] = {SERVER!r}; sys.modules['rfc3987_syntax'] = None; "
    "from jupyterhub.singleuser import main; sys.exit(main())"
)
"""Starts the server a second sooner: the checker of international addresses in JSON schemas, which no server needs and
which prepares a grammar whenever it is imported, counts as not installed. Kernels are processes of their own."""

_NAME = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What is to be started."""

    image: LocalImage
    command: Sequence[str]
    """``jupyterhub-singleuser`` and its arguments."""

    env: dict[str, str]
    """Variables from the Hub."""

    limits: Limits
    open: str = ""
    """Path to show first, below the repository's root."""

    url: str = ""
    """Where the server shows files (``/lab/tree``); empty leaves what it shows first to others."""


def room_of(server: Server, places: Places) -> Room:
    """The room; the script for delivering is put into the server's folder, where the sandbox's user may read it."""
    home = home_of(server.image)
    room = room_for(
        places.data,
        server.image,
        home=places.home,
        work=places.room,
        env={"JUPYTERHUB_ROOT_DIR": home} | server.env,
        limits=server.limits,
        cwd=home,
        name=f"server-{places.name}",
    )
    if server.image.content is None:
        return room
    script = places.room / "deliver.py"
    shutil.copyfile(Path(deliver.__file__), script)
    script.chmod(0o644)
    return replace(room, mounts=(*room.mounts, Mount(source=script, target=SCRIPT)))


def argv_of(server: Server) -> list[str]:
    """What runs in the room: bring the content home, then the repository's ``start``, then the server."""
    final = started(server.image, quickened(server.image, list(server.command)))
    if server.image.content is None:
        return final
    words = ["python3", SCRIPT, "--name", folder_name(server.image.name)]
    for option, value in (("--subdir", server.image.workdir), ("--open", server.open), ("--url", server.url)):
        if value:
            words += [f"{option}={value}"]
    return [*words, "--", *final]


def quickened(image: LocalImage, command: list[str]) -> list[str]:
    """`command`, if it is the usual one in an environment that we composed, by the quicker way."""
    if command[:1] != [SERVER] or not image.environment:
        return command
    return ["python3", "-c", QUICKLY, *command[1:]]


def folder_name(name: str) -> str:
    """`name` as a folder of the home that is not hidden."""
    return _NAME.sub("-", name).lstrip(".-") or "repository"

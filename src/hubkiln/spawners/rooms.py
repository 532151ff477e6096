"""A server's room: the image's own, plus the user's home, the script that delivers content, and the Hub's variables."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hubkiln.content import delivering
from hubkiln.conventions import SERVER
from hubkiln.local_images import LocalImage, home_of, room_for, started
from hubkiln.sandbox import Mount, Network, Room
from hubkiln.spawners.homes import Places
from hubkiln.spawners.networks import Connection
from hubkiln.values import PREFIX, Limits

SCRIPT = "/run/hubkiln-deliver.pyz"
PRIVATE, CONFIG = "/run/jupyter", "/run/hubkiln-config"
"""Where the server's sockets and our settings are seen inside: short, since a socket's path has room for 107 bytes."""

SOCKET = "server.sock"
_CONFIGS = ("jupyter_config.json", "jupyter_server_config.json", "jupyter_notebook_config.json")
"""What all Jupyter programs read, and what has more to say in the two servers."""

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

    network: Network = Network.HOST
    """With the host's, the server listens at a Unix socket: a port could be anybody's."""

    connection: Connection = field(default_factory=Connection)
    """Of a network of its own with the world."""

    uid: int | None = None
    """Real uid of its user, where each has one."""

    transport: str = "ipc"
    """How kernels are talked to: whoever shares a network can read what goes over ``tcp``."""


def room_of(server: Server, places: Places) -> Room:
    """The room; the script for delivering is put into the server's folder, where the sandbox's user may read it."""
    home = home_of(server.image)
    room = room_for(
        places.data.rooms,
        server.image,
        home=places.home,
        work=places.room,
        env={"JUPYTERHUB_ROOT_DIR": home, **server.connection.env} | server.env | _settings(server, places),
        network=server.network,
        limits=server.limits,
        cwd=home,
        name=f"server-{places.name}",
    )
    mounts = [
        Mount(source=places.private, target=PRIVATE, writable=True),
        Mount(source=places.config, target=CONFIG),
    ]
    if server.image.content is not None:
        script = places.room / "deliver.pyz"
        script.write_bytes(delivering())
        script.chmod(0o644)
        mounts.append(Mount(source=script, target=SCRIPT))
    return replace(room, mounts=(*room.mounts, *mounts), uid=server.uid, name_server=server.connection.name_server)


def _settings(server: Server, places: Places) -> dict[str, str]:
    """Write our settings for Jupyter; returns the variables that lead to them and to the private folder."""
    text = json.dumps({"KernelManager": {"transport": server.transport}})
    for name in _CONFIGS:
        file = places.config / name
        file.write_text(text)
        file.chmod(0o644)
    known = server.env.get("JUPYTER_CONFIG_PATH") or dict(server.image.env).get("JUPYTER_CONFIG_PATH")
    return {
        "JUPYTER_CONFIG_PATH": f"{CONFIG}:{known}" if known else CONFIG,
        "JUPYTER_RUNTIME_DIR": PRIVATE,
    }


def argv_of(server: Server) -> list[str]:
    """What runs in the room: bring the content home, then the repository's ``start``, then the server."""
    final = started(server.image, quickened(server.image, [*server.command, *_listening(server)]))
    if server.image.content is None:
        return final
    words = [own_python(server.image), SCRIPT, "--name", folder_name(server.image.name)]
    for option, value in (("--subdir", server.image.workdir), ("--open", server.open), ("--url", server.url)):
        if value:
            words += [f"{option}={value}"]
    return [*words, "--", *final]


def _listening(server: Server) -> list[str]:
    """The Unix socket, for a server that knows the option; with it goes the port that counts as not given."""
    if server.network is not Network.HOST or list(server.command[:1]) != [SERVER]:
        return []
    return ["--ServerApp.port=8888", f"--ServerApp.sock={PRIVATE}/{SOCKET}"]


def quickened(image: LocalImage, command: list[str]) -> list[str]:
    """`command`, if it is the usual one in an environment that we composed, by the quicker way."""
    if command[:1] != [SERVER] or not image.environment:
        return command
    return [own_python(image), "-c", QUICKLY, *command[1:]]


def own_python(image: LocalImage) -> str:
    """The server's Python: over an image the environment's, not what is first on a ``PATH`` that is somebody else's."""
    return f"/{PREFIX}/bin/python3" if image.environment and image.rootfs else "python3"


def folder_name(name: str) -> str:
    """`name` as a folder of the home that is not hidden."""
    return _NAME.sub("-", name).lstrip(".-") or "repository"

"""What is in a server's room and what runs there."""

import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import BEHIND
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Network
from hubkiln.spawners.homes import Places
from hubkiln.spawners.rooms import (
    CONFIG,
    PRIVATE,
    QUICKLY,
    SCRIPT,
    SERVER,
    Server,
    argv_of,
    folder_name,
    quickened,
    room_of,
)
from hubkiln.values import Limits


def server(**image: object) -> Server:
    """A server of a small image."""
    return Server(
        image=LocalImage(name="repo", environment="e", **image),  # type: ignore[arg-type]
        command=["jupyterhub-singleuser"],
        env={"JUPYTERHUB_API_TOKEN": "secret"},
        limits=Limits(memory_bytes=1),
        open="a.ipynb",
        url="/lab/tree",
    )


def own(what: Server) -> Server:
    """The same with a network of its own."""
    return replace(what, network=Network.OWN)


def places(tmp_path: Path) -> Places:
    """The folders of ada's server, made."""
    found = Places(data=DataDir(tmp_path), user="ada")
    found.make(Identity(uid=1, gid=1))
    return found


def test_the_home_is_the_only_folder_that_can_be_written(tmp_path: Path) -> None:
    """Content, settings and script are read-only, the environment and sockets go to the server's own folder."""
    room = room_of(server(content="c"), places(tmp_path))
    assert [mount.target for mount in room.mounts if mount.writable] == ["/home/jovyan", PRIVATE]
    assert {mount.target for mount in room.mounts} >= {"/home/jovyan", SCRIPT, CONFIG}
    written = {overlay.target: overlay.upper for overlay in room.overlays if overlay.upper}
    assert list(written) == ["/srv/conda/envs/notebook"]
    assert written["/srv/conda/envs/notebook"].is_relative_to(places(tmp_path).room)
    assert "/srv/repo" in {mount.target for mount in room.mounts} | {overlay.target for overlay in room.overlays}


def test_limits_and_variables_reach_the_room(tmp_path: Path) -> None:
    """What the Hub says wins over the image's own variables; PATH stays the image's."""
    room = room_of(server(content="c"), places(tmp_path))
    assert room.limits.memory_bytes == 1 and room.env["JUPYTERHUB_API_TOKEN"] == "secret"
    assert room.env["PATH"].startswith("/home/jovyan/.local/bin:/srv/repo/.local/bin:/srv/conda/envs/notebook/bin")


def test_content_is_delivered_before_the_repositorys_start_script() -> None:
    """The order is: files home, ``start``, server."""
    argv = argv_of(own(server(content="c", start="binder/start", workdir="sub")))
    assert argv[:4] == ["python3", SCRIPT, "--name", "repo"]
    assert argv[argv.index("--") + 1 :] == [*BEHIND, "/srv/repo/binder/start", "python3", "-c", QUICKLY]
    assert {"--subdir=sub", "--open=a.ipynb", "--url=/lab/tree"} <= set(argv)


def test_an_image_without_content_just_starts() -> None:
    """Nothing to deliver, no script."""
    assert argv_of(own(server())) == ["python3", "-c", QUICKLY]


def test_a_server_in_a_shared_network_listens_at_a_socket_of_its_own(tmp_path: Path) -> None:
    """No port, which could be anybody's; a command that is not Jupyter's is left alone."""
    assert argv_of(server())[-2:] == ["--ServerApp.port=8888", "--ServerApp.sock=/run/jupyter/server.sock"]
    assert argv_of(replace(server(), command=["my-server"])) == ["my-server"]
    assert (places(tmp_path).private.stat().st_mode & 0o777) == 0o700


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_all_jupyter_programs_are_told_how_to_talk_to_kernels(tmp_path: Path, transport: str) -> None:
    """In files that old and new servers read before the user's; sockets' paths are short; the Hub's own path stays."""
    started = replace(server(), transport=transport, env={"JUPYTER_CONFIG_PATH": "/theirs"})
    room = room_of(started, places(tmp_path))
    assert room.env["JUPYTER_CONFIG_PATH"] == f"{CONFIG}:/theirs" and room.env["JUPYTER_RUNTIME_DIR"] == PRIVATE
    assert len(f"{PRIVATE}/kernel-{uuid4()}-ipc-5") < 107
    for name in ("jupyter_config.json", "jupyter_server_config.json", "jupyter_notebook_config.json"):
        told = json.loads((places(tmp_path).config / name).read_text())
        assert told == {"KernelManager": {"transport": transport}}


def test_only_the_usual_command_in_our_own_environments_is_changed() -> None:
    """Another command, or an image that somebody else made, is started as it is asked for."""
    theirs = LocalImage(name="theirs", environment=None, rootfs=("layer",))
    assert quickened(theirs, [SERVER, "--debug"]) == [SERVER, "--debug"]
    assert quickened(server().image, ["my-server"]) == ["my-server"]


def test_over_an_image_the_servers_python_is_named_in_full() -> None:
    """What is first on the PATH of an image may be the image's own, which knows nothing of Jupyter."""
    argv = argv_of(own(server(rootfs=("layer",), content="c")))
    python = "/srv/conda/envs/notebook/bin/python3"
    assert argv[0] == python and argv[argv.index("--") + 1 :] == [python, "-c", QUICKLY]


def test_a_folder_name_is_never_hidden_or_a_path() -> None:
    """Names of repositories become folders a user can see."""
    assert [folder_name(name) for name in ("repo", ".x", "../a/b", "--", "a b")] == [
        "repo",
        "x",
        "a-b",
        "repository",
        "a-b",
    ]

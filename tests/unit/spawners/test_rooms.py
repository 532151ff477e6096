"""What is in a server's room and what runs there."""

from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import BEHIND
from hubkiln.sandbox.identity import Identity
from hubkiln.spawners.homes import Places
from hubkiln.spawners.rooms import QUICKLY, SCRIPT, SERVER, Server, argv_of, folder_name, quickened, room_of
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


def places(tmp_path: Path) -> Places:
    """The folders of ada's server, made."""
    found = Places(data=DataDir(tmp_path), user="ada")
    found.make(Identity(uid=1, gid=1))
    return found


def test_the_home_is_the_only_folder_that_can_be_written(tmp_path: Path) -> None:
    """Content and script are read-only, the environment writes to the server's own folder."""
    room = room_of(server(content="c"), places(tmp_path))
    assert [mount.target for mount in room.mounts if mount.writable] == ["/home/jovyan"]
    assert {mount.target for mount in room.mounts} >= {"/home/jovyan", SCRIPT}
    written = {overlay.target: overlay.upper for overlay in room.overlays if overlay.upper}
    assert list(written) == ["/srv/conda/envs/notebook"]
    assert written["/srv/conda/envs/notebook"].is_relative_to(places(tmp_path).room)
    assert "/srv/repo" in {place.target for place in (*room.mounts, *room.overlays)}


def test_limits_and_variables_reach_the_room(tmp_path: Path) -> None:
    """What the Hub says wins over the image's own variables; PATH stays the image's."""
    room = room_of(server(content="c"), places(tmp_path))
    assert room.limits.memory_bytes == 1 and room.env["JUPYTERHUB_API_TOKEN"] == "secret"
    assert room.env["PATH"].startswith("/home/jovyan/.local/bin:/srv/repo/.local/bin:/srv/conda/envs/notebook/bin")


def test_content_is_delivered_before_the_repositorys_start_script() -> None:
    """The order is: files home, ``start``, server."""
    argv = argv_of(server(content="c", start="binder/start", workdir="sub"))
    assert argv[:4] == ["python3", SCRIPT, "--name", "repo"]
    assert argv[argv.index("--") + 1 :] == [*BEHIND, "/srv/repo/binder/start", "python3", "-c", QUICKLY]
    assert {"--subdir=sub", "--open=a.ipynb", "--url=/lab/tree"} <= set(argv)


def test_an_image_without_content_just_starts() -> None:
    """Nothing to deliver, no script."""
    assert argv_of(server()) == ["python3", "-c", QUICKLY]


def test_only_the_usual_command_in_our_own_environments_is_changed() -> None:
    """Another command, or an image that somebody else made, is started as it is asked for."""
    theirs = LocalImage(name="theirs", environment=None, rootfs=("layer",))
    assert quickened(theirs, [SERVER, "--debug"]) == [SERVER, "--debug"]
    assert quickened(server().image, ["my-server"]) == ["my-server"]


def test_a_folder_name_is_never_hidden_or_a_path() -> None:
    """Names of repositories become folders a user can see."""
    assert [folder_name(name) for name in ("repo", ".x", "../a/b", "--", "a b")] == [
        "repo",
        "x",
        "a-b",
        "repository",
        "a-b",
    ]

"""A room as bubblewrap options: pure, so read here what is asked for; the integration tests see what comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.errors import ServiceError, Unsupported
from hubkiln.sandbox import bubblewrap, overlays
from hubkiln.sandbox.bubblewrap import CONTAINER, Command, Host, command
from hubkiln.sandbox.capture import SKIPPED
from hubkiln.sandbox.identity import SHIFT, Identity
from hubkiln.sandbox.interface import Mount, Network, Overlay, Room
from hubkiln.sandbox.memory_files import Word
from hubkiln.sandbox.tools import INSIDE, Brought

USER = Host(bwrap=Path("/bin/bwrap"), identity=Identity(uid=500, gid=500))
BROUGHT = Brought(
    Path("/lib/ld.so"), (("libc.so.6", Path("/lib/libc.so.6")),), (("setpriv", Path("/usr/bin/setpriv")),)
)
ROOT = Host(
    bwrap=Path("/bin/bwrap"), identity=Identity(uid=64100, gid=64100, shift=SHIFT), brought=BROUGHT, user_namespace=9
)


def made(room: Room, host: Host = USER, *, with_parent: bool = True) -> Command:
    """The command for `true`."""
    return command(room, ["true"], host, with_parent=with_parent)


def follows(what: Command, *words: Word) -> bool:
    """True if `words` stand in this order, one after the other."""
    options = what.options
    return any(options[n : n + len(words)] == words for n in range(len(options)))


@pytest.mark.parametrize("host", [USER, ROOT])
@pytest.mark.parametrize("room", [Room(), Room(rootfs=Overlay(target="/", lowers=(Path("/a"), Path("/b"))))])
def test_every_room_has_walls(room: Room, host: Host) -> None:
    """Own processes, own IPC, own name, own session, no environment of ours, kernel settings read-only."""
    what = made(room, host)
    for word in ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--new-session", "--clearenv", "--die-with-parent"):
        assert word in what.options
    assert follows(what, "--ro-bind", "/proc/sys", "/proc/sys")


def test_an_ordinary_user_gets_a_user_namespace() -> None:
    """Inside it is 1000."""
    assert follows(made(Room()), "--unshare-user", "--uid", "1000", "--gid", "1000")


def test_root_never_opens_one_by_bubblewrap() -> None:
    """bubblewrap would map it to the host's root; capabilities are dropped but for those that change the user."""
    what = made(Room(), ROOT)
    assert "--unshare-user" not in what.options
    assert follows(what, "--cap-drop", "ALL")
    assert {what.options[n + 1] for n, word in enumerate(what.options) if word == "--cap-add"} == {
        *("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
    }


def test_roots_first_program_is_the_hosts_and_drops() -> None:
    """The loader, the program and its libraries are brought in; the command comes last."""
    what = made(Room(), ROOT)
    assert what.argv[:4] == (f"{INSIDE}/ld.so", "--library-path", f"{INSIDE}/lib", f"{INSIDE}/setpriv")
    for word in ("--reuid=64100", "--regid=64100", "--clear-groups", "--bounding-set=-all", "--no-new-privs"):
        assert word in what.argv
    assert what.argv[-1] == "true"


def test_an_images_root_is_entered_through_the_mapped_namespace() -> None:
    """With no capability of ours at all."""
    what = made(Room(rootfs=Overlay(target="/", lowers=(Path("/a"),))), ROOT)
    assert "--cap-add" not in what.options
    assert what.argv[3:9] == (f"{INSIDE}/nsenter", "--user=/proc/self/fd/9", "-S", "1000", "-G", "1000")


def test_scripts_for_containers_know_that_they_are_in_one(tmp_path: Path) -> None:
    """By Docker's own mark, which an image may bring; where a root takes no writes, only then."""
    assert follows(made(Room()), "--file", b"", CONTAINER)
    image = Overlay(target="/", lowers=(tmp_path,))
    assert CONTAINER not in made(Room(rootfs=image)).options
    written = replace(image, upper=tmp_path / "upper")
    assert follows(made(Room(rootfs=written)), "--ro-bind-data", b"", CONTAINER)
    (tmp_path / CONTAINER.strip("/")).touch()
    assert CONTAINER not in made(Room(rootfs=written)).options
    assert CONTAINER.strip("/") in SKIPPED


def test_a_link_is_made_where_nothing_is(tmp_path: Path) -> None:
    """Below the image's real folder, whatever links lead there; what the image has at its place stays."""
    (tmp_path / "srv").symlink_to("opt/srv")
    (tmp_path / "opt/srv").mkdir(parents=True)
    room = Room(rootfs=Overlay(target="/", lowers=(tmp_path,)), links=(("/srv/envs/kernel", "/srv/nb/kernel"),))
    assert follows(made(room), "--symlink", "/srv/nb/kernel", "/opt/srv/envs/kernel")
    (tmp_path / "opt/srv/envs/kernel").mkdir(parents=True)
    assert "--symlink" not in made(room).options


@pytest.mark.parametrize("host", [USER, ROOT])
def test_no_secret_is_on_a_command_line(host: Host) -> None:
    """The environment travels in options or a file, never in argv."""
    what = made(Room(env={"TOKEN": "secret"}), host)
    assert not any("secret" in word for word in (*what.before, *what.argv))


def test_a_room_without_network_has_none() -> None:
    """And one with has the host's."""
    assert "--unshare-net" in made(Room(network=Network.NONE)).options
    assert "--unshare-net" not in made(Room(network=Network.HOST)).options


def test_a_server_outlives_us() -> None:
    """Only what we wait for dies with us."""
    assert "--die-with-parent" not in made(Room(), with_parent=False).options


def test_mounts_come_after_overlays_and_the_root_is_closed_last() -> None:
    """So a mount below an overlay is seen, and nobody writes to the root's memory."""
    room = Room(
        overlays=(Overlay(target="/srv/env", lowers=(Path("/l"),)),),
        mounts=(
            Mount(source=Path("/m"), target="/srv/env/x"),
            Mount(source=Path("/h"), target="/home/j", writable=True),
        ),
    )
    what = made(room)
    words = list(what.options)
    assert words.index("/l") < words.index("/m") < words.index("/h") < words.index("--remount-ro")
    assert follows(what, "--ro-bind", "/m", "/srv/env/x")
    assert follows(what, "--bind", "/h", "/home/j")


def test_volumes_come_last_and_may_lie_in_the_home(tmp_path: Path) -> None:
    """In their order, read-only ones too; over the home and the work folder as a whole as well."""
    home = Mount(source=tmp_path, target="/home/jovyan", writable=True)
    volumes = (
        Mount(source=Path("/v"), target="/home/jovyan/data"),
        Mount(source=Path("/w"), target="/srv/repo", writable=True),
    )
    repo = Overlay(target="/srv/repo", lowers=(tmp_path,))
    what = made(Room(mounts=(home,), overlays=(repo,), cwd="/srv/repo", volumes=volumes))
    assert follows(what, "--ro-bind", "/v", "/home/jovyan/data")
    assert follows(what, "--bind", "/w", "/srv/repo")
    words = list(what.options)
    assert words.index(str(tmp_path)) < words.index("/v") < words.index("/w") < words.index("--remount-ro")


@pytest.mark.parametrize(
    "target", ["/etc", "/etc/x", "/proc/1", "/", "/usr", "/run", "/srv", "/srv/env", "/home", "/link/x"]
)
@pytest.mark.parametrize("writable", [True, False])
def test_a_volume_hides_nothing_that_a_room_needs(tmp_path: Path, target: str, writable: bool) -> None:
    """Neither by name nor where a link of the home leads; the answer says another place."""
    (tmp_path / "link").symlink_to("/etc")
    home = Mount(source=tmp_path, target="/home/jovyan", writable=True)
    place = target.replace("/link", "/home/jovyan/link")
    volume = Mount(source=Path("/v"), target=place, writable=writable)
    overlay = Overlay(target="/srv/env", lowers=(Path("/l"),))
    with pytest.raises(Unsupported) as refused:
        made(Room(mounts=(home,), overlays=(overlay,), cwd="/home/jovyan", volumes=(volume,)))
    assert "/data" in refused.value.hint


def test_no_volume_lies_in_another() -> None:
    """Whoever may change the outer one could lead the inner one astray."""
    outer, inner = Mount(source=Path("/a"), target="/a", writable=True), Mount(source=Path("/b"), target="/a/b")
    for volumes in ((outer, inner), (inner, outer)):
        with pytest.raises(Unsupported, match="in one another"):
            made(Room(volumes=volumes))


def test_a_data_folder_below_usr_is_covered() -> None:
    """Where the data folder lies in what is shown, something empty is put over it."""
    host = Host(bwrap=Path("/b"), identity=USER.identity, hidden=(Path("/usr/local/hubkiln"), Path("/var/lib/hubkiln")))
    assert follows(made(Room(), host), "--perms", "0000", "--tmpfs", "/usr/local/hubkiln")
    assert "/var/lib/hubkiln" not in made(Room(), host).options


@pytest.mark.parametrize(
    ("name", "expected"), [("jupyter-ada", "jupyter-ada"), ("A_b c!", "a-b-c"), ("-é-", "sandbox")]
)
def test_any_name_becomes_a_host_name(name: str, expected: str) -> None:
    """Letters, digits and dashes."""
    assert bubblewrap.hostname(Room(name=name)) == expected


def test_a_variable_no_shell_can_have_is_left_out() -> None:
    """Names with odd characters, values with a zero byte."""
    given = {"GOOD": "x", "bad-name": "x", "1X": "x", "NUL": "a\0b", "X\n": "x"}
    assert set(bubblewrap.environment(Room(env=given))) == {"GOOD", "HOME", "USER", "PATH"}


def test_one_read_only_folder_needs_no_overlay() -> None:
    """A plain mount does it."""
    assert overlays.options(Overlay(target="/x", lowers=(Path("/l"),))) == ["--ro-bind", "/l", "/x"]


def test_layers_that_the_kernel_would_cut_off_are_refused(tmp_path: Path) -> None:
    """Just below the limit is fine; the message names numbers and the remedy."""
    short = tuple(Path(f"/l/{n:04}") for n in range(200))
    overlays.check_length(Overlay(target="/x", lowers=short))
    with pytest.raises(ServiceError, match="400 layers at /x") as caught:
        overlays.check_length(Overlay(target="/x", lowers=(*short, *short)))
    assert "merge" in caught.value.hint


def test_removing_does_not_mind_closed_folders(tmp_path: Path) -> None:
    """The kernel's work folder has mode 000; links are removed, not followed."""
    upper = tmp_path / "upper"
    closed = overlays.work_of(upper) / "work"
    closed.mkdir(parents=True)
    closed.chmod(0)
    (tmp_path / "kept").mkdir()
    upper.mkdir()
    (upper / "link").symlink_to(tmp_path / "kept")
    upper.chmod(0)
    overlays.clean(upper)
    overlays.clean(upper)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]

"""Whom an usher lets in, and what of the machine it shows: it may see all, who asks it may not."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubkiln.errors import Refused, ServiceError
from hubkiln.launches import Admission
from hubkiln.sandbox import SHIFT, Identity, cgroups
from hubkiln.spawners.own_homes import home_of
from hubkiln.spawners.usher import address_in, awaited
from hubkiln.values import Limits

SECRET = "0123"
OWN = os.geteuid()
ROOTS = Identity(uid=64100, gid=64100, shift=SHIFT)
"""Of a server where the hub is root."""


def admission(uid: int | None = OWN) -> Admission:
    """Of somebody's environment."""
    return Admission(secret=SECRET, data_dir="/nowhere", image="x", user="ada", uid=uid, command=("server",))


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where an usher listens."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(f"\0hubkiln-test-{os.urandom(8).hex()}")
        made.listen()
        yield made


async def shown(door: socket.socket, **message: object) -> bytes:
    """What somebody is answered who comes to `door` with that."""
    reader, writer = await asyncio.open_unix_connection(door.getsockname())
    writer.write(json.dumps(message).encode() + b"\n")
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def test_a_ticket_is_no_good_for_another_user(door: socket.socket) -> None:
    """Who has stolen the right secret, but is not who the kernel must say, is sent away."""
    waiting = asyncio.ensure_future(awaited(admission(OWN + 1), door))
    assert await shown(door, secret=SECRET, arguments=[], env={}) == b""
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("uid", [OWN, None])
async def test_who_shows_no_ticket_is_sent_away_and_keeps_nobody_out(door: socket.socket, uid: int | None) -> None:
    """Also where the machine makes up users; the one who has the ticket comes in afterwards."""
    waiting = asyncio.ensure_future(awaited(admission(uid), door))
    assert await shown(door, secret="0124", arguments=[], env={}) == b""
    assert await shown(door, arguments=[], env={}) == b""
    assert await shown(door, secret=SECRET, arguments=1, env=[]) == b""
    coming = asyncio.ensure_future(shown(door, secret=SECRET, arguments=["--x"], env={"A": "b"}))
    guest = await waiting
    assert guest is not None and (guest.uid, guest.arguments, guest.env) == (OWN, ["--x"], {"A": "b"})
    guest.writer.close()
    assert await coming == b""


async def test_nobody_is_waited_for_without_end(door: socket.socket) -> None:
    """A start that was given up leaves no usher."""
    assert await awaited(admission(), door, seconds=0.01) is None


def linked(folder: Path) -> Path:
    """A link that its user put in the place of a home's parent."""
    (folder / "theirs").mkdir()
    (folder / "theirs").chmod(0o777)
    (folder / "theirs/home").mkdir()
    return folder / "theirs/home"


def file(folder: Path) -> Path:
    """No folder at all."""
    (folder / "home").touch()
    return folder / "home"


@pytest.mark.parametrize(
    ("make", "uid", "why"),
    [
        (linked, OWN, "others can change"),
        (file, OWN, "it is no folder"),
        (lambda folder: folder / "gone", OWN, "No such file"),
        (lambda folder: folder, OWN + 1, "somebody else's"),
        (lambda _: Path("/"), 0, "it is the system's"),
        (lambda _: Path("/root"), 0, "it is the system's"),
    ],
)
def test_a_home_that_others_could_exchange_is_not_shown(
    tmp_path: Path, make: Callable[[Path], Path], uid: int, why: str
) -> None:
    """Who may see all would show what its user cannot reach."""
    if uid == 0 and OWN:
        pytest.skip("only for a hub of root")
    with pytest.raises(ServiceError, match=why):
        home_of(uid, str(make(tmp_path)), ROOTS)


def test_a_home_of_its_user_alone_is_shown(tmp_path: Path) -> None:
    """By its real path."""
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    assert home_of(OWN, str(tmp_path / "link"), ROOTS) == (tmp_path / "home").resolve()


FOLLOW = """
import sys
from hubkiln.processes import ProcessId
from hubkiln.sandbox import follow
follow(ProcessId.of(int(sys.argv[1])))
print(open("/proc/self/cgroup").read(), end="")
"""


def test_a_usher_is_under_the_limits_of_who_asked() -> None:
    """It moves into the control groups of the spawner's process, where all that it opens then is."""
    groups = cgroups.detect()
    if not groups.parents:
        pytest.skip("no control groups can be made here")
    group = groups.make(f"test-{os.getpid()}", Limits(processes=100))
    with subprocess.Popen(["sleep", "60"]) as guest:
        try:
            group.add(guest.pid)
            theirs = Path(f"/proc/{guest.pid}/cgroup").read_text()
            said = subprocess.run(
                [sys.executable, "-c", FOLLOW, str(guest.pid)], capture_output=True, text=True, check=True
            )
            assert said.stdout == theirs != Path("/proc/self/cgroup").read_text()
        finally:
            guest.kill()
    group.remove()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:443/", "http://0.0.0.0:1023", "http://127.0.0.1:99999/", "http://[x"]
)
def test_no_port_of_roots_is_had_by_way_of_an_usher(url: str) -> None:
    """Who shows a ticket says where the Hub expects the server, and an usher may be root."""
    with pytest.raises(Refused):
        address_in({"JUPYTERHUB_SERVICE_URL": url})
    assert address_in({"JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1024/user/a/"}) == ("127.0.0.1", 1024)

"""What a sandbox must not see or touch, tried for real, as ourselves and as an ordinary user."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import User, can_be_ordinary, open_folder, ordinary, ourselves

from hubkiln import processes
from hubkiln.sandbox.interface import DOOR_PORT, Mount, Network, Overlay, Room

pytestmark = pytest.mark.sandbox

_CONSTRUCTOR = """
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) void note(void) {
    FILE *out = fopen("/home/jovyan/uids", "a");
    if (out) fprintf(out, "%d\\n", getuid());
}
"""


@pytest.fixture(params=["ourselves", "ordinary"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Whoever starts the sandbox."""
    if request.param == "ordinary" and not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    folder = open_folder()
    yield ordinary(folder) if request.param == "ordinary" else ourselves(folder)
    shutil.rmtree(folder, ignore_errors=True)


async def test_only_what_a_program_needs_of_the_host_is_there(user: User) -> None:
    """Homes, other files of the host, and our own data folder are not in a sandbox."""
    outcome = await user.python(Room(), "import os, json; print(json.dumps([os.listdir('/'), os.listdir('/etc')]))")
    top, etc = json.loads(outcome.output)
    assert set(top) <= {
        ".dockerenv",
        "bin",
        "dev",
        "etc",
        "lib",
        "lib32",
        "lib64",
        "libx32",
        "proc",
        "run",
        "sbin",
        "sys",
        "tmp",
        "usr",
        "var",
    }
    assert not {"shadow", "gshadow", "sudoers", "ssh", "machine-id", "apt"} & set(etc)


async def test_what_is_not_there_is_missing_and_not_forbidden(user: User) -> None:
    """Programs ask for files of `/sys` that containers have, and give up where the folder is closed to them."""
    asked = "/sys/fs/cgroup/memory.max", "/var/lib/none", "/var/cache/none", "/etc/none", "/run/none", "/srv/none"
    code = f"import os\nfor path in {asked}:\n try: os.stat(path)\n except FileNotFoundError: print('missing')"
    outcome = await user.python(Room(), code)
    assert outcome.output.split() == ["missing"] * len(asked)
    outcome = await user.python(Room(), "import os; print(os.listdir('/sys/devices/system'))")
    assert outcome.output.strip() == "['cpu']"


async def test_another_users_home_and_the_data_folder_are_not_visible(user: User) -> None:
    """Of two homes side by side only the one that is mounted can be seen, at whatever path."""
    mine, other = user.make("ada", notes="mine"), user.make("bob", notes="secret")
    room = Room(mounts=(Mount(source=mine, target="/home/jovyan", writable=True),))
    script = f"cat /home/jovyan/notes; ls -A /home; cat {other}/notes {user.folder}/state/* /proc/*/root{other}/notes"
    outcome = await user.run(room, ["sh", "-c", script])
    assert outcome.output.startswith("minejovyan\n")
    assert "secret" not in outcome.output


async def test_nothing_of_our_environment_is_passed_on(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret in our environment is in no environment inside, and in no command line."""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "hub-secret")
    room = Room(env={"TOKEN": "room-secret"})
    outcome = await user.run(room, ["sh", "-c", "env; cat /proc/*/environ | tr '\\0' '\\n'; cat /proc/*/cmdline"])
    assert "TOKEN=room-secret" in outcome.output
    assert "hub-secret" not in outcome.output
    assert "JUPYTERHUB" not in outcome.output


async def test_a_rooms_secrets_are_on_no_command_line(user: User) -> None:
    """Every user of a machine can read command lines, so a token must never be on one."""
    room = Room(env={"TOKEN": "room-secret"})
    outcome = await user.python(room, "import glob; print([open(f).read() for f in glob.glob('/proc/[0-9]*/cmdline')])")
    assert "room-secret" not in outcome.output


async def test_processes_outside_cannot_be_seen_or_signalled(user: User) -> None:
    """The sandbox counts its own processes from 1, and a pid of the host's is nobody."""
    code = f"""
import os
print(sorted(int(p) for p in os.listdir('/proc') if p.isdecimal())[-1] < 100)
try:
    os.kill({os.getpid()}, 0)
except OSError as error:
    print(type(error).__name__)
"""
    outcome = await user.python(Room(), code)
    assert outcome.output.split() == ["True", "ProcessLookupError"]


async def test_a_neighbour_of_the_same_uid_cannot_be_traced(user: User) -> None:
    """Two sandboxes have the same real owner, and still neither can trace the other's processes."""
    who = {"user": user.identity.uid, "group": user.identity.gid} if os.geteuid() == 0 else {}
    neighbour = await asyncio.create_subprocess_exec("sleep", "60", **who)
    code = f"import ctypes; print(ctypes.CDLL(None).ptrace(16, {neighbour.pid}, 0, 0))"
    outcome = await user.python(Room(), code)
    neighbour.kill()
    await neighbour.wait()
    assert outcome.output.strip() == "-1"


async def test_the_first_process_is_ours(user: User) -> None:
    """Pid 1 inside is bubblewrap, and its memory and environment are closed to the user."""
    code = f"""
import os
print(os.readlink('/proc/self/ns/pid') != '{Path("/proc/self/ns/pid").readlink()}')
for name in ('environ', 'mem'):
    try:
        print(open('/proc/1/' + name, 'rb').read(1))
    except OSError:
        print('closed')
"""
    outcome = await user.python(Room(), code)
    assert outcome.output.split()[0] == "True"
    assert set(outcome.output.split()[1:]) <= {"closed", "b''"}


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/core_pattern", "/proc/sys/kernel", "/proc/sysrq-trigger", "/usr", "/etc"]
)
async def test_the_kernels_settings_and_the_system_cannot_be_written(user: User, path: str) -> None:
    """Not even permission bits would let a program inside write there (asked, never tried)."""
    outcome = await user.python(Room(), f"import os; print(os.access({path!r}, os.W_OK))")
    assert outcome.output.strip() == "False"


async def test_the_user_is_nobody_special(user: User) -> None:
    """No capability, no way to gain one, not root's uid, the name jovyan."""
    script = "id -un; id -u; grep -E 'CapEff|CapPrm|CapAmb|NoNewPrivs' /proc/self/status; id -G"
    outcome = await user.run(Room(), ["sh", "-c", script])
    name, uid, *status, groups = outcome.output.splitlines()
    assert name == "jovyan"
    assert uid not in ("0", "65534")
    assert {line.split()[1] for line in status} == {"0000000000000000", "1"}
    assert groups == uid


async def test_a_poisoned_environment_reaches_no_privileged_program(user: User) -> None:
    """A library that the room asks to preload is loaded by no program that still has privilege to drop."""
    home = user.make("home")
    (home / "p.c").write_text(_CONSTRUCTOR)
    if shutil.which("cc") is None:
        pytest.skip("needs a C compiler")
    assert (await processes.run(["cc", "-shared", "-fPIC", "-o", home / "p.so", home / "p.c"])).code == 0
    user.own(home)
    room = Room(
        mounts=(Mount(source=home, target="/home/jovyan", writable=True),), env={"LD_PRELOAD": "/home/jovyan/p.so"}
    )
    await user.run(room, ["true"])
    assert set((home / "uids").read_text().split()) == {str(user.identity.inner_uid)}


async def test_writes_go_to_the_upper_folder_only(user: User) -> None:
    """An overlay's lower folders are as they were, whatever happens above them."""
    lower = user.make("lower", kept="old", gone="old")
    upper = user.folder / "upper"
    room = Room(overlays=(Overlay(target="/srv/env", lowers=(lower,), upper=upper),))
    outcome = await user.run(room, ["sh", "-c", "cd /srv/env; echo new > kept; rm gone; echo x > made; ls"])
    assert outcome.output.split() == ["kept", "made"]
    assert sorted(p.name for p in lower.iterdir()) == ["gone", "kept"]
    assert (lower / "kept").read_text() == "old"
    assert (upper / "kept").read_text() == "new\n"


async def test_upper_layers_win(user: User) -> None:
    """Of the folders of an overlay the last named is on top; without an upper folder nothing can be written."""
    lowers = (user.make("one", a="1", b="1"), user.make("two", b="2"))
    room = Room(overlays=(Overlay(target="/srv/env", lowers=lowers),))
    outcome = await user.run(room, ["sh", "-c", "cat /srv/env/a /srv/env/b; echo > /srv/env/c"])
    assert outcome.output.startswith("12")
    assert "Read-only" in outcome.output


async def test_a_link_in_a_home_leads_no_mount_astray(user: User) -> None:
    """Nothing is mounted inside what a user can write, where links may lead a mount to the host; it is refused."""
    home, repo, outside = user.make("home"), user.make("repo", x="x"), user.make("outside")
    (home / "repo").symlink_to(f"/oldroot{outside}/made")
    (home / "repo2").symlink_to(f"../../../oldroot{outside}/made2")
    for target in ("/home/jovyan/repo", "/home/jovyan/repo2"):
        mounts = (Mount(source=home, target="/home/jovyan", writable=True), Mount(source=repo, target=target))
        assert "cannot be shown inside" in await user.refusal(Room(mounts=mounts), ["true"])
    assert list(outside.iterdir()) == []


async def test_without_network_there_is_none(user: User) -> None:
    """With Network.NONE not even the host's loopback can be reached."""
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    outcome = await user.python(Room(network=Network.NONE), code)
    assert outcome.output.strip() == "['lo']"


async def test_a_door_is_the_only_way_out(user: User) -> None:
    """With Network.DOOR somebody answers at one port of loopback, and nothing else is there, the host's least."""
    code = f"""
import socket
with socket.socket() as outside:
    print(outside.connect_ex(('127.0.0.1', int(open('/home/jovyan/port').read()))) != 0)
inside = socket.create_connection(('127.0.0.1', {DOOR_PORT}))
inside.send(b'ada\\n')
print(inside.recv(100))
print([line.split(':')[0].strip() for line in open('/proc/net/dev') if ':' in line])
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        home = user.make("home", port=str(listener.getsockname()[1]))
        room = Room(network=Network.DOOR, mounts=(Mount(source=home, target="/home/jovyan"),))
        outcome = await user.python(room, code)
    assert outcome.output.splitlines() == ["True", "b'hello ada\\n'", "['lo']"]


async def test_temporary_folders_are_the_rooms_own(user: User) -> None:
    """/tmp, /var/tmp, /dev/shm can be written and are empty at the start."""
    outcome = await user.run(
        Room(), ["sh", "-c", "for d in /tmp /var/tmp /dev/shm; do ls -A $d; touch $d/x && echo ok; done"]
    )
    assert outcome.output.split() == ["ok"] * 3


async def test_where_it_works_and_what_it_is_called(user: User) -> None:
    """The working directory, the host name and a strange variable are as the room says."""
    home = user.make("home")
    home.chmod(0o700)
    room = Room(
        mounts=(Mount(source=home, target="/home/jovyan", writable=True),),
        cwd="/home/jovyan",
        env={"ODD": "it's $HOME\nand more", "not a name": "x"},
        name="jupyter-ada",
    )
    outcome = await user.run(room, ["sh", "-c", 'pwd; hostname; echo "$ODD"; echo $HOME'])
    assert outcome.output == "/home/jovyan\njupyter-ada\nit's $HOME\nand more\n/home/jovyan\n"

"""Run steps over a root file system of their own, from unpacking its layer to capturing what they changed."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sandbox_user import User, can_be_ordinary, open_folder, ordinary, ourselves
from tiny_root import layer, works_here

from hubkiln import processes
from hubkiln.errors import BuildFailed, TooLarge, Unsupported
from hubkiln.removal import remove
from hubkiln.sandbox.capture import capture, owner
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Network, Overlay, Room, SandboxSettings
from hubkiln.sandbox.overlays import work_of
from hubkiln.sandbox.steps import forget, run_step
from hubkiln.sandbox.unpack import unpack
from hubkiln.sandbox.user_namespace import subordinate
from hubkiln.trees import Tree
from hubkiln.values import Limits
from wheels import make_wheel

pytestmark = [pytest.mark.sandbox, pytest.mark.skipif(not works_here(), reason="needs x86-64 and glibc")]

SUBUID, SUBGID = Path("/etc/subuid"), Path("/etc/subgid")

being_root = pytest.mark.skipif(
    os.geteuid() != 0 and not subordinate(SUBUID, os.geteuid()), reason="being root inside needs a range of uids"
)


@dataclass(frozen=True)
class Bench:
    """An engine with a base to work on."""

    engine: SandboxEngine
    folder: Path

    @property
    def base(self) -> Path:
        """The unpacked layer."""
        return self.folder / "base"

    @property
    def upper(self) -> Path:
        """Where steps write."""
        return self.folder / "upper"

    def room(self, *, root: bool = False, limits: Limits | None = None, lowers: tuple[Path, ...] = ()) -> Room:
        """A room over the base."""
        rootfs = Overlay(target="/", lowers=(self.base, *lowers), upper=self.upper)
        return Room(rootfs=rootfs, root=root, limits=limits or Limits(), network=Network.NONE)

    async def step(self, script: str, *, root: bool = False, limits: Limits | None = None) -> str:
        """Run `script` as a step; its output."""
        said: list[str] = []
        room = self.room(root=root, limits=limits)
        await run_step(self.engine, self.engine.identity, room, ["sh", "-ec", script], said.append, what="postBuild")
        return "".join(said)

    def captured(self, *, root: bool = False) -> Tree:
        """What the steps changed."""
        identity, taken = self.engine.identity, root and not self.engine.identity.privileged
        given = [subordinate(file, identity.uid) if taken else (0, 0) for file in (SUBUID, SUBGID)]
        users = zip((identity.uid, identity.gid), given, strict=True)
        owners = (owner(identity, number, root=root, subordinate=range) for number, range in users)
        return capture(self.upper, (self.base,), *owners, taken_over=taken)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench with the tiny root unpacked."""
    folder = open_folder()
    engine = SandboxEngine(SandboxSettings(state=folder / "state"))
    unpack(io.BytesIO(layer()), folder / "base", engine.identity)
    yield Bench(engine, folder)
    remove(folder)


def tarred(tree: Tree) -> io.BytesIO:
    """`tree` as a layer, written in the plainest way."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for entry in tree:
            info = tarfile.TarInfo(entry.path)
            info.mode, info.uid, info.gid, info.size = entry.mode, entry.uid, entry.gid, entry.size
            content = entry.source.read_bytes() if isinstance(entry.source, Path) else b""
            info.type = tarfile.REGTYPE if entry.source is not None else tarfile.DIRTYPE
            if entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            archive.addfile(info, io.BytesIO(content))
    out.seek(0)
    return out


async def test_an_image_is_seen_as_it_means_itself(bench: Bench) -> None:
    """Its own files, our user under its usual number, nothing of the host's."""
    said = await bench.step("id -u; id -un; cat /etc/note; cat /etc/passwd; ls /; stat -c %u /home/jovyan")
    lines = said.splitlines()
    assert lines[:3] == ["1000", "jovyan", "from the image"]
    assert "old:x:1000:1000::/:/bin/sh" not in lines
    assert "root:x:0:0::/root:/bin/sh" in lines
    assert lines[-1] == "1000"
    assert not (bench.folder / "upper.tmp").exists()


@being_root
async def test_root_inside_is_not_root_outside(bench: Bench) -> None:
    """A step that is root may change owners of the image; on the host none of it belongs to root."""
    said = await bench.step(
        "id -u; mkdir /opt; touch /opt/a /opt/b /run/x; chown 33:50 /opt/a; rm /etc/doomed; cat /proc/self/uid_map",
        root=True,
    )
    assert said.splitlines()[0] == "0"
    if not bench.engine.identity.contained:  # there the numbers are those of another namespace
        assert all(int(line.split()[1]) > 0 for line in said.splitlines()[1:])
    made = {path.name: path.stat().st_uid for path in (bench.upper / "opt").iterdir()}
    assert 0 not in made.values()
    tree = {entry.path: (entry.uid, entry.gid) for entry in bench.captured(root=True)}
    assert tree["opt/a"] == (33, 50)
    assert tree["opt/b"] == (0, 0)
    assert "etc/.wh.doomed" in tree


@being_root
async def test_root_inside_cannot_write_the_kernels_settings(bench: Bench) -> None:
    """Asked, never tried: root of the step has no write permission in /proc/sys."""
    said = await bench.step(
        "cd /proc; for f in sys/kernel/core_pattern sys/kernel sysrq-trigger; do [ -w $f ] && echo bad; done; echo",
        root=True,
    )
    assert said.strip() == ""


async def test_what_is_captured_can_be_unpacked_again(bench: Bench) -> None:
    """Base plus captured layer shows the same as the room showed: files, links, modes, deletions."""
    script = "cd /home/jovyan; mkdir d; echo 1 > d/f; chmod 755 d/f; ln -s d/f l; echo 2 > g; ln g h"
    look = "cd /home/jovyan; ls -lnR --time-style=+; cat l h; [ -e g ]"
    before = await bench.step(f"{script}; {look}")
    data = tarred(bench.captured())
    again = bench.folder / "again"
    unpack(data, again, bench.engine.identity, lowers=(bench.base,))
    await forget([bench.upper], bench.engine.identity)
    outcome = await bench.engine.run(bench.room(lowers=(again,)), ["sh", "-ec", look])
    without_links = [line.split()[2:] for line in before.splitlines()]
    assert [line.split()[2:] for line in outcome.output.splitlines()] == without_links


@being_root
async def test_a_deletion_survives_the_round_trip(bench: Bench) -> None:
    """What a step deleted is not there in a room over the base and the captured layer."""
    await bench.step("rm /etc/doomed; rm -r /home/jovyan; mkdir /home/jovyan; touch /home/jovyan/new", root=True)
    data = tarred(bench.captured(root=True))
    again = bench.folder / "again"
    unpack(data, again, bench.engine.identity, lowers=(bench.base,))
    assert stat.S_ISCHR((again / "etc/doomed").lstat().st_mode)
    await forget([bench.upper], bench.engine.identity)
    outcome = await bench.engine.run(bench.room(lowers=(again,)), ["sh", "-c", "ls /home/jovyan; ls /etc/doomed"])
    assert outcome.output.startswith("new\n")
    assert outcome.code != 0


async def test_a_failing_step_says_so_and_leaves_nothing(bench: Bench) -> None:
    """The exit code is named, and what it wrote is gone."""
    with pytest.raises(BuildFailed, match="postBuild ended with exit code 9"):
        await bench.step("echo x > /home/jovyan/x; exit 9")
    assert not bench.upper.exists()
    assert not work_of(bench.upper).exists()


async def test_a_step_that_takes_too_long_is_stopped(bench: Bench) -> None:
    """The limit is named."""
    with pytest.raises(BuildFailed, match=r"longer than 0\.3 s"):
        await bench.step("sleep 100", limits=Limits(seconds=0.3))


async def test_a_step_that_fills_the_disk_is_stopped(bench: Bench) -> None:
    """It ends soon after it has written more than allowed, wherever it wrote."""
    for place in ("/home/jovyan", "/tmp"):
        with pytest.raises(TooLarge, match="1 MiB"):
            await bench.step(
                f"while :; do cat /bin/* >> {place}/x; sleep 0.01; done", limits=Limits(disk_bytes=1024**2)
            )
        assert not bench.upper.exists()


async def test_a_step_that_needs_more_memory_is_told(bench: Bench) -> None:
    """Out of memory is said in words, with the limit."""
    if "memory" not in bench.engine.groups.parents:
        pytest.skip(bench.engine.groups.reason)
    with pytest.raises(BuildFailed, match=r"ran out of memory \(limit 20 MiB\)"):
        await bench.step("x=0123456789; while :; do x=$x$x; done", limits=Limits(memory_bytes=20 * 1024**2))


async def test_a_cancelled_step_leaves_nothing(bench: Bench) -> None:
    """Neither processes nor files."""
    started = asyncio.Event()
    room = bench.room()
    step = asyncio.create_task(
        run_step(
            bench.engine,
            bench.engine.identity,
            room,
            ["sh", "-c", "echo x | cat > /home/jovyan/x; echo go; sleep 100"],
            lambda _: started.set(),
        )
    )
    await started.wait()
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    assert [path.name for path in bench.folder.iterdir()] == ["base"]


async def test_an_image_whose_etc_leads_elsewhere_is_refused(bench: Bench) -> None:
    """What is read there while privilege is dropped would be what somebody else put elsewhere."""
    (bench.folder / "evil").mkdir()
    (bench.folder / "evil/etc").symlink_to("../srv/repo")
    with pytest.raises(Unsupported, match="its /etc is a link"):
        await bench.engine.run(bench.room(lowers=(bench.folder / "evil",)), ["sh", "-c", "ls"])


async def test_an_images_links_lead_nothing_outside(bench: Bench) -> None:
    """An image whose mount points are links to where bubblewrap keeps the host's root makes nothing there."""
    outside = bench.folder / "outside"
    outside.mkdir()
    evil = bench.folder / "evil"
    evil.mkdir()
    for name in ("tmp", "run", "srv"):
        (evil / name).symlink_to(f"/oldroot{outside}/{name}")
    outcome = await bench.engine.run(bench.room(lowers=(evil,)), ["sh", "-c", "ls -d /tmp/"])
    assert outcome.code in (0, 1, 2)
    assert list(outside.iterdir()) == []


@pytest.fixture(params=["ourselves", "ordinary"])
def user(request: pytest.FixtureRequest) -> Iterator[User]:
    """Whoever starts the sandbox."""
    if request.param == "ordinary" and not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    folder = open_folder()
    yield ordinary(folder) if request.param == "ordinary" else ourselves(folder)
    remove(folder)


async def test_pip_in_a_room_leaves_the_store_alone(user: User) -> None:
    """A real `pip install` upgrades a package of a hard-linked environment; the shared store keeps the old one."""
    if (await processes.run(["/usr/bin/python3", "-m", "pip", "--version"])).code != 0:
        pytest.skip("needs the system's pip")
    pip = "/usr/bin/python3 -m pip -q install --no-index --no-deps --upgrade --target /srv/env"
    for version in ("1.0", "2.0"):
        make_wheel(user.folder, "shared", version, {"shared.py": f"version = {version!r}\n"})
    store = user.make("store")
    home = {"HOME": "/tmp", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    async def install(version: str, overlay: Overlay) -> str:
        wheels = Mount(source=user.folder, target="/wheels")
        room = Room(overlays=(overlay,), mounts=(wheels,), env=home)
        script = f"{pip} /wheels/shared-{version}-*.whl; cat /srv/env/shared.py"
        return (await user.run(room, ["sh", "-ec", script])).output

    first = Overlay(target="/srv/env", lowers=(store,), upper=user.folder / "first")
    assert await install("1.0", first) == "version = '1.0'\n"
    assert (await processes.run(["cp", "-al", user.folder / "first", user.folder / "environment"])).code == 0
    before = (user.folder / "first/shared.py").stat()
    names = sorted(path.name for path in (user.folder / "environment").iterdir())
    second = Overlay(target="/srv/env", lowers=(user.folder / "environment",), upper=user.folder / "second")
    assert await install("2.0", second) == "version = '2.0'\n"
    kept = user.folder / "first/shared.py"
    assert kept.read_text() == "version = '1.0'\n"
    assert (kept.stat().st_mtime, kept.stat().st_nlink) == (before.st_mtime, before.st_nlink)
    assert sorted(path.name for path in (user.folder / "environment").iterdir()) == names


async def test_writing_into_an_environment_leaves_the_store_alone(user: User) -> None:
    """A hard-linked environment under an overlay is only read: a file changed inside is as it was in the store."""
    store = user.make("store", module__py="old = 1\n")
    made = await processes.run(["cp", "-al", store, user.folder / "environment"])
    assert made.code == 0
    before = (store / "module.py").stat()
    overlay = Overlay(target="/srv/env", lowers=(user.folder / "environment",), upper=user.folder / "upper")
    script = (
        "cd /srv/env; echo 'old = 2' > module.py; chmod 600 module.py; touch -d 2000-01-01 module.py; cat module.py"
    )
    outcome = await user.run(Room(overlays=(overlay,)), ["sh", "-ec", script])
    after = (store / "module.py").stat()
    assert outcome.output == "old = 2\n"
    assert (store / "module.py").read_text() == "old = 1\n"
    assert (after.st_mode, after.st_mtime, after.st_nlink) == (before.st_mode, before.st_mtime, 2)

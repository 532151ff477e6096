"""What one sandbox could use up for all: processes, files, and the hub's disk by its log."""

from __future__ import annotations

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import open_folder

from hubkiln.removal import remove
from hubkiln.sandbox import USER_UIDS
from hubkiln.sandbox.bounded_log import KEPT_BYTES, MOST_BYTES, writing
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Room, SandboxSettings
from hubkiln.values import Limits

pytestmark = pytest.mark.sandbox

_FORKS = """
import os, time
made = 0
try:
    while made < 300:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError as error:
    print(type(error).__name__, end=" ")
print(made)
os.kill(-1, 9)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    made = open_folder()
    yield made
    remove(made)  # also the kernel's folders, which have no permissions


@pytest.fixture
def engine(folder: Path) -> SandboxEngine:
    """An engine of ours."""
    return SandboxEngine(SandboxSettings(state=folder / "state"))


def own_uid(engine: SandboxEngine) -> int | None:
    """One that no other test's sandbox has, whose processes would be counted too; None where there is no choice."""
    return USER_UIDS[0] + 40_000 + os.getpid() % 20_000 if engine.identity.privileged else None


async def said(engine: SandboxEngine, folder: Path, room: Room, code: str) -> str:
    """What a server that runs `code` leaves in its log."""
    running = await engine.start(room, ["/usr/bin/python3", "-c", code], log=folder / "log")
    await running.wait()
    return (folder / "log").read_text()


async def test_a_servers_processes_are_counted(engine: SandboxEngine, folder: Path) -> None:
    """At the limit no more can be made, by whichever means this machine counts them; what runs goes on."""
    log = await said(engine, folder, Room(limits=Limits(processes=60), uid=own_uid(engine)), _FORKS)
    assert log.startswith("BlockingIOError "), log
    assert int(log.split()[1]) < 60


async def test_without_control_groups_the_kernel_counts_by_uid(folder: Path) -> None:
    """Where no group can be made the limit holds all the same."""
    engine = SandboxEngine(SandboxSettings(state=folder / "state"))
    engine.groups = type(engine.groups)()
    log = await said(engine, folder, Room(limits=Limits(processes=60), uid=own_uid(engine)), _FORKS)
    assert log.startswith("BlockingIOError "), log


async def test_no_file_grows_beyond_its_limit(engine: SandboxEngine, folder: Path) -> None:
    """Neither by writing nor by leaving holes; and no process opens more files than it may."""
    home = folder / "home"
    home.mkdir()
    if engine.identity.privileged:
        shutil.chown(home, engine.identity.uid, engine.identity.gid)
    code = """
import os, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open("/home/jovyan/big", "wb") as file:
    for what in (lambda: file.truncate(2 << 20), lambda: os.pwrite(file.fileno(), b"x", 2 << 20)):
        try:
            what()
        except OSError as error:
            print(error.strerror)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
try:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
except ValueError:
    print("no way back")
"""
    mounts = (Mount(source=home, target="/home/jovyan", writable=True),)
    log = await said(engine, folder, Room(mounts=mounts, limits=Limits(file_bytes=1 << 20, open_files=512)), code)
    assert log.splitlines() == ["File too large", "File too large", "512", "no way back"]
    assert (home / "big").stat().st_size <= 1 << 20


async def test_a_limit_never_lifts_the_starters_own(engine: SandboxEngine, folder: Path) -> None:
    """Who starts Hubkiln with a lower one keeps it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[1])"
    assert await said(engine, folder, Room(limits=Limits(open_files=hard + 1000)), code) == f"{hard}\n"


async def test_a_log_cannot_fill_the_disk(engine: SandboxEngine, folder: Path) -> None:
    """Of sixty megabytes the end is kept, below a line that says how much was cut off; nobody is held up by it."""
    code = "for n in range(600_000): print(f'{n:099}')"
    running = await engine.start(Room(), ["/usr/bin/python3", "-c", code], log=folder / "log")
    assert await running.wait() == 0
    lines = (folder / "log").read_bytes().splitlines()
    assert KEPT_BYTES // 2 < (folder / "log").stat().st_size <= MOST_BYTES + 65536
    assert lines[0].startswith(b"[Hubkiln: the first ") and lines[0].endswith(b" bytes of this log were cut off here.]")
    numbers = [int(line) for line in lines[1:]]
    assert numbers == list(range(600_000))[-len(numbers) :]
    cut = int(lines[0].split()[3].replace(b",", b""))
    assert abs(600_000 * 100 - len(numbers) * 100 - cut) < 1000


async def test_a_log_without_lines_is_cut_too(folder: Path) -> None:
    """One endless line is no way around it; what was there before counts."""
    (folder / "log").write_bytes(b"before\n" * 100)
    with writing(folder / "log") as (output, keeper):
        for _ in range(20):
            assert output.write(b"x" * 1024**2) == 1024**2
    assert keeper is not None
    keeper.finish()
    text = (folder / "log").read_bytes()
    assert len(text) <= MOST_BYTES + 65536
    assert text.startswith(b"[Hubkiln: the first") and text.endswith(b"x" * 1000)


async def test_why_a_sandbox_ended_is_in_its_log(engine: SandboxEngine, folder: Path) -> None:
    """The last words of a server are there as soon as its end is known."""
    for n in range(5):
        running = await engine.start(Room(), ["sh", "-c", f"echo last words {n} >&2; exit 3"], log=folder / f"log{n}")
        assert await running.wait() == 3
        assert (folder / f"log{n}").read_text() == f"last words {n}\n"


def test_the_keeper_needs_nothing_but_python(folder: Path) -> None:
    """It is run by path, beside servers that outlive the hub's own packages."""
    from hubkiln.sandbox import keep_log

    source = Path(keep_log.__file__).read_text()
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported - {"__future__"} <= set(sys.stdlib_module_names)

"""A uid per user where the hub is root: what one uses up is not another's, and what is stored can still be changed."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import open_folder
from tiny_root import layer, works_here

from hubkiln.sandbox import USER_UIDS
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.identity import ROOT_MODE_UID
from hubkiln.sandbox.interface import Mount, Overlay, Room, SandboxSettings
from hubkiln.sandbox.mapping import works
from hubkiln.sandbox.unpack import unpack

FIRST = USER_UIDS[0] + 20_000 + os.getpid() % 20_000
"""What the kernel counts by uid is counted over the whole machine: hubs of other tests begin with the first."""

pytestmark = [pytest.mark.sandbox, pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user has one uid alone")]

USE_UP = """
import ctypes, json, os
made = 0
while made < 5000 and ctypes.CDLL(None).inotify_init() >= 0:
    made += 1
print(made, flush=True)
import time; time.sleep(%s)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test, on a file system whose folders can be shown with another owner."""
    made = open_folder()
    if not works(made, ROOT_MODE_UID, FIRST):
        shutil.rmtree(made)
        pytest.skip("this kernel cannot show stored files with another owner")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def engine(folder: Path) -> SandboxEngine:
    """An engine of ours."""
    return SandboxEngine(SandboxSettings(state=folder / "state"))


def stored(folder: Path) -> Path:
    """What the store has, which belongs to the uid that all share."""
    made = folder / "stored"
    (made / "lib").mkdir(parents=True)
    (made / "lib/module.py").write_text("old\n")
    for path in (made, *made.rglob("*")):
        os.chown(path, ROOT_MODE_UID, ROOT_MODE_UID)
    return made


async def test_one_user_cannot_use_up_what_the_kernel_counts_by_uid(engine: SandboxEngine, folder: Path) -> None:
    """One has taken all inotify instances of theirs; another's file watcher works."""
    log = folder / "log"
    greedy = await engine.start(Room(uid=FIRST), ["/usr/bin/python3", "-c", USE_UP % 60], log=log)
    try:
        while not log.read_text():
            pass
        again = await engine.run(Room(uid=FIRST), ["/usr/bin/python3", "-c", USE_UP % 0])
        other = await engine.run(Room(uid=FIRST + 1), ["/usr/bin/python3", "-c", USE_UP % 0])
    finally:
        await greedy.stop(grace=0)
    assert int(again.output) == 0 < int(other.output)


async def test_a_user_changes_a_copy_of_what_is_stored(engine: SandboxEngine, folder: Path) -> None:
    """Installing into the environment works as before, in the user's own copy; the store stays as it was."""
    lower = stored(folder)
    room = Room(
        overlays=(Overlay(target="/srv/env", lowers=(lower,), upper=folder / "upper"),),
        mounts=(Mount(source=lower, target="/srv/shown"),),
        uid=FIRST + 7,
    )
    script = "id -u; stat -c %u /srv/shown/lib; cd /srv/env/lib; echo x > module.py; touch added; stat -c %u *; rm *"
    outcome = await engine.run(room, ["sh", "-c", script])
    assert outcome.output.split() == [str(FIRST + 7)] * 4, outcome.output
    assert (lower / "lib/module.py").read_text() == "old\n"
    assert (lower / "lib/module.py").stat().st_uid == ROOT_MODE_UID


async def test_in_an_image_the_user_is_still_its_1000(engine: SandboxEngine, folder: Path) -> None:
    """An image's own user is the hub's user there, owns what the image gives to 1000, and nothing else."""
    if not works_here():
        pytest.skip("needs this machine's own programs in an image")
    lower = folder / "layer"
    unpack(io.BytesIO(layer()), lower, engine.identity)
    theirs = lower / "home/jovyan/theirs"
    theirs.write_text("x")
    os.chown(theirs, ROOT_MODE_UID, ROOT_MODE_UID)
    room = Room(rootfs=Overlay(target="/", lowers=(lower,), upper=folder / "upper"), uid=FIRST + 8)
    script = "id -u; stat -c %u /home/jovyan/theirs; echo y >> /home/jovyan/theirs && cat /home/jovyan/theirs; touch /x"
    outcome = await engine.run(room, ["/bin/sh", "-c", script])
    assert outcome.output.split()[:3] == ["1000", "1000", "xy"], outcome.output
    assert "/x" in outcome.output and not (folder / "upper/x").exists()
    assert (folder / "upper/home/jovyan/theirs").stat().st_uid == FIRST + 8


async def test_two_users_cannot_read_each_others_files_even_side_by_side(engine: SandboxEngine, folder: Path) -> None:
    """Were one's home ever seen in another's sandbox, its files' permissions would hold."""
    homes = [folder / name for name in ("ada", "bob")]
    for number, home in enumerate(homes):
        home.mkdir(mode=0o700)
        (home / "secret").write_text("x")
        os.chown(home, FIRST + number, FIRST + number)
    mounts = (Mount(source=homes[0], target="/home/jovyan", writable=True), Mount(source=homes[1], target="/srv/bob"))
    code = "import json, os; print(json.dumps([os.listdir('/home/jovyan'), os.access('/srv/bob/secret', os.R_OK)]))"
    outcome = await engine.run(Room(mounts=mounts, uid=FIRST), ["/usr/bin/python3", "-c", code])
    assert json.loads(outcome.output) == [["secret"], False]


async def test_no_mount_is_left(engine: SandboxEngine, folder: Path) -> None:
    """What is shown with another owner is so for the sandbox alone, and goes with it."""
    room = Room(overlays=(Overlay(target="/srv/env", lowers=(stored(folder),), upper=folder / "upper"),), uid=FIRST)
    inside = await engine.run(room, ["true"])
    assert inside.code == 0 and str(folder) not in Path("/proc/self/mountinfo").read_text()

"""What all sandboxes of a machine could share: one puts it there, another of the same uid looks at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sandbox_user import open_folder

from hubkiln.removal import remove
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Network, Overlay, Room, SandboxSettings

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(600)]

_TOOLS = """
import ctypes, fcntl, mmap, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def shared_memory(create):
    return libc.shmget(0x48554221, 4096, 0o1666 if create else 0) >= 0
def queue(create):
    class Attributes(ctypes.Structure):
        _fields_ = [(name, ctypes.c_long) for name in ("flags", "most", "size", "now")] + [("rest", ctypes.c_long * 4)]
    how = os.O_RDWR | (os.O_CREAT if create else 0)
    return libc.mq_open(b"/hubkiln", how, 0o666, ctypes.byref(Attributes(0, 5, 64, 0))) >= 0
def semaphores(create):
    return libc.semget(0x48554222, 1, 0o1666 if create else 0) >= 0
def abstract(create):
    made = socket.socket(socket.AF_UNIX)
    try:
        made.bind("\\0hubkiln") if create else made.connect("\\0hubkiln")
        if create:
            made.listen()
            globals()["kept"] = made
        return True
    except OSError:
        return False
def loopback(create):
    try:
        if create:
            globals()["port"] = socket.create_server(("127.0.0.1", 47391))
        else:
            socket.create_connection(("127.0.0.1", 47391), 1)
        return True
    except OSError:
        return False
def file(create, path="/dev/shm/hubkiln"):
    if create:
        open(path, "w").close()
    return os.path.exists(path)
def temporary(create):
    return file(create, "/tmp/hubkiln")
def lock(create):
    handle = os.open("/srv/env/file", os.O_RDONLY)
    globals()["locked"] = handle
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return create
kinds = (shared_memory, queue, semaphores, abstract, loopback, file, temporary, lock)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one test."""
    made = open_folder()
    yield made
    remove(made)  # also the kernel's folders, which have no permissions


async def test_one_sandbox_finds_nothing_of_another(folder: Path) -> None:
    """Shared memory, queues, semaphores, abstract sockets, loopback, temporary files, locks on shared environments."""
    engine = SandboxEngine(SandboxSettings(state=folder / "state"))
    (folder / "environment").mkdir(mode=0o755)
    (folder / "environment/file").write_text("shared")

    def room(name: str) -> Room:
        lowers = (folder / "environment",)
        overlay = Overlay(target="/srv/env", lowers=lowers, upper=folder / f"upper-{name}")
        return Room(network=Network.NONE, name=name, overlays=(overlay,))

    put = _TOOLS + "print([kind.__name__ for kind in kinds if not kind(True)], flush=True); time.sleep(60)"
    first = await engine.start(room("one"), ["/usr/bin/python3", "-c", put], log=folder / "log")
    while not (folder / "log").read_text().endswith("\n"):  # noqa: ASYNC110 - it writes when it is ready
        await asyncio.sleep(0.01)
    assert (folder / "log").read_text() == "[]\n"  # it could put everything there
    look = _TOOLS + "print([kind.__name__ for kind in kinds if kind(False)])"
    outcome = await engine.run(room("two"), ["/usr/bin/python3", "-c", look])
    await first.stop(grace=0)
    assert outcome.output == "[]\n"


async def test_the_kernels_own_words_are_closed(folder: Path) -> None:
    """Its log, its timers, its keys and its settings tell nothing of others."""
    engine = SandboxEngine(SandboxSettings(state=folder / "state"))
    home = folder / "home"
    home.mkdir()
    script = """
dmesg >/dev/null 2>&1 && echo log
for file in kcore kmsg keys key-users timer_list slabinfo vmallocinfo sched_debug; do
    [ -n "$(head -c 1 /proc/$file 2>/dev/null | tr '\\0' x)" ] && echo $file
done
[ -w /proc/sys/kernel/hostname ] && echo settings; true
"""
    mounts = (Mount(source=home, target="/home/jovyan"),)
    outcome = await engine.run(Room(mounts=mounts), ["bash", "-c", script])
    assert (outcome.code, outcome.output) == (0, "")

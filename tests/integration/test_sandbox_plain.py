"""Rooms without walls, and rooms at a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from hubkiln.errors import EngineMissing
from hubkiln.sandbox.interface import Mount, Overlay, Room, SandboxSettings
from hubkiln.sandbox.plain import NoIsolation

PREFIX = "/srv/conda/envs/notebook"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A room with a small environment and a home."""
    scripts = tmp_path / "store/bin"
    scripts.mkdir(parents=True)
    (scripts / "python").symlink_to(sys.executable)
    (scripts / "hello").write_text(
        f"#!{PREFIX}/bin/python\nimport sys, os; print(sys.argv, os.getcwd(), sys.executable)\n"
    )
    (scripts / "hello").chmod(0o755)
    (tmp_path / "home").mkdir()
    return Room(
        overlays=(Overlay(target=PREFIX, lowers=(tmp_path / "store",), upper=tmp_path / "upper"),),
        mounts=(Mount(source=tmp_path / "home", target="/home/jovyan", writable=True),),
        env={"PATH": f"{PREFIX}/bin:/usr/bin:/bin", "NB_PYTHON_PREFIX": PREFIX},
        cwd="/home/jovyan",
    )


@pytest.fixture
def engine(tmp_path: Path) -> NoIsolation:
    """The engine without walls."""
    return NoIsolation(SandboxSettings(state=tmp_path / "state"))


async def test_paths_inside_become_paths_outside(engine: NoIsolation, room: Room, tmp_path: Path) -> None:
    """Scripts, arguments, working directory and variables; the store is only copied."""
    outcome = await engine.run(room, [f"{PREFIX}/bin/hello", f"--at={PREFIX}/x", "/home/jovyan/y"])
    upper, home = tmp_path / "upper", tmp_path / "home"
    assert f"'--at={upper}/x', '{home}/y'] {home} {upper}/bin/python" in outcome.output
    (tmp_path / "upper/bin/hello").write_text("changed")
    assert (tmp_path / "store/bin/hello").read_text().startswith(f"#!{PREFIX}")


async def test_it_can_be_stopped_and_found_again(engine: NoIsolation, room: Room) -> None:
    """As a sandbox can."""
    running = await engine.start(room, ["sleep", "100"])
    again = engine.attach(running.to_state())
    assert again.poll() is None
    assert await running.stop() == 143
    assert again.poll() is not None


async def test_images_are_refused_in_words(engine: NoIsolation, tmp_path: Path) -> None:
    """What needs walls is not pretended."""
    with pytest.raises(EngineMissing, match="Without isolation"):
        await engine.run(Room(rootfs=Overlay(target="/", lowers=(tmp_path,))), ["true"])


_AT_TERMINAL = """
import asyncio, sys
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
engine = SandboxEngine(SandboxSettings(state=Path(sys.argv[1])))
sys.exit(asyncio.run(engine.interactive(Room(), sys.argv[2:])))
"""


@pytest.mark.sandbox
async def test_a_command_at_the_terminal(tmp_path: Path) -> None:
    """It has a terminal of its own that passes keys, Ctrl-C included, and its exit code comes back."""
    ours, theirs = pty.openpty()
    script = "tty; stty size; trap 'echo interrupted; exit 6' INT; echo ready; read line; echo got $line; read other"
    termios.tcsetwinsize(theirs, (33, 77))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _AT_TERMINAL, str(tmp_path / "state"), "bash", "-c", script),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = await asyncio.to_thread(_until, ours, "ready")
    assert "not a tty" not in seen
    assert "33 77" in seen
    os.write(ours, b"hello\n")
    await asyncio.to_thread(_until, ours, "got hello")
    os.write(ours, b"\x03")
    assert await child.wait() == 6
    assert "interrupted" in _until(ours, "interrupted")
    os.close(ours)


def _until(terminal: int, text: str) -> str:
    seen = ""
    while text not in seen:
        seen += os.read(terminal, 4096).decode()
    return seen


@pytest.mark.sandbox
async def test_a_command_on_plain_streams(tmp_path: Path) -> None:
    """Without a terminal our streams are its streams, and signals we get are passed on."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _AT_TERMINAL, str(tmp_path / "state"), "sh", "-c"),
        "read x; echo got $x; trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"hello\n")
    assert await child.stdout.readline() == b"got hello\n"
    assert await child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGTERM)
    assert await child.wait() == 9

"""The kernel's keys: those of whoever starts Hubkiln, and those of other users, are not to be had in a sandbox."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sandbox_user import can_be_ordinary, open_folder, ordinary

import hubkiln
from hubkiln.sandbox.seccomp import VARIABLE
from hubkiln.sandbox.system_calls import NUMBERS

HERE = NUMBERS.get(platform.machine(), {})
pytestmark = [pytest.mark.sandbox, pytest.mark.skipif(not HERE, reason="the calls' numbers are not known here")]

_KEYS = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
ADD, KEYCTL = {HERE.get("add_key")}, {HERE.get("keyctl")}
SESSION, USER = -3, -4
def call(*words):
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    result = libc.syscall(*words)
    return result if result >= 0 else -ctypes.get_errno()
def add(name, ring):
    return call(ADD, b"user", name, b"secret of " + name, len(name) + 10, ring)
def read(name, ring):
    number = call(KEYCTL, 10, ring, b"user", name, 0)
    if number < 0:
        return "none"
    text = ctypes.create_string_buffer(100)
    return text.value.decode() if call(KEYCTL, 11, number, text, 100) > 0 else "closed"
"""

_STARTER = """
import asyncio, sys
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Room, SandboxSettings
from hubkiln.sandbox.settings import host_settings
assert call(KEYCTL, 1, b"of-the-starter") > 0
assert add(b"kerberos", SESSION) > 0
async def main():
    engine = SandboxEngine(SandboxSettings(state=Path(sys.argv[1]), host=host_settings()))
    for code in sys.argv[2:]:
        running = await engine.start(Room(), ["/usr/bin/python3", "-c", code], log=Path(sys.argv[1], "log"))
        await running.wait()
        print((await engine.run(Room(), ["/usr/bin/python3", "-c", code])).output)
    print(Path(sys.argv[1], "log").read_text())
asyncio.run(main())
print("still here:", read(b"kerberos", SESSION))
"""

_LOOK = """
print("found", read(b"kerberos", SESSION), read(b"neighbour", SESSION))
print("listed", "kerberos" in open("/proc/keys").read(), len(open("/proc/key-users").read()))
add(b"neighbour", SESSION)
print("own", read(b"neighbour", SESSION))
"""


@pytest.fixture(params=["ourselves", "ordinary"])
def starter(request: pytest.FixtureRequest) -> tuple[list[str], Path, str]:
    """Argv of a Python with our code as somebody with a session of their own, a folder of theirs, where the code is."""
    folder = open_folder()
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    if request.param == "ourselves":
        return [sys.executable], folder, str(Path(hubkiln.__file__).parents[1])
    if not can_be_ordinary():
        pytest.skip("needs root, to become somebody else")
    user = ordinary(folder)
    number = user.identity.uid
    drop = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups", "/usr/bin/python3"]
    return drop, user.folder, str(user.code)


def started(starter: tuple[list[str], Path, str], *codes: str, allow: str) -> str:
    """What two sandboxes for each of `codes`, a server and a run, print one after the other."""
    argv, folder, path = starter
    (folder / "state").mkdir(exist_ok=True, mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder / "state", folder.stat().st_uid)
    done = subprocess.run(
        [*argv, "-c", _KEYS + _STARTER, str(folder / "state"), *(_KEYS + code for code in codes)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, VARIABLE: allow},
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_key_of_the_starters_session_is_inside(starter: tuple[list[str], Path, str]) -> None:
    """Not to be found, read or listed, even where an admin allows the calls; nor what another sandbox keeps there."""
    said = started(starter, _LOOK, allow="keys")
    assert said.count("found none none\n") == 2, said
    assert said.count("listed False 0\n") == 2, said
    assert said.count("own secret of neighbour\n") == 2, said
    assert "still here: secret of kerberos" in said


def test_no_key_can_be_kept_by_default(starter: tuple[list[str], Path, str]) -> None:
    """The calls are shut off: nothing is left in the keyring that all of a uid share, and outlives every sandbox."""
    code = "print('kept', add(b'left', SESSION), add(b'left', USER), call(KEYCTL, 1, 0), read(b'left', USER))"
    said = started(starter, code, allow="")
    assert said.count("kept -1 -1 -1 none\n") == 2, said

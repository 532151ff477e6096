"""Sandboxes inside containers: where the container lets us, and what is said where it does not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from containers import DEFAULT_CAPABILITIES, Container, works_here
from embedded import PASSWORD, built, form, in_terminal, when_told
from kept import give_stores
from sandbox_user import can_be_ordinary, open_folder

import hubkiln
from git_server import GitServer, make_repository
from hub_browser import logged_in
from hubkiln.processes import CERTIFICATES
from hubkiln.sandbox.identity import ROOT_MODE_UID

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not works_here() or not can_be_ordinary(), reason="needs root, runc and Debian's Python 3.11"),
]

_TRY = """
import asyncio, json, os, sys
from pathlib import Path
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Mount, Overlay, Room, SandboxSettings
from hubkiln.errors import HubkilnError
folder = Path(sys.argv[1])
told = {}
async def main():
    engine = SandboxEngine(SandboxSettings(state=folder / "state"))
    capability = await engine.probe()
    told.update(works=capability.works, reason=capability.reason, shared=capability.processes_shown)
    told.update(refusal=await engine.refusal())
    if not capability.works:
        return
    closed = folder / "data"  # as a data folder is: nobody else's to enter
    closed.mkdir(mode=0o700)
    for name in ("home", "lower"):
        (closed / name).mkdir(mode=0o755)
    (closed / "lower/file").write_text("from below")
    if engine.identity.privileged:
        os.chown(closed / "home", engine.identity.uid, engine.identity.gid)
    script = '''
id -u; cat /srv/env/file; echo; touch /srv/env/new /home/jovyan/mine && echo written
test -w /proc/sys/kernel/core_pattern && echo BAD; grep -c . /proc/self/uid_map; grep CapEff /proc/self/status
ls -d /proc/self/fd >/dev/null && cat <(echo proc works) ; unshare -U true 2>&1; mount -t tmpfs x /tmp 2>&1
'''
    room = Room(
        overlays=(Overlay(target="/srv/env", lowers=(closed / "lower",), upper=closed / "upper"),),
        mounts=(Mount(source=closed / "home", target="/home/jovyan", writable=True),),
    )
    done = await engine.run(room, ["bash", "-c", script])
    told.update(code=done.code, lines=done.output.splitlines(), owner=os.stat(closed / "home/mine").st_uid)
try:
    asyncio.run(main())
except HubkilnError as error:
    told["error"] = str(error)
print(json.dumps(told))
"""

_ADMIN = {"own_users": True, "filtered": True, "capabilities": (*DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN")}
_USER = {"uid": 1000, "capabilities": (), "no_new_privs": True}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for one container."""
    made = open_folder()
    yield made
    shutil.rmtree(made, ignore_errors=True)


def tried(container: Container, folder: Path) -> dict[str, Any]:
    """What came of a sandbox in it."""
    found: dict[str, Any] = json.loads(container.run(folder, _TRY).splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("container", "owner"),
    [
        pytest.param(Container(), 64100, id="A-root"),
        pytest.param(Container(**_USER), 1000, id="C-user"),
        pytest.param(Container(**_USER, masked=False), 1000, id="D-user-unmasked"),
        pytest.param(Container(uid=1000), 1000, id="E-user-may-gain"),
        pytest.param(Container(own_users=True), 64100, id="H-root-own-users"),
        pytest.param(Container(**_USER, own_users=True), 1000, id="K-user-own-users"),
        pytest.param(Container(own_users=True, masked=False), 64100, id="N-root-own-users-unmasked"),
    ],
)
def test_a_sandbox_works_where_namespaces_are_allowed(container: Container, owner: int, folder: Path) -> None:
    """Masked ``/proc`` or not, root or not: what is inside is nobody special and never the container's root."""
    found = tried(container, folder)
    assert found.get("works"), found
    uid, *lines = found["lines"]
    assert uid == "1000" and found["owner"] == owner, found
    assert lines[:2] == ["from below", "written"], found
    assert "BAD" not in lines and "CapEff:\t0000000000000000" in lines and "proc works" in lines, found
    assert found["shared"] is container.masked


@pytest.mark.parametrize(
    ("container", "names"),
    [
        pytest.param(Container(**_USER, filtered=True), "seccompProfile", id="B-restricted"),
        pytest.param(Container(own_users=True, filtered=True), "seccompProfile", id="G-own-users-default"),
        pytest.param(Container(**_ADMIN), "seccompProfile", id="I-own-users-admin-default"),
        pytest.param(Container(**_ADMIN, masked=False), "seccompProfile", id="J-own-users-admin-default-unmasked"),
        pytest.param(Container(capabilities=()), "runAsUser", id="root-without-capabilities"),
    ],
)
def test_what_must_change_is_named(container: Container, names: str, folder: Path) -> None:
    """One field of the pod, in words that are about this container; nothing hangs, nothing is tried for long."""
    found = tried(container, folder)
    said = found.get("reason") or found.get("error") or ""
    assert names in said, found
    assert found.get("refusal", said) == said  # a build says the same before it begins
    assert "debian" not in said.lower() and "bwrap" not in said


@pytest.mark.hub
@pytest.mark.network
@pytest.mark.timeout(600)
async def test_a_hub_in_a_pod_serves(stacked: Path, folder: Path) -> None:
    """As root without SYS_ADMIN and with ``/proc`` masked: login, a repository is built, and its Jupyter answers."""
    data = folder / "data"
    give_stores(stacked, data)
    make_repository(folder / "git/small.git", {"hello.py": "print('hello')\n"})
    command = [sys.executable, "-m", "hubkiln", "up", "--data-dir", str(data), "--port", "0", "--base-url", "/jupyter/"]
    readable = [Path(path) for path in (sys.prefix, sys.base_prefix, hubkiln.__file__.removesuffix("/__init__.py"))]
    env = {name: value for name, value in os.environ.items() if name in CERTIFICATES} | {"HOME": str(folder)}
    try:
        with (
            GitServer(folder / "git") as git,
            Container(own_network=False).started(
                folder, command, readable, [data], env | {"HUBKILN_PASSWORD": PASSWORD}
            ) as pod,
        ):
            up = when_told(pod, data)
            async with logged_in(up.hub, "ada", PASSWORD) as ada:
                image = (await built(ada, git.url("small.git")))["image"]
                await ada.start(**form(image))
                assert (await ada.progress())[-1].get("ready")
                said = await in_terminal(ada, "id -u; python3 /srv/repo/hello.py; grep CapEff /proc/self/status")
                assert {"1000", "hello", "CapEff:\t0000000000000000"} <= set(said.splitlines()), said
                assert (data / "homes/ada").stat().st_uid == ROOT_MODE_UID
            pod.send_signal(signal.SIGTERM)
            pod.communicate(timeout=150)
    finally:
        print((data / "hub/jupyterhub.log").read_text()[-4000:])

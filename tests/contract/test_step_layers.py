"""A step changes the same wherever it runs: an agent in a container and the sandbox give one layer, byte for byte."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from containers import DEFAULT_CAPABILITIES, Container
from containers import works_here as has_runc
from sandbox_user import open_folder
from tiny_python import PYTHON, layer, works_here

from hubkiln.errors import BuildFailed
from hubkiln.images.layers import write_layer
from hubkiln.pods import agent
from hubkiln.pods.changes import lay
from hubkiln.pods.uploads import Uploads
from hubkiln.processes import free_port
from hubkiln.removal import remove
from hubkiln.sandbox.capture import SKIPPED, capture, owner
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import Network, Overlay, Room, SandboxSettings
from hubkiln.sandbox.steps import run_step
from hubkiln.sandbox.unpack import unpack
from hubkiln.trees import Tree

pytestmark = [
    pytest.mark.slow,
    pytest.mark.sandbox,
    pytest.mark.skipif(not has_runc() or not works_here(), reason="needs root, runc, glibc and a system's Python"),
]

ENV = {"PATH": "/usr/bin:/bin"}
TOKEN = "only-once"

WRITES = """
cd /home/jovyan
mkdir -p made/empty made/deep/er; echo 1 >made/file; chmod 4755 made/file; chmod 700 made/deep
ln -s made/file link; ln made/file twin; mkfifo pipe; echo x >"a name
of two lines"; echo y >"$(cat odd)"
echo more >>changed; touch touched; chmod 600 mode; cat same >same.new; cat same.new >same; rm same.new
rm gone; rm -r whole; rm -r again; mkdir again; echo new >again/new; echo old >again/kept
rm file-to-folder; mkdir file-to-folder; echo 1 >file-to-folder/x; rm -r folder-to-file; echo 1 >folder-to-file
rm -r folder-to-link; ln -s again folder-to-link; mv moved elsewhere; rm pointer; ln -s other pointer
: >emptied; mkdir __pycache__; echo 0123456789abcdef >__pycache__/b.pyc; mkdir .cache; echo z >.cache/z
"""
"""Of files that :func:`base` has; what an ordinary user can do to them."""

AS_ROOT = """
mkdir -p /opt/tool /var/log/apt; echo 1 >/opt/tool/a; chown 33:50 /opt/tool/a; echo 2 >/opt/tool/b
chmod 640 /opt/tool/b
chown -R 33:50 /srv; rm /etc/doomed; echo x >/etc/hosts; echo x >/var/log/apt/log; chown 0:0 /home/jovyan/mode
chmod 2775 /home; ln -s /opt/tool /usr/bin/tool; rm -r /home/jovyan/whole; mkdir /home/jovyan/whole
"""


@dataclass
class Yard:
    """One base, unpacked twice: for the kernel to lay something over, and for a container to write to."""

    folder: Path

    def __post_init__(self) -> None:
        self.engine = SandboxEngine(SandboxSettings(state=self.folder / "state"))
        unpack(io.BytesIO(base()), self.folder / "base", self.engine.identity)
        with tarfile.open(fileobj=io.BytesIO(base())) as archive:
            archive.extractall(self.folder / "rootfs", numeric_owner=True, filter="fully_trusted")

    async def by_sandbox(self, script: str, *, root: bool) -> Path:
        """The upper folder of `script` as a step of the sandbox."""
        upper = self.folder / "by-sandbox"
        rootfs = Overlay(target="/", lowers=(self.folder / "base",), upper=upper)
        room = Room(rootfs=rootfs, root=root, env=ENV, network=Network.NONE)
        await run_step(self.engine, self.engine.identity, room, ["sh", "-ec", script], print)
        return upper

    async def by_agent(self, script: str, *, root: bool) -> Path:
        """The same from what an agent has sent."""
        upper, port, sent = self.folder / "by-agent", free_port(), self.folder / "sent"
        uploads = Uploads("127.0.0.1", port)
        order = {
            **{"argv": ["sh", "-ec", script], "env": ENV, "cwd": "/", "skip": sorted(SKIPPED), "limits": {}},
            **{"upload": True, "name": "step", "service": ["127.0.0.1", port]},
        }
        async with uploads.expect("step", TOKEN, sent, 10**8) as upload:
            said, code = await asyncio.to_thread(self.contained, order, root=root)
            assert code == 0, said
            assert upload.arrived.done()
        await uploads.close()
        with sent.open("rb") as stream:
            lay(stream, {"/": upper}, self.engine.identity, root=root)
        return upper

    def contained(self, order: dict[str, Any], *, root: bool) -> tuple[str, int]:
        """What an agent with that `order` says in a container, and its exit code."""
        variables = {
            "HUBKILN_STEP": base64.b64encode(json.dumps({"seconds": None} | order).encode()).decode(),
            "HUBKILN_STEP_TOKEN": TOKEN,
        }
        container = Container(
            uid=0 if root else 1000,
            capabilities=DEFAULT_CAPABILITIES if root else (),
            no_new_privs=not root,
            filtered=True,
            env=variables,
            own_network=False,
            rootfs=self.folder / "rootfs",
        )
        code = self.folder / "rootfs/agent.py"
        code.write_bytes(Path(agent.__file__).read_bytes())
        with container.started(self.folder, [str(PYTHON), "-ISB", "/agent.py"], [], [], {}) as process:
            said, _ = process.communicate(timeout=150)
        return said, process.returncode

    def layer_of(self, upper: Path, *, root: bool) -> tuple[str, list[str]]:
        """The layer of what is in `upper`: the digest of its tar, and its paths."""
        identity = self.engine.identity
        owners = (owner(identity, number, root=root) for number in (identity.uid, identity.gid))
        tree: Tree = capture(upper, (self.folder / "base",), *owners)
        made = write_layer(tree, self.folder / f"{upper.name}.tar.gz", whiteouts=True)
        return made.diff_id, [entry.path for entry in tree]


def base() -> bytes:
    """A root file system with a home to change."""
    out = io.BytesIO(layer())
    with tarfile.open(fileobj=out, mode="a") as archive:
        home = "home/jovyan"
        for folder in ("whole", "whole/in", "again", "again/sub", "folder-to-file", "folder-to-link"):
            member = tarfile.TarInfo(f"{home}/{folder}")
            member.type, member.mode, member.uid, member.gid = tarfile.DIRTYPE, 0o755, 1000, 1000
            archive.addfile(member)
        files = ("changed", "touched", "mode", "same", "gone", "emptied", "file-to-folder", "moved", "odd")
        for name in (*files, "whole/a", "whole/in/b", "again/kept", "again/sub/old", "folder-to-file/a"):
            member = tarfile.TarInfo(f"{home}/{name}")
            content = {"odd": b"\xff\xfe", "again/kept": b"old\n"}.get(name, name.encode())
            member.size, member.uid, member.gid, member.mtime = len(content), 1000, 1000, 10**9
            archive.addfile(member, io.BytesIO(content))
        member = tarfile.TarInfo(f"{home}/pointer")
        member.type, member.linkname, member.uid, member.gid = tarfile.SYMTYPE, "whole", 1000, 1000
        archive.addfile(member)
    return out.getvalue()


@pytest.fixture
def yard() -> Iterator[Yard]:
    """A yard."""
    folder = open_folder()
    try:
        yield Yard(folder)
    finally:
        remove(folder)


@pytest.mark.parametrize("root", [False, True], ids=["user", "root"])
async def test_a_step_gives_the_same_layer_in_a_pod_as_in_a_sandbox(yard: Yard, root: bool) -> None:
    """Whatever it does to files, folders, links, modes and owners; what it only touched is in neither."""
    script = AS_ROOT if root else WRITES
    ours = yard.layer_of(await yard.by_sandbox(script, root=root), root=root)
    theirs = yard.layer_of(await yard.by_agent(script, root=root), root=root)
    assert theirs[1] == ours[1]
    assert theirs[0] == ours[0]
    if not root:
        home = {path.removeprefix("home/jovyan/") for path in ours[1]}
        assert {"again/.wh.sub", "again/new", ".wh.gone", ".wh.whole", "made/empty", "twin", "mode"} <= home
        assert not home & {"touched", "same", "again/kept", "pipe", ".cache"}


async def test_a_device_is_refused_from_a_pod_as_from_a_sandbox(yard: Yard) -> None:
    """An image with one would give it to whoever runs it as root."""
    with pytest.raises(BuildFailed, match="device file, null"):
        await yard.by_agent("mknod /null c 1 3", root=True)


def test_a_step_that_fails_sends_nothing(yard: Yard) -> None:
    """Its exit code is the pod's, its output the log; the step sees neither the order nor the token."""
    script = 'echo it says; [ -z "$HUBKILN_STEP$HUBKILN_STEP_TOKEN" ] || exit 1; exit 7'
    order = {"argv": ["sh", "-c", script], "env": ENV, "cwd": "/", "skip": [], "limits": {}, "upload": True}
    said, code = yard.contained(order, root=False)
    assert (said, code) == ("it says\n", 7)
    said, code = yard.contained(order | {"argv": ["no-such-program"]}, root=False)
    assert (said, code) == ("no-such-program: No such file or directory\n", 127)

"""What unpacks and compiles strangers' packages, images and archives is nobody, where we are root."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from conda_channel import File, noarch_python, python, write_channel

from archives import zipped
from hubkiln.beneath import LeadsAway
from hubkiln.confined import HELPER_UID
from hubkiln.data_dir import DataDir
from hubkiln.folders import take
from hubkiln.images import Descriptor, Layer, OciLayout
from hubkiln.local_images.unpacked import UnpackedLayers
from hubkiln.packages import CondaRequest, CondaSettings, Packages, PackageSettings
from hubkiln.packages.archive import BadWheel
from hubkiln.packages.store import WheelStore
from hubkiln.processes import clean_environment
from hubkiln.repositories import RepositorySettings
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.unpacker import unpack_apart
from hubkiln.sandbox.identity import SHIFT, WIDTH, Identity
from hubkiln.sandbox.wall import walled
from hubkiln.values import Interpreter
from index_server import serve
from wheels import make_wheel

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are that user's"),
    pytest.mark.sandbox,
]

IDENTITY = Identity(uid=64100, gid=64100, shift=SHIFT)
HERE = Interpreter(version=".".join(map(str, sys.version_info[:3])), path=Path(sys.executable).resolve(), roots=())
NOBODY = f"{HELPER_UID} {HELPER_UID} {HELPER_UID} {HELPER_UID}"
POWERLESS = "0" * 16
GIVES_AWAY = f"{0b11011:016x}"
"""CAP_CHOWN, DAC_OVERRIDE, FOWNER and FSETID, in a user namespace."""


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data folder that nobody else may enter."""
    made = DataDir(tmp_path / "data").make()
    made.root.chmod(0o700)
    return made


class TellingPython:
    """A Python that tells who it and its parent are, and in which user namespace, whenever it is started."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o755)
        told, program = folder / "told", folder / "python3"
        os.mkfifo(told)
        told.chmod(0o666)
        self._told = os.open(told, os.O_RDWR | os.O_NONBLOCK)
        what = "sed -n 's/^\\(Name\\|Uid\\|Gid\\|CapEff\\|CapPrm\\|NoNewPrivs\\):/\\1/p' /proc/$id/status"
        lines = f'for id in $$ $PPID; do {what}; tail -n +3 /proc/net/dev | sed "s/:.*//; s/^ */net /"; echo; done'
        program.write_text(f'#!/bin/bash\n{{ {lines}; }} >{told}\nexec {HERE.path} "$@"\n')
        program.chmod(0o755)
        self.python = replace(HERE, path=program, roots=(folder, Path(sys.base_prefix)))

    def told(self) -> list[dict[str, str]]:
        """Of each process that was seen, what its status said."""
        text = b""
        with suppress(BlockingIOError):
            while piece := os.read(self._told, 65536):
                text += piece
        seen = [one.splitlines() for one in text.decode().split("\n\n") if one]
        return [{name: " ".join(rest.split()) for name, _, rest in (_split(line) for line in one)} for one in seen]

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._told)


def _split(line: str) -> tuple[str, str, str]:
    return line.replace(" ", "\t", 1).partition("\t")


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[TellingPython]:
    """Such a Python, where others find it."""
    made = TellingPython(tmp_path / "bin")
    yield made
    made.close()


async def test_wheels_are_unpacked_and_compiled_by_nobody(
    tmp_path: Path, data: DataDir, telling: TellingPython
) -> None:
    """Without a network; the files become those of servers, and none stays nobody's."""
    wheel = make_wheel(tmp_path, files={"tiny/__init__.py": "x = 1\n"}, entry_points="[console_scripts]\na = tiny:x\n")
    store = WheelStore(data.own("trees"), data.own("wheels"), PackageSettings(), owner=(64100, 64100))
    with serve(tmp_path) as index:
        known = index.wheel(wheel)
        tree = (await store.ensure([known], telling.python, lambda text: None))[known]
    made = (await store.compiled([known], telling.python))[known]
    seen = [one for one in telling.told() if one["Name"] not in ("bwrap", "setpriv")]
    assert seen and {(one["Uid"], one["Gid"], one["CapPrm"], one["net"]) for one in seen} == {
        (NOBODY, NOBODY, POWERLESS, "lo")
    }
    compiled = list(made.rglob("*.pyc"))
    assert compiled
    assert {path.lstat().st_uid for path in (tree, *tree.rglob("*"), made, *made.rglob("*"))} == {64100}
    assert {path.stat().st_mode & 0o7777 for path in compiled} == {0o644}
    assert not list(data.work.glob("unpack-*")) and not list(data.work.glob("compile-*"))


@pytest.mark.parametrize("name", ["../../evil.py", "tiny/.wh.numpy", "tiny-1.0.data/scripts/python"])
async def test_a_hostile_wheel_is_refused_by_nobody_too(tmp_path: Path, data: DataDir, name: str) -> None:
    """What is wrong with it comes through the wall, and nothing of it stays."""
    wheel = make_wheel(tmp_path, files={"tiny.py": "", name: "evil"})
    store = WheelStore(data.own("trees"), data.own("wheels"), PackageSettings(), owner=(64100, 64100))
    with serve(tmp_path) as index:
        known = index.wheel(wheel)
        with pytest.raises(BadWheel, match=wheel.name):
            await store.ensure([known], HERE, lambda text: None)
    assert not list(data.trees.iterdir()) and not list(data.work.glob("unpack-*"))


async def test_conda_packages_are_compiled_by_nobody(tmp_path: Path, data: DataDir, telling: TellingPython) -> None:
    """With no power at all: its files are given away by us."""
    bare = replace(python(), files=(File(path="lib/python3.11/os.py", data=b"sep = '/'\n"),))
    url = write_channel(tmp_path / "channel", bare, noarch_python("demo", "1.0"))
    packages = Packages(data, conda=CondaSettings(allowed_channels=(url,)), owner=(64100, 64100))
    asked = CondaRequest(specs=("demo",), channels=(url,), python="3.11")
    lock = await packages.conda.solve(asked, lambda text: None)
    prefix = await packages.conda.ensure(lock, telling.python, lambda text: None)
    seen = [one for one in telling.told() if one["Name"] not in ("bwrap", "setpriv")]
    assert seen and {(one["Uid"], one["CapPrm"], one["net"]) for one in seen} == {(NOBODY, POWERLESS, "lo")}
    assert list(prefix.rglob("*.pyc"))
    assert {path.lstat().st_uid for path in (prefix, *prefix.rglob("*"))} == {64100}


def tar(*members: tuple[str, int, int, bytes]) -> bytes:
    """Of members with a name, owner, mode and content; a name that ends with a slash is a folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, uid, mode, content in members:
            info = tarfile.TarInfo(name.rstrip("/"))
            info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            info.uid = info.gid = uid
            info.mode, info.size = mode, len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def layer(layout: OciLayout, data: bytes) -> Layer:
    """One in `layout`."""
    packed = gzip.compress(data, mtime=0)
    found = Descriptor(media_type="x", digest=layout.put(packed), size=len(packed))
    return Layer(descriptor=found, diff_id="sha256:" + hashlib.sha256(data).hexdigest())


async def test_layers_are_unpacked_by_nobody(data: DataDir) -> None:
    """While it reads, it has nothing of root's; all it makes belongs to those that the image names, shifted."""
    layout = OciLayout(data.layers).make()
    first = layer(layout, tar(("etc/", 0, 0o755, b""), ("home/ann/", 1000, 0o700, b""), ("etc/gone", 0, 0o600, b"x")))
    above = [("home/ann/kept", 1000, 0o600, b"x"), ("etc/.wh.gone", 0, 0o644, b""), ("lib/", 5, 0o2775, b"")]
    second = layer(layout, tar(*above, ("lib/tool", 70_000, 0o4755, b"x"), ("lib/.wh..wh..opq", 0, 0o644, b"")))
    blob = layout.path(second.descriptor.digest)
    packed = blob.read_bytes()
    layers = UnpackedLayers(data.own("images/layers"), IDENTITY)
    await layers.ensure([first], layout, lambda text: None)
    blob.unlink()
    os.mkfifo(blob)  # so it waits, where we can look at it
    task = asyncio.create_task(layers.ensure([first, second], layout, lambda text: None))
    with await asyncio.to_thread(blob.open, "wb") as file:
        status = unpacking()
        file.write(packed)
    names = await task
    assert status["Uid"] == status["Gid"] == NOBODY and status["CapPrm"] == status["CapEff"] == GIVES_AWAY
    found = layers.path(names[-1])
    owners = {path.relative_to(found).as_posix(): path.lstat().st_uid for path in found.rglob("*")}
    assert owners == {
        "home": SHIFT,
        "home/ann": 64100,
        "home/ann/kept": 64100,
        "etc": SHIFT,
        "etc/gone": SHIFT,
        "lib": SHIFT + 5,
        "lib/tool": SHIFT + WIDTH - 1,
    }
    assert (found / "etc/gone").is_char_device() and os.getxattr(found / "lib", "user.overlay.opaque") == b"y"
    assert (found / "home/ann").stat().st_mode & 0o7777 == 0o700
    assert (found / "lib/tool").stat().st_mode & 0o7777 == 0o755
    assert not list(data.work.glob("layer-*"))


def unpacking() -> dict[str, str]:
    """The status of the process that unpacks a layer, below us, once it has opened it."""
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdecimal() else []
            if words[:1] == [sys.executable.encode()] and b"hubkiln.local_images.unpack_layer" in words:
                lines = (line.partition(":") for line in (folder / "status").read_text().splitlines())
                return {name: " ".join(rest.split()) for name, _, rest in lines}
    raise AssertionError("nobody unpacks")


async def test_archives_are_unpacked_by_nobody_without_a_network(tmp_path: Path) -> None:
    """And become root's again before anything uses them."""
    archive, into = tmp_path / "archive.zip", tmp_path / "into"
    archive.write_bytes(zipped({"a.txt": "one", "folder/b.txt": "two"}))
    archive.chmod(0o600)
    tmp_path.chmod(0o700)
    into.mkdir()
    await unpack_apart(archive, into, Allowance(RepositorySettings()), lambda text: None)
    assert (into / "folder/b.txt").read_text() == "two"
    assert {path.lstat().st_uid for path in (into, *into.rglob("*"))} == {0}


TRIES = """
import json, os, socket, subprocess, sys
from hubkiln.confined import Owners, confine
own, others, secret, owners = json.loads(sys.argv[1])
confine(memory_bytes=8 << 30, file_bytes=1 << 20, processes=True, owners=[Owners(*one) for one in owners])
open(f"{own}/made", "w").close()
os.chown(f"{own}/made", 64100, 64100)
open(f"{own}/made", "a").write("still")
worked = []
def attempt(name, *tried):
    try:
        tried[0](*tried[1:])
        worked.append(name)
    except OSError:
        pass
attempt("give to root", os.chown, f"{own}/made", 0, 0)
attempt("give to a user", os.chown, f"{own}/made", 1000, 1000)
attempt("become root", os.setuid, 0)
attempt("become a server", os.setuid, 64100)
attempt("become who started it", os.setresuid, -1, 0, -1)
for path in others:
    attempt(f"write {path}", lambda: open(f"{path}/x", "w"))
for path in secret:
    attempt(f"read {path}", open, path)
attempt("a device", os.mknod, f"{own}/device", 0o060600, os.makedev(8, 0))
attempt("reach out", socket.create_connection, ("127.0.0.1", int(sys.argv[2])), 1)
attempt("end others", os.kill, int(sys.argv[3]), 0)
attempt("another root", os.chroot, own)
print(json.dumps(worked + [subprocess.run(["id", "-u"], capture_output=True, text=True).stdout.strip()]))
"""


def test_who_breaks_into_what_unpacks_can_write_to_its_folder_alone(tmp_path: Path, data: DataDir) -> None:
    """No file of root's or of a user's, no other build's, no power to become anybody, no network, no process."""
    data.wheels.rmdir()
    (tmp_path / "disk").mkdir()
    data.wheels.symlink_to(tmp_path / "disk")  # an admin may keep a part of it elsewhere
    (data.wheels / "wheel").write_text("wheel\n")
    (data.hub / "secret").write_text("secret")
    own, other = data.work / "unpack-1", data.work / "unpack-2"
    for folder in (own, other):
        folder.mkdir()
    os.chown(other, 64100, 64100)  # of another build, already given away
    wall = walled(data.root, readable=[data.wheels], writable=[own], owners=IDENTITY.owners)
    assert wall.drops and wall.words
    others = [str(path) for path in (other, data.work, data.wheels, data.root, tmp_path, "/etc", "/usr/lib")]
    secrets = [str(data.hub / "secret"), "/etc/shadow", "/root/.bashrc", "/proc/1/environ", "/dev/mem"]
    told = json.dumps([str(own), others, secrets, wall.owners])
    with serve(tmp_path) as index:
        port = index.url.rpartition(":")[2].partition("/")[0]
        done = subprocess.run(
            [*wall.words, sys.executable, "-P", "-c", TRIES, told, port, str(os.getpid())],
            env=clean_environment(PYTHONPATH=os.pathsep.join(filter(None, sys.path))),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.stdout and json.loads(done.stdout) == [str(HELPER_UID)], done.stdout + done.stderr
    assert (own / "made").read_text() == "still" and (own / "made").stat().st_uid == 64100
    assert [path.name for path in own.iterdir()] == ["made"] and not list(other.iterdir())


def test_a_link_in_place_of_what_was_unpacked_is_not_taken(tmp_path: Path) -> None:
    """Who breaks in could leave one to a folder of root's; it is neither followed nor kept."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/made").symlink_to("/etc")
    with pytest.raises(LeadsAway):
        take(tmp_path / "theirs/made", tmp_path / "into")
    assert not os.path.lexists(tmp_path / "into") and Path("/etc/passwd").exists()


def test_where_nobody_can_be_run_it_is_root_still(
    tmp_path: Path, data: DataDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container without SYS_ADMIN, of which `hubkiln doctor` speaks."""
    monkeypatch.setenv("HUBKILN_BWRAP", "/bin/false")
    assert walled(data.root, readable=[], writable=[data.work], owners=IDENTITY.owners).drops is False

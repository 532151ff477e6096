"""Composed images in a real engine: pulled from a real registry, unpacked and run by podman, read by skopeo."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_image import storage

from hubkiln.images.interface import Layer
from hubkiln.images.layer_index import InMemoryLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import Runtime, compose
from hubkiln.images.names import parse_name
from hubkiln.images.push import Pusher
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.docker_registry import DockerRegistry, installed
from hubkiln.testing.logins import FixedLogins
from hubkiln.trees import Entry, Member

pytestmark = [
    pytest.mark.podman,
    pytest.mark.registry,
    pytest.mark.skipif(
        not installed() or shutil.which("podman") is None, reason="podman or docker-registry is missing"
    ),
]
COMMANDS = ("sh", "cat", "id", "stat", "touch")
RUN = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000", "--network=host", "--rm"]


def folder(path: str, uid: int = 0, mode: int = 0o755) -> Entry:
    return Entry(path=path, mode=mode, uid=uid, gid=uid)


def from_host(path: str, source: Path, mode: int = 0o755) -> Entry:
    return Entry(path=path, mode=mode, size=source.stat().st_size, source=source)


def tiny_base() -> list[Entry]:
    """A shell and a few commands of this machine with the libraries they need: a root file system of 3 MB."""
    found: dict[str, Entry] = {}
    for command in COMMANDS:
        program = Path(shutil.which(command) or "").resolve()
        found[f"bin/{command}"] = from_host(f"bin/{command}", program)
        for library in re.findall(r"(/\S+)", subprocess.run(["ldd", program], capture_output=True, text=True).stdout):
            found[library.strip("/")] = from_host(library.strip("/"), Path(library).resolve())
    found["etc/passwd"] = Entry(path="etc/passwd", mode=0o644, size=len(PASSWD), source=PASSWD)
    folders = {str(parent) for path in found for parent in Path(path).parents if str(parent) != "."}
    return [*(folder(path) for path in folders), folder("tmp", mode=0o1777), *found.values()]


PASSWD = b"root:x:0:0::/:/bin/sh\njovyan:x:1000:1000::/srv/home:/bin/sh\n"


def wheel_layer(tmp_path: Path) -> list[Entry]:
    """A file that is a wheel's own deflate stream, in a folder the user owns."""
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.txt", "spliced\n" * 1000)
    info = zipfile.ZipFile(path).infolist()[0]
    member = Member(path, 30 + len("data.txt"), info.compress_size, info.file_size, info.CRC, True)
    spliced = Entry(path="srv/home/data.txt", mode=0o644, size=info.file_size, source=member, uid=1000, gid=1000)
    return [folder("srv"), folder("srv/home", 1000), spliced]


def content_layer() -> list[Entry]:
    text = b"content\n"
    link = Entry(path="srv/home/link", mode=0o777, link="data.txt", uid=1000, gid=1000)
    gone = Entry(path="tmp/.wh.gone", mode=0o644, source=b"")
    changed = Entry(path="srv/home/read.me", mode=0o600, size=len(text), source=text, uid=1000, gid=1000)
    return [folder("srv"), folder("srv/home", 1000), changed, link, folder("tmp", mode=0o1777), gone]


def lost() -> list[Entry]:
    return [folder("tmp", mode=0o1777), Entry(path="tmp/gone", mode=0o644, size=1, source=b"x")]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
async def image(registry: DockerRegistry, tmp_path: Path) -> str:
    """The reference, by digest, of an image composed here and pushed."""
    store = LayerStore(OciLayout(tmp_path / "store"), InMemoryLayerIndex())
    target = parse_name(f"{registry.host}/tests/tiny:v1")
    async with RegistryClient(credentials=FixedLogins()) as client:
        pusher = Pusher(client, target, store.index)
        pieces = [
            store.lazy("base", tiny_base, title="base"),
            store.lazy("lost", lost, title="lost"),
            store.lazy("wheel", lambda: wheel_layer(tmp_path), title="wheel"),
            store.lazy("content", content_layer, title="content", whiteouts=True),
        ]
        layers: list[Layer] = await pusher.layers(pieces)
        runtime = Runtime(
            env=(("PATH", "/bin"), ("GREETING", "hello")),
            user="1000",
            workdir="/srv/home",
            command=("sh", "-c", "cat read.me"),
            labels=(("org.opencontainers.image.revision", "abc"),),
        )
        titled = [(layer, piece.title) for layer, piece in zip(layers, pieces, strict=True)]
        return str(target.at(await pusher.image(compose(None, titled, runtime))))


@pytest.fixture
def podman() -> Iterator[list[str]]:
    """Podman with storage of its own, so that the machine's is left alone."""
    with storage() as made:
        yield [*made.base, "--runtime", "runc"]


def out(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


async def test_podman_runs_a_composed_image(image: str, podman: list[str]) -> None:
    """Pulled from the registry, its layers are applied as meant: owner, links, deletions, environment, user."""
    out([*podman, "pull", "-q", "--tls-verify=false", image])
    assert out([*podman, "run", *RUN, image]) == "content\n"
    script = 'id -u; echo $GREETING; stat -c "%u %a %n" . data.txt read.me; touch mine && cat link; test ! -e /tmp/gone'
    lines = out([*podman, "run", *RUN, image, "sh", "-c", script]).splitlines()
    assert lines[:5] == ["1000", "hello", "1000 755 .", "1000 644 data.txt", "1000 600 read.me"]
    assert lines[5:] == ["spliced"] * 1000


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is missing")
async def test_skopeo_reads_it_and_copies_it_whole(image: str, tmp_path: Path) -> None:
    """Another implementation checks every digest on the way."""
    told = json.loads(out(["skopeo", "inspect", "--tls-verify=false", f"docker://{image}"]))
    assert told["Labels"] == {"org.opencontainers.image.revision": "abc"} and len(told["Layers"]) == 4
    out(["skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{image}", f"oci:{tmp_path / 'copy'}:v1"])

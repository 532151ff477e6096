"""What somebody else's image says of itself, names of its layers, and what is told of its server."""

from __future__ import annotations

import asyncio
import copy
import gzip
import hashlib
import io
import os
import socket
import tarfile
import threading
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.egress.guard import Guard
from hubkiln.errors import Refused, Unreachable, Unsupported
from hubkiln.images.clients import allowed_by, own_platform
from hubkiln.images.interface import Descriptor, Layer
from hubkiln.images.layout import OciLayout
from hubkiln.images.names import parse_name
from hubkiln.local_images.config import check_platform, image_of_config
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import environment_variables, home_of, places_of, room_for
from hubkiln.local_images.server_check import Verdict, absent, has_program, warnings
from hubkiln.local_images.store import LocalImages
from hubkiln.local_images.unpacked import UnpackedLayers, chain_names, fits
from hubkiln.sandbox.identity import Identity
from hubkiln.sandbox.interface import Capability
from hubkiln.service import engine_model, no_images
from hubkiln.up.typed import Tenths, TypedImages

NAME = parse_name("quay.io/org/tool@sha256:" + "a" * 64)
ANN = Identity(uid=1234, gid=1234)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root file system of one layer, in a data folder."""
    folder = tmp_path / "images/layers/root"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nann:x:1001:1001::/users/ann:/bin/sh\nbad line\n")
    (folder / "app").mkdir()
    return folder


def made(root: Path, **config: Any) -> LocalImage:
    """The local image of `config`."""
    return image_of_config(NAME, {"config": config}, ("root",), places_of(DataDir(root.parents[2]).rooms, ["root"]))


def test_the_image_is_started_as_its_configuration_says(root: Path) -> None:
    """Variables in order, entrypoint and command apart, labels kept, the digest among them."""
    image = made(
        root,
        Env=["PATH=/opt/conda/bin:/bin", "A=b=c", "EMPTY=", "A=last"],
        Entrypoint=["tini", "--"],
        Cmd=["jupyter"],
        WorkingDir="/app/",
        Labels={"maintainer": "ann"},
    )
    assert image.name == "tool" and image.workdir == "/app"
    assert (image.entrypoint, image.command) == (("tini", "--"), ("jupyter",))
    assert dict(image.env) | {"HOME": ""} == {"PATH": "/opt/conda/bin:/bin", "A": "last", "EMPTY": "", "HOME": ""}
    assert dict(image.labels) == {"maintainer": "ann", "io.hubkiln.pulled": str(NAME)}


def test_the_images_variables_win(root: Path) -> None:
    """Its PATH is its own, and nothing of our environments is in it."""
    image = made(root, Env=["PATH=/opt/conda/bin", "LANG=de_DE.UTF-8"])
    found = environment_variables(image)
    assert (found["PATH"], found["LANG"], found["USER"]) == ("/opt/conda/bin", "de_DE.UTF-8", "jovyan")
    assert not {"VIRTUAL_ENV", "CONDA_DIR", "REPO_DIR"} & set(found)
    assert environment_variables(made(root))["PATH"].endswith("/usr/bin:/sbin:/bin")


@pytest.mark.parametrize(
    ("config", "home"),
    [
        ({}, "/home/jovyan"),
        ({"User": "ann"}, "/users/ann"),
        ({"User": "1001:100"}, "/users/ann"),
        ({"User": "root"}, "/home/jovyan"),
        ({"User": "0"}, "/home/jovyan"),
        ({"User": "nobody-known"}, "/home/jovyan"),
        ({"User": "ann", "Env": ["HOME=/data/home/"]}, "/data/home"),
        ({"Env": ["HOME=/usr/share"]}, "/home/jovyan"),
        ({"Env": ["HOME=//proc"]}, "/home/jovyan"),
        ({"Env": ["HOME=/home/x/../../etc"]}, "/home/jovyan"),
        ({"Env": ["HOME="]}, "/home/jovyan"),
    ],
)
def test_the_home_is_where_the_image_says(root: Path, config: dict[str, Any], home: str) -> None:
    """Unless it is root's, or a place that would hide the system; the user's own folder is seen there."""
    image = made(root, **config)
    assert home_of(image) == home
    data = DataDir(root.parents[2])
    room = room_for(data.rooms, image, home=Path("/h"), work=Path("/w"))
    assert (room.home, room.cwd, room.env["HOME"], room.mounts[-1].target) == (home, home, home, home)
    assert room_for(data.rooms, image, home=None, work=Path("/w")).mounts == ()


@pytest.mark.parametrize("workdir", ["/", "/missing", "app", 3, None, "/etc/passwd"])
def test_a_working_folder_that_is_none_is_the_home(root: Path, workdir: object) -> None:
    """Docker would make it; here the command starts in the home."""
    assert made(root, WorkingDir=workdir).workdir == ""


@pytest.mark.parametrize("config", [None, [], "x", {"Env": "x", "Entrypoint": "sh", "Labels": [], "User": None}])
def test_nonsense_is_nothing(root: Path, config: Any) -> None:
    """A configuration of the wrong shape makes a plain image, never an exception."""
    image = image_of_config(NAME, {"config": config}, ("root",), places_of(DataDir(root.parents[2]).rooms, ["root"]))
    assert image.entrypoint == () and home_of(image) == "/home/jovyan"


def test_another_processor_is_refused() -> None:
    """By name, both of them."""
    check_platform(NAME, {"os": "linux", "architecture": own_platform().partition("/")[2]})
    with pytest.raises(Unsupported, match="is for windows/amd64"):
        check_platform(NAME, {"os": "windows", "architecture": "amd64"})


def test_a_layers_name_covers_all_below_it_and_whose_it_is() -> None:
    """Short, and different as soon as anything below or the owner on disk differs."""
    one, two = chain_names(["a", "b"], ANN)
    assert chain_names(["a", "c"], ANN)[0] == one and chain_names(["c", "b"], ANN)[1] != two
    assert chain_names(["a"], Identity(uid=64100, gid=64100, shift=1_900_000_000)) != [one]
    assert len(one) == 24 and one.isalnum()


def test_forty_layers_fit_into_an_overlay() -> None:
    """As many as images usually have; far more do not, and are joined."""
    data = Path("/var/lib/hubkiln")
    layers = [data / "images/layers" / ("x" * 24)]
    assert fits(layers * 40, data) and not fits(layers * 90, data)


def blob(layout: OciLayout, tar: bytes) -> Layer:
    """A layer in `layout`."""
    compressed = gzip.compress(tar, mtime=0)
    found = Descriptor(media_type="x", digest=layout.put(compressed), size=len(compressed))
    return Layer(descriptor=found, diff_id="sha256:" + hashlib.sha256(tar).hexdigest())


def tar_of(**files: str) -> bytes:
    """A tar; ``__`` in names is a dot."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """An empty data folder."""
    return DataDir(tmp_path).make()


async def test_what_is_only_for_pulling_lazily_is_left_out(data: DataDir) -> None:
    """The table of contents of a layer never shows in the image."""
    layout = OciLayout(data.layers).make()
    layer = blob(layout, tar_of(kept="1", stargz__index__json="{}", __no__prefetch__landmark="x"))
    [name] = await UnpackedLayers(data.own("images/layers"), ANN).ensure([layer], layout, lambda _: None)
    assert [path.name for path in (data.images / "layers" / name).iterdir()] == ["kept"]


async def test_empty_layers_cost_nothing(data: DataDir) -> None:
    """Docker adds one for each instruction that changes no file."""
    layout = OciLayout(data.layers).make()
    nothing = blob(layout, b"\0" * 1024)
    names = await UnpackedLayers(data.own("images/layers"), ANN).ensure(
        [nothing, blob(layout, tar_of(a="1"))], layout, lambda _: None
    )
    assert len(names) == 1


async def test_a_cut_off_layer_is_damaged(data: DataDir) -> None:
    """Even where the archive ends at a file's end: the whole is compared."""
    layout = OciLayout(data.layers).make()
    tar = tar_of(a="1" * 512, b="2" * 512)
    whole = blob(layout, tar)
    short = gzip.compress(tar[:1024], mtime=0)
    cut = Layer(descriptor=Descriptor(media_type="x", digest=layout.put(short), size=len(short)), diff_id=whole.diff_id)
    with pytest.raises(Unsupported, match="not the one that its configuration names"):
        await UnpackedLayers(data.own("images/layers"), ANN).ensure([cut], layout, lambda _: None)
    assert list((data.images).glob("layers/*")) == [] and list(data.work.glob("layer-*")) == []


async def test_a_closed_root_folder_is_moved_all_the_same(data: DataDir) -> None:
    """A layer may say that its root is read-only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("./")
        info.type, info.mode = tarfile.DIRTYPE, 0o555
        archive.addfile(info)
        archive.addfile(tarfile.TarInfo("a"))
    layout = OciLayout(data.layers).make()
    [name] = await UnpackedLayers(data.own("images/layers"), ANN).ensure(
        [blob(layout, out.getvalue())], layout, lambda _: None
    )
    assert (data.images / "layers" / name / "a").exists()


async def test_unpacking_that_is_cancelled_stops_and_leaves_nothing(data: DataDir) -> None:
    """The thread has ended when the caller goes on."""
    layout = OciLayout(data.layers).make()
    layer = blob(layout, tar_of(**{f"file{number}": "x" * 4096 for number in range(3000)}))
    started = asyncio.Event()
    task = asyncio.create_task(
        UnpackedLayers(data.own("images/layers"), ANN).ensure([layer], layout, lambda _: started.set())
    )
    await started.wait()
    while not list(data.work.glob("layer-*")):  # noqa: ASYNC110 - a file system tells nobody
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(data.work.glob("layer-*")) == [] and list(data.images.glob("layers/*")) == []
    assert threading.active_count() < 20


def test_the_server_is_found_only_if_it_can_be_run(root: Path) -> None:
    """On PATH, executable, through links; a link without end is nothing found."""
    image = made(root, Env=["PATH=/loop:/app"])
    places = places_of(DataDir(root.parents[2]).rooms, ["root"])
    (root / "loop").symlink_to("loop")
    (root / "app/jupyterhub-singleuser").write_text("#!")
    assert not has_program(image, places, "jupyterhub-singleuser")
    (root / "app/jupyterhub-singleuser").chmod(0o755)
    assert has_program(image, places, "jupyterhub-singleuser")


def test_a_different_hub_is_said() -> None:
    """Only where the major version differs."""
    image = LocalImage(name="x", entrypoint=("sh", "-c", "serve"))
    [line] = warnings(image, Verdict(version="4.1.6", entrypoint=True), "6.0.1")
    assert "JupyterHub 4.1.6 and this hub is 6.0.1" in line
    assert warnings(image, Verdict(version="6.2", entrypoint=True), "6.0.1") == []
    [line] = warnings(image, Verdict(version="6.2", entrypoint=False), "6.0.1")
    assert "(sh -c serve)" in line


def test_the_refusal_names_the_image_and_the_cure(root: Path) -> None:
    """As it was asked for, without the digest."""
    error = absent(made(root))
    assert "quay.io/org/tool has no jupyterhub-singleuser" in str(error)
    assert "pip install 'jupyterhub>=6,<7'" in error.hint


def test_progress_is_told_in_tenths() -> None:
    """Not for every piece that arrives."""
    said: list[str] = []
    tell = Tenths(said.append)
    for done in range(0, 1001, 5):
        tell(done * 10**6, 1000 * 10**6)
    assert len(said) == 10 and said[-1] == "Fetched 1000 of 1000 MB\n"


def test_the_hook_is_one_for_all_spawners() -> None:
    """traitlets copies configuration for each; a copy would not know what the others are pulling."""
    typed = TypedImages("/nowhere", ["127.0.0.0/8"])
    assert copy.deepcopy(typed) is typed


def test_documents_survive(data: DataDir, root: Path) -> None:
    """A pulled image is found again by its local reference."""
    image = made(root, Entrypoint=["a"], Env=["A=1"])
    images = LocalImages(data.own("images/documents"))
    assert images.get(images.put(image)) == image


def test_what_a_folder_covers_is_not_seen(data: DataDir, tmp_path: Path) -> None:
    """Neither a covered link's target on this machine, nor what lies below an opaque folder or a deletion."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    lower, upper = (data.images / "layers" / name for name in ("lower", "upper"))
    for folder in (lower / "opaque", lower / "merged", upper / "way", upper / "opaque", upper / "merged"):
        folder.mkdir(parents=True)
    (lower / "way").symlink_to(outside)
    (lower / "opaque/below").touch()
    (lower / "merged/below").touch()
    os.setxattr(upper / "opaque", "user.overlay.opaque", b"y")
    places = places_of(data.rooms, ["lower", "upper"])
    assert places.find("/way/secret") is None and places.find("/opaque/below") is None
    assert places.find("/merged/below") == lower / "merged/below"


async def test_the_page_is_told_why_no_image_can_start() -> None:
    """Without walls there is no root file system of its own; without sandboxes, the sandboxes' reason."""
    works, broken = Capability(works=True), Capability(works=False, reason="No.")
    assert await no_images(ANN, works, isolation=True) == ""
    assert "without isolation" in await no_images(ANN, works, isolation=False)
    assert await no_images(ANN, broken, isolation=True) == "An admin's turn: No."
    assert engine_model(works, "No.").typed_images.reason == "No." and engine_model(works, "").typed_images.works


def test_steps_in_pods_are_told_as_such() -> None:
    """What runs steps is no sandbox then, and only a limit that their pods have is called enforced."""
    pods = Capability(works=True, memory_enforced=True, limits_reason="Step pods have no limit of CPU.")
    told = engine_model(pods, "", pods=True)
    assert (told.engine, told.limits.memory, told.limits.cpu) == ("kubernetes", True, False)
    assert told.limits.reason == pods.limits_reason and engine_model(pods, "").engine == "sandbox"


async def test_the_hubs_guard_speaks_of_registries() -> None:
    """A host that is not known is said as one that cannot be reached; one inside is refused."""

    async def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    check = allowed_by(Guard(lookup=nobody))
    with pytest.raises(Unreachable, match=r"No host named registry\.invalid"):
        await check("https", "registry.invalid", 443)
    with pytest.raises(Refused):
        await allowed_by(Guard())("https", "10.0.0.1", 443)
    assert await allowed_by(Guard([ip_network("10.0.0.0/8")]))("https", "10.0.0.1", 443) == "10.0.0.1"

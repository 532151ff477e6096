#!/usr/bin/env python3
"""Composes our own images, without a container engine: `make images`, or `make images ARGS="--push quay.io/org/"`.

``hubkiln-base`` is what environments stand on. ``hubkiln`` is the build service over it: the packages of uv.lock, each
by its hash, this checkout's wheel, and the hub's plugin as a folder. The same checkout gives the same digests, for as
long as Debian has the same packages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hubkiln import __version__
from hubkiln.assembly import sandbox_engine
from hubkiln.builds import Reporter
from hubkiln.composer import DEFAULT_BASE, BaseRequest, Bases, build_base
from hubkiln.composer.bases.interface import Base
from hubkiln.composer.targets.entrypoint import skeleton_tree
from hubkiln.composer.targets.wheel_layers import WheelLayers, tree_key
from hubkiln.data_dir import DataDir
from hubkiln.exports import FORMATS, Exported
from hubkiln.images import (
    Descriptor,
    Image,
    InMemoryLayerIndex,
    LayerStore,
    OciLayout,
    Pusher,
    Runtime,
    compose_image,
    group_layers,
    joined_images,
    own_platform,
    parse_name,
    push_from_layout,
    read_descriptor,
    registry_clients,
    registry_settings,
)
from hubkiln.images.media_types import OCI_INDEX
from hubkiln.packages import Lock, Packages, layout_for, plan_wheel
from hubkiln.packages.archive import USUAL, read_directory
from hubkiln.packages.lockfile import parse_lock
from hubkiln.trees import Entry, Tree, with_parents
from hubkiln.values import PREFIX

ROOT = Path(__file__).parents[1]
PLUGIN = "opt/hubkiln-plugin"
"""Where the chart's init container finds the plugin."""

BILL = "hubkiln.cdx.json"
"""The bill of materials of the service's Python packages, beside the images."""

QUIETLY = ("--quiet", "--locked", "--offline", "--default-index", "https://pypi.org/simple")
EXTRAS = ("postgresql", "conda")
RUNTIME = Runtime(
    env=(("HOME", "/tmp"), ("HUBKILN_DATA_DIR", "/var/lib/hubkiln")),
    entrypoint=("/usr/bin/tini", "-g", "--", f"/{PREFIX}/bin/hubkiln"),
    command=("serve",),
    workdir="/",
    user="1000",
    ports=("8585/tcp",),
    labels=(("org.opencontainers.image.title", "Hubkiln"), ("org.opencontainers.image.version", __version__)),
)


async def make(data: DataDir, work: Path, mirror: str | None, base: str | None) -> dict[str, Descriptor]:
    """Both images in the layout of `data`, by name; the base is made, or the one with the tag `base`."""
    layout = OciLayout(data.layers).make()
    found = None if base is None else layout.find(base)
    if found is None:
        found = (await build_base(BaseRequest(mirror=mirror), layout, say)).image.descriptor
    layout.tag(DEFAULT_BASE, found)
    service, lock = await compose(data, layout, work)
    layout.put(service.config)
    layout.put(service.manifest)
    made = {"hubkiln-base": found, "hubkiln": service.descriptor}
    for name, descriptor in made.items():
        layout.tag(f"{name}:{__version__}", descriptor)
    about = Exported(image=f"hubkiln:{__version__}@{service.digest}", lock=lock, labels=dict(RUNTIME.labels))
    (data.root / BILL).write_text(FORMATS["sbom"](about))
    return made


async def compose(data: DataDir, layout: OciLayout, work: Path) -> tuple[Image, Lock]:
    """The service over the base that is in `layout`, and the packages in it."""
    packages, layers = Packages(data), LayerStore(layout, InMemoryLayerIndex())
    clients = registry_clients(None, registry_settings(os.environ))
    base = await Bases(data, packages, sandbox_engine(data), clients).image(None, None, say)
    lock, wheel = locked(base, packages.platform), built(work)
    wheels = WheelLayers(data, packages, layers, base.interpreter, lock.wheels, Reporter(lambda event: None))
    async with wheels.open():
        await wheels.look()
        lazy_layers = [wheels.layer(group) for group in group_layers(wheels.parts())]
        below = skeleton_tree(base)
        lazy_layers.insert(0, layers.lazy(tree_key(below), lambda: below, title="user, prefix"))
        for title, tree in own(base, wheel):
            lazy_layers.append(layers.lazy(title, lambda tree=tree: tree, title=title))  # type: ignore[misc]
        made = [((await lazy.make()).layer, lazy.title) for lazy in lazy_layers]
    return compose_image(base.parent, made, RUNTIME), lock


def locked(base: Base, platform: str) -> Lock:
    """The packages of uv.lock that fit the base."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    words = ["--format", "pylock.toml", "--no-emit-project", "--no-default-groups", *extras]
    lock = parse_lock(uv("export", *QUIETLY, *words), base.interpreter, platform)
    if lock.sdists:
        sys.exit(f"No wheel for {', '.join(lock.sdists)}")
    return lock


def built(work: Path) -> Path:
    """This checkout's wheel."""
    known = work / "build.txt"
    known.write_text(uv("export", *QUIETLY, "--no-emit-project", "--only-group", "build"))
    uv("build", "--quiet", "--wheel", "--build-constraints", str(known), "--out-dir", str(work))
    (wheel,) = work.glob("*.whl")
    return wheel


def uv(*words: str) -> str:
    """What uv prints."""
    program = Path(sys.executable).with_name("uv")
    return subprocess.run([program, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def own(base: Base, wheel: Path) -> Iterator[tuple[str, Tree]]:
    """What is ours: the program in the prefix, the plugin in a folder, the folder for data."""
    yield "hubkiln", plan_wheel(wheel, layout_for(base.interpreter.minor))
    files = {path: member for path, member in read_directory(wheel, USUAL).items() if path.startswith("hubkiln/")}
    plugin = [
        Entry(path=f"{PLUGIN}/{path}", mode=0o644, size=file.member.size, source=file.member)
        for path, file in files.items()
    ]
    yield "the hub's plugin", Tree(tuple(with_parents(plugin)))
    data = Entry(path="var/lib/hubkiln", mode=0o755, uid=1000, gid=1000)
    yield "the folder for data", Tree(tuple(with_parents([data])))


async def push(layout: OciLayout, made: dict[str, Descriptor], prefix: str) -> None:
    """Push what was made, under names that begin with `prefix`."""
    async with registry_clients(None, registry_settings(os.environ))() as client:
        for name, descriptor in made.items():
            target = parse_name(f"{prefix}{name}:{__version__}")
            await push_from_layout(Pusher(client, target, InMemoryLayerIndex()), layout, descriptor)
            print(target.at(descriptor.digest))


async def join(references: list[str]) -> None:
    """Make one image for several platforms of those that machines of each have pushed, under our version."""
    names = [parse_name(reference) for reference in references]
    found: dict[str, Descriptor] = {}
    async with registry_clients(None, registry_settings(os.environ))() as client:
        for name in names:
            document = await client.document(name)
            if document.is_index or (name.host, name.path) != (names[0].host, names[0].path):
                sys.exit(f"{name}: name images of one platform each, all in one repository.")
            config = json.loads(await client.read_blob(name, read_descriptor(document.content()["config"])))
            platform = f"{config['os']}/{config['architecture']}"
            if platform in found:
                sys.exit(f"{name} is for {platform}, as another that you name.")
            found[platform] = document.descriptor
        target = names[0].tagged(__version__)
        index = await client.put_manifest(target, joined_images(found), OCI_INDEX)
    print(target.at(index.digest))


def say(text: str) -> None:
    """To whoever waits."""
    print(text, end="", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / ".data/images", help="folder to work and to keep in")
    parser.add_argument("--mirror", help="fetch Debian packages from here")
    parser.add_argument("--base", help="a tag of the layout below --output to stand on, instead of a fresh base")
    parser.add_argument("--push", metavar="PREFIX", help="push them: quay.io/org/")
    parser.add_argument("--platform", default=own_platform(), help="of this machine, and no other can be made here")
    parser.add_argument("--join", nargs="+", metavar="IMAGE", help="pushed ones by digest, one for each platform")
    given = parser.parse_args()
    if given.platform != own_platform():
        sys.exit(
            f"This machine is {own_platform()}: images of {given.platform} are made on such a one, because composing "
            "runs the base's own programs. Push from each machine, then --join what was printed."
        )
    if given.join:
        asyncio.run(join(given.join))
        return
    data = DataDir(given.output.absolute()).make()
    with tempfile.TemporaryDirectory() as work:
        made = asyncio.run(make(data, Path(work), given.mirror, given.base))
    for name, descriptor in made.items():
        print(f"oci:{data.layers}:{name}:{__version__} {descriptor.digest}")
    print(data.root / BILL, file=sys.stderr)
    if given.push:
        asyncio.run(push(OciLayout(data.layers), made, given.push))


if __name__ == "__main__":
    main()

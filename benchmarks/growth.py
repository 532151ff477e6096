"""Bytes stored and time taken as environments that share packages grow in number, ours and the alternatives.

On a disk: the merged environments of the embedded engine beside virtual environments that uv links from its cache.
In a registry: our layers beside images whose packages are one layer each. The packages are synthetic
(:mod:`pool`); everything else is real: the store, the layer policy, Debian's registry, uv.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chart import charts
from journey import machine
from pool import Pool, pool

from hubkiln.builds.reporter import Reporter
from hubkiln.composer.targets.wheel_layers import WheelLayers, layer_key
from hubkiln.data_dir import DataDir
from hubkiln.images.credentials import FixedLogins
from hubkiln.images.interface import RegistrySettings
from hubkiln.images.layer_groups import group
from hubkiln.images.layer_index import SqliteLayerIndex
from hubkiln.images.layer_store import LayerStore
from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import Runtime, compose
from hubkiln.images.merging import merge
from hubkiln.images.names import parse_name
from hubkiln.images.push import LazyLayer, Pusher
from hubkiln.images.registry import RegistryClient
from hubkiln.packages.interface import Layout, Lock, Wheel
from hubkiln.packages.packages import Packages
from hubkiln.packages.tools import uv
from hubkiln.packages.wheels import plan_wheel
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.values import Interpreter

MARKS = (1, 3, 10, 30, 100, 300, 1000)
"""How many environments there are when we look."""


@dataclass
class Curve:
    """How one way grows."""

    name: str
    bytes: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)
    """In all, up to so many environments; looking takes no time."""
    note: str = ""
    """What the bytes are, in the end."""


Add = Callable[[int, Lock], Awaitable[object]]


async def grow(curve: Curve, locks: Sequence[Lock], add: Add, stored: Sequence[Path]) -> Curve:
    """Add one environment after the other; at every mark look at what is `stored`."""
    taken = 0.0
    for number, lock in enumerate(locks, 1):
        start = time.monotonic()
        await add(number, lock)
        taken += time.monotonic() - start
        if number in MARKS or number == len(locks):
            curve.bytes[number], curve.seconds[number] = disk_bytes(stored), taken
            print(f"{curve.name}: {number}, {curve.bytes[number] / 1e6:.0f} MB, {taken:.1f} s", file=sys.stderr)
    return curve


def disk_bytes(folders: Sequence[Path]) -> int:
    """Disk used by all that lies in `folders`, directories too; a file with several links counts once."""
    linked: set[int] = set()
    total = 0
    for folder in folders:
        for found in entries(folder):
            status = found.stat(follow_symlinks=False)
            if status.st_nlink > 1 and not found.is_dir(follow_symlinks=False):
                if status.st_ino in linked:
                    continue
                linked.add(status.st_ino)
            total += status.st_blocks * 512
    return total


def entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    """Everything below `folder`."""
    with os.scandir(folder) as found:
        for one in found:
            yield one
            if one.is_dir(follow_symlinks=False):
                yield from entries(one.path)


async def environments(folder: Path, locks: Sequence[Lock], python: Interpreter) -> Curve:
    """Ours on a disk: wheels as downloaded, unpacked and compiled once, hard links."""
    data = DataDir(folder).make()
    packages = Packages(data)

    async def add(number: int, lock: Lock) -> None:
        await packages.environment(lock, python, lambda text: None)

    places = [data.wheels, data.trees, data.environments]
    curve = await grow(Curve("ours"), locks, add, places)
    downloads, unpacked, merged = (disk_bytes(places[: count + 1]) - disk_bytes(places[:count]) for count in range(3))
    curve.note = (
        f"Ours in the end: downloads {downloads / 1e6:.0f} MB, unpacked with byte code {unpacked / 1e6:.0f} MB, merged "
        f"{merged / 1e6:.0f} MB (directories: files are links), {merged / 1e3 / len(locks):.0f} kB per environment."
    )
    return curve


async def virtual_environments(folder: Path, locks: Sequence[Lock], python: Interpreter, *options: str) -> Curve:
    """uv's: a cache of unpacked wheels, and hard links to it in every environment."""
    cache, venvs = folder / "cache", folder / "venvs"
    venvs.mkdir(parents=True)
    env = os.environ | {"UV_CACHE_DIR": str(cache), "UV_LINK_MODE": "hardlink", "UV_NO_CONFIG": "1"}
    lock_file = folder / "pylock.toml"

    def run(*words: str | Path) -> None:
        done = subprocess.run([uv(), *words], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)

    async def add(number: int, lock: Lock) -> None:
        lock_file.write_text(lock.text)
        venv = venvs / str(number)
        run("venv", "--quiet", "--python", python.path, venv)
        run("pip", "install", "--quiet", "--python", venv / "bin/python", *options, "-r", lock_file)

    name = "uv, compiled" if options else "uv"
    return await grow(Curve(name), locks, add, [cache, venvs])


class Images:
    """Pushes environments to a registry, in our layers or in one."""

    def __init__(self, folder: Path, python: Interpreter) -> None:
        self.data = DataDir(folder).make()
        self.packages = Packages(self.data)
        self.layers = LayerStore(OciLayout(self.data.layers), SqliteLayerIndex(self.data.layers / "index.sqlite"))
        self.python = python
        self.client = RegistryClient(RegistrySettings(), credentials=FixedLogins({}))

    async def push(self, lock: Lock, target: str) -> None:
        """As `hubkiln build --push` does between lock and manifest."""
        reporter = Reporter(lambda event: None)
        wheels = WheelLayers(self.data, self.packages, self.layers, self.python, lock.wheels, reporter)
        async with wheels.open():
            await wheels.look()
            await self._send([wheels.layer(one) for one in group(wheels.parts())], target)

    async def push_as_one(self, lock: Lock, target: str) -> None:
        """All packages in one layer, made the cheap way too."""
        downloads = self.packages.store.downloads
        await downloads.ensure(lock.wheels)
        layout = Layout(minor=self.python.minor)
        lazy = self.layers.lazy(
            layer_key("one", lock.digest),
            lambda: merge([plan_wheel(downloads.path(wheel), layout) for wheel in lock.wheels])[0],
        )
        await self._send([lazy], target)

    async def _send(self, lazy_layers: Sequence[LazyLayer], target: str) -> None:
        pusher = Pusher(self.client, parse_name(target), self.layers.index)
        layers = await pusher.layers(lazy_layers)
        titled = [(one, lazy.title) for one, lazy in zip(layers, lazy_layers, strict=True)]
        await pusher.image(compose(None, titled, Runtime()))


async def pushed(folder: Path, locks: Sequence[Lock], python: Interpreter, *, one_layer: bool) -> Curve:
    """What a registry of its own holds after pushing them all to one repository."""
    with DockerRegistry(folder / "registry") as registry:
        images = Images(folder / "data", python)
        way = images.push_as_one if one_layer else images.push

        async def add(number: int, lock: Lock) -> None:
            await way(lock, f"{registry.host}/environments:{number}")

        async with images.client:
            (registry.folder / "data").mkdir(exist_ok=True)
            name = "one layer per image" if one_layer else "ours"
            return await grow(Curve(name), locks, add, [registry.folder / "data"])


async def measure(folder: Path, packages: Pool, python: Interpreter, given: argparse.Namespace) -> list[list[Curve]]:
    """On a disk, then in a registry; ours first."""
    locks = [packages.lock(number, python.minor) for number in range(max(given.most, given.pushed, given.compared))]
    compared, images = locks[: given.compared], locks[: given.pushed]
    disk = [
        await environments(folder / "ours", locks[: given.most], python),
        await virtual_environments(folder / "uv", compared, python),
        await virtual_environments(folder / "uv-compiled", compared, python, "--compile-bytecode"),
    ]
    registry = [
        await pushed(folder / "layers", images, python, one_layer=False),
        await pushed(folder / "one", images, python, one_layer=True),
    ]
    return [disk, registry]


def table(curves: Sequence[Curve]) -> Iterator[str]:
    """Bytes and time of every way at every mark, the others as ratios to ours."""
    ours, *others = curves
    heads = [f"{one.name}, {what}" for one in curves for what in ("MB", "s per environment")]
    yield f"| environments | {' | '.join(heads)} |"
    yield "|---|" + "---|" * len(heads)
    for number in sorted({number for one in curves for number in one.bytes}):
        if number not in ours.bytes:
            continue
        cells = [f"{ours.bytes[number] / 1e6:,.0f}", f"{each(ours, number):.3f}"]
        for one in others:
            if number in one.bytes:
                more, slower = one.bytes[number] / ours.bytes[number], each(one, number) / each(ours, number)
                cells += [f"{one.bytes[number] / 1e6:,.0f} ({more:.1f}×)", f"{each(one, number):.3f} ({slower:.1f}×)"]
            else:
                cells += ["", ""]
        yield f"| {number:,} | {' | '.join(cells)} |"


def each(curve: Curve, number: int) -> float:
    """Seconds per environment since the mark before `number`."""
    before = max((mark for mark in curve.seconds if mark < number), default=0)
    return (curve.seconds[number] - curve.seconds.get(before, 0)) / (number - before)


def report(results: Sequence[Sequence[Curve]], packages: Pool, given: argparse.Namespace) -> str:
    """The page."""
    disk, registry = results
    wheels = packages.wheels
    lock = packages.lock(0, given.python)
    lines = [
        "# Growth",
        f"\nMachine: {machine()}; load {os.getloadavg()[0]:.1f} at the end. Made by `benchmarks/growth.py`.",
        f"\nPool: {len(wheels)} synthetic wheels, {megabytes(wheels)}; an environment has {len(lock.wheels)} of them,",
        f"{megabytes(lock.wheels)} as downloaded. Times are per environment since the row above; (×) compares with",
        "ours in the same row.",
        "\n![growth](growth.svg)",
        "\n## On a disk\n",
        "Ours: downloads, unpacked wheels with byte code, merged environments. uv: its cache, virtual environments",
        "with hard links; *compiled* also has byte code, as ours does. Directories count, shared files count once.\n",
        *table(disk),
        f"\n{disk[0].note}",
        "\n## In a registry\n",
        "Ours: layers by the policy of `hubkiln build --push`. The other: all packages of an image in one layer.\n",
        *table(registry),
    ]
    return "\n".join(lines) + "\n"


def megabytes(wheels: Sequence[Wheel]) -> str:
    """Their files' size."""
    return f"{sum(wheel.size or 0 for wheel in wheels) / 1e6:.0f} MB"


def drawing(results: Sequence[Sequence[Curve]]) -> str:
    """Bytes on the left, time on the right."""
    named = [
        (f"{place}: {one.name}", one) for place, many in zip(("disk", "registry"), results, strict=True) for one in many
    ]
    stored = {name: [(n, size / 1e6) for n, size in one.bytes.items()] for name, one in named}
    taken = {name: list(one.seconds.items()) for name, one in named}
    return charts(
        [("Stored, MB", "number of environments", stored), ("Time in all, seconds", "number of environments", taken)]
    )


async def main() -> None:
    """Measure, and write page and drawing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=100, help="environments of ours on a disk")
    parser.add_argument("--compared", type=int, default=30, help="virtual environments by uv, twice")
    parser.add_argument("--pushed", type=int, default=30, help="images, twice")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hubkiln-growth-"))
    try:
        python = await Packages(DataDir(folder / "ours").make()).interpreter(None)
        given.python = python.minor
        with pool(folder / "pool", python.minor) as packages:
            results = await measure(folder, packages, python, given)
            page = report(results, packages, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    given.into.mkdir(exist_ok=True)
    (given.into / "growth.md").write_text(page)
    (given.into / "growth.svg").write_text(drawing(results))


if __name__ == "__main__":
    asyncio.run(main())

"""What moves when environments share packages: bytes on the wire, pulled and pushed, and memory while composing.

*Second environment*: Podman, and `hubkiln pull`, have one environment and fetch another that shares nine tenths of
its packages. *Notebook*: a commit that changes only a notebook is pushed. *Memory*: a large environment is composed
from nothing. Real packages from the index, Debian's registry, a relay in front of it that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socketserver
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import SHUT_WR, create_connection, socket
from typing import Any

from compose import HUBKILN, repository
from journey import machine

from hubkiln.testing.docker_registry import DockerRegistry

FIRST = ("numpy", "pandas", "matplotlib", "scipy", "scikit-learn", "seaborn", "statsmodels", "sympy", "networkx")
SECOND = (*FIRST, "lxml", "openpyxl", "plotly", "sqlalchemy", "nltk", "xarray", "tabulate", "rich")
"""Both with the Jupyter stack, and what these need: some 150 packages, of which a tenth is new."""

LARGE = (
    *(*SECOND, "dask[complete]", "numba", "geopandas", "scikit-image", "bokeh", "plotly", "altair"),
    *("pyarrow", "polars", "sqlalchemy", "h5py", "netcdf4", "zarr", "opencv-python-headless", "nltk", "spacy"),
    *("cartopy", "folium", "holoviews", "panel", "jupyterlab-git", "astropy", "duckdb", "pymc", "imageio-ffmpeg"),
)


class Relay:
    """Stands before a registry and counts the bytes of both directions; use as a context."""

    def __init__(self, upstream: str) -> None:
        self.up = self.down = 0
        relay, (name, _, port) = self, upstream.partition(":")

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with create_connection((name, int(port))) as there:
                    back = threading.Thread(target=relay.copy, args=(there, self.request, "down"))
                    back.start()
                    relay.copy(self.request, there, "up")
                    back.join()

        socketserver.ThreadingTCPServer.request_queue_size = 64
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def copy(self, source: socket, target: socket, direction: str) -> None:
        """Pass on what comes until there is no more."""
        with suppress(OSError):
            while piece := source.recv(1 << 18):
                setattr(self, direction, getattr(self, direction) + len(piece))
                target.sendall(piece)
        with suppress(OSError):
            target.shutdown(SHUT_WR)

    @contextmanager
    def counting(self, direction: str) -> Iterator[list[int]]:
        """A list that holds, after the block, the bytes that went by in it."""
        found: list[int] = []
        before = getattr(self, direction)
        yield found
        found.append(getattr(self, direction) - before)

    def __enter__(self) -> Relay:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Memory:
    """What a command and its children needed, in megabytes."""

    largest: float = 0
    """The largest process, as the kernel counted it."""
    together: float = 0
    """All at the same time, shared pages shared out, as seen every twentieth of a second."""


def hubkiln(*words: str | Path, memory: Memory | None = None) -> str:
    """Run ``hubkiln``; its standard output."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([HUBKILN, *words], stdout=output, stderr=errors)
        done = threading.Event()
        watch = threading.Thread(target=watched, args=(process.pid, memory or Memory(), done))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        done.set()
        watch.join()
        if memory is not None:
            memory.largest = usage.ru_maxrss / 1024
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise SystemExit(errors.read())
        return output.read()


def watched(pid: int, memory: Memory, done: threading.Event) -> None:
    """Look at the process and all below it until it is done."""
    while not done.wait(0.05):
        memory.together = max(memory.together, sum(map(resident, family(pid))))


def family(pid: int) -> Iterator[int]:
    """`pid` and all processes below it."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def resident(pid: int) -> float:
    """Megabytes of `pid` in memory, its share of what it shares."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0


@dataclass(frozen=True)
class Pushed:
    """An image in the registry."""

    reference: str
    packages: frozenset[tuple[str, str]]
    size: int
    """Bytes of all layers."""
    own: int
    """Of those above the base image."""
    told: dict[str, Any]


class Registry:
    """Builds into a registry behind a relay."""

    def __init__(self, relay: Relay, data: Path, base_layers: int) -> None:
        self._relay, self._data, self._base_layers = relay, data, base_layers

    def push(self, repo: Path, name: str, memory: Memory | None = None) -> Pushed:
        """Build `repo` to ``name``."""
        target = f"{self._relay.host}/{name}"
        words = ("build", repo, "--data-dir", self._data, "--push", target, "--json")
        told = json.loads(hubkiln(*words, memory=memory).splitlines()[-1])
        lock = tomllib.loads(hubkiln("env", "export", "--data-dir", self._data, told["image"]))
        raw = ("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{told['image']}")
        manifest = json.loads(subprocess.run(raw, check=True, capture_output=True, text=True).stdout)
        sizes = [layer["size"] for layer in manifest["layers"]]
        packages = frozenset((one["name"], one["version"]) for one in lock["packages"])
        return Pushed(told["image"], packages, sum(sizes), sum(sizes[self._base_layers :]), told)


@contextmanager
def podman(folder: Path) -> Iterator[tuple[str | Path, ...]]:
    """Podman's words, with a storage of its own."""
    words = ("podman", "--root", folder / "storage", "--runroot", folder / "run", "--tmpdir", folder / "tmp")
    try:
        yield words
    finally:
        subprocess.run([*words, "system", "reset", "--force"], check=False, capture_output=True)
        if (folder / "storage/overlay").is_mount():
            subprocess.run(["umount", folder / "storage/overlay"], check=False)


def second_environment(folder: Path, relay: Relay, registry: Registry) -> list[str]:
    """Pull two that share packages, one after the other."""
    one = registry.push(repository(folder, "one", FIRST), "pair:one")
    two = registry.push(repository(folder, "two", SECOND), "pair:two")
    shared = len(one.packages & two.packages) / len(two.packages)
    lines = [
        f"Two environments of {len(one.packages)} and {len(two.packages)} packages; {shared:.0%} of the second's are",
        f"in the first. The second image has {two.size / 1e6:.1f} MB.\n",
        "| who has the first and pulls the second | MB moved | of the second image |",
        "|---|---|---|",
    ]
    with podman(folder / "podman") as engine:
        for image in (one, two):
            with relay.counting("down") as moved:
                pull = [*engine, "pull", "-q", "--tls-verify=false", image.reference]
                subprocess.run(pull, check=True, stdout=subprocess.DEVNULL)
    lines.append(row("podman", moved[0], two.size))
    for image in (one, two):
        with relay.counting("down") as moved:
            hubkiln("pull", "--data-dir", folder / "puller", image.reference)
    lines.append(row("hubkiln", moved[0], two.size))
    lines.append(row("anybody, were all packages one layer over the base image", two.own, two.size))
    return lines


def row(who: str, moved: int, size: int) -> str:
    """A line of a table."""
    return f"| {who} | {moved / 1e6:.2f} | {moved / size:.1%} |"


def notebook(folder: Path, relay: Relay, registry: Registry) -> list[str]:
    """Push a commit of a notebook."""
    repository(folder, "one", FIRST, json.dumps({"cells": [], "changed": True}))
    with relay.counting("up") as moved:
        pushed = registry.push(folder / "one", "pair:changed")
    return [
        f"A commit that changes only a notebook sends {moved[0]:,} bytes, requests and headers included:",
        f"{moved[0] / pushed.size:.3%} of the image. Layers: {json.dumps(pushed.told['layers'])}.",
    ]


def large(folder: Path, registry: Registry) -> list[str]:
    """Compose a large environment from nothing and look at memory."""
    memory = Memory()
    pushed = registry.push(repository(folder, "large", LARGE), "large:1", memory)
    return [
        f"{len(pushed.packages)} packages, {pushed.size / 1e6:.0f} MB compressed, from nothing: the largest process",
        f"had {memory.largest:.0f} MB resident at its peak, all processes together {memory.together:.0f} MB (uv, the",
        f"compiling ones and the server that is started as a check among them). Seconds by phase: "
        f"{json.dumps(pushed.told['seconds'])}.",
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="OCI layout with base:bookworm (hubkiln base build)")
    parser.add_argument("--without-large", action="store_true", help="leave out the large environment")
    given = parser.parse_args()
    print(f"# Sharing\n\nMachine: {machine()}; load {os.getloadavg()[0]:.1f}. Made by `benchmarks/sharing.py`.")
    folder = Path(tempfile.mkdtemp(prefix="hubkiln-sharing-"))
    try:
        shutil.copytree(given.base, folder / "data/layers")
        with DockerRegistry(folder / "registry") as running, Relay(running.host) as relay:
            registry = Registry(relay, folder / "data", base_layers(given.base))
            section("The second environment", second_environment(folder, relay, registry))
            section("A notebook", notebook(folder, relay, registry))
            if not given.without_large:
                fresh = folder / "fresh"
                shutil.copytree(given.base, fresh / "layers")
                section("Memory", large(folder, Registry(relay, fresh, base_layers(given.base))))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def base_layers(base: Path) -> int:
    """How many layers the base image has."""
    index = json.loads((base / "index.json").read_text())
    digest = index["manifests"][0]["digest"].removeprefix("sha256:")
    return len(json.loads((base / "blobs/sha256" / digest).read_text())["layers"])


def section(title: str, lines: list[str]) -> None:
    """Print it."""
    print(f"\n## {title}\n")
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()

"""From a repository to a pushed image: ours, and ``buildah bud`` with pip and with uv, side by side in one run.

All three stand on the same base image, pulled from the registry that they push to, and carry the same Jupyter packages.
*Cold*: nothing is known, the base image neither. *Again*: another repository with the same requirements. *Nothing new*:
the same repository. *Package added*: one more requirement. *Notebook*: only a notebook changed.

Run it with TMPDIR on a memory file system: ext4 makes new files many times slower for minutes after many were removed,
which is what a benchmark does all the time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubkiln.packages.stack import ASKED
from hubkiln.testing.docker_registry import DockerRegistry

HUBKILN = Path(sys.executable).parent / "hubkiln"
S3 = """altair beautifulsoup4 bokeh dask folium geopandas h5py ipywidgets jupyterlab lxml matplotlib netcdf4 networkx
numba numpy openpyxl pandas pillow plotly pyarrow requests scikit-image scikit-learn scipy seaborn shapely statsmodels
sympy xarray zarr"""
SETS = {
    "s1": ("numpy", "pandas", "matplotlib"),
    "s2": ("jupyterlab", "scipy", "scikit-learn"),
    "s3": tuple(S3.split()),
}
ADDED = "tabulate"
SCENARIOS = ("cold", "again", "nothing new", "package added", "notebook")
PREFIX = "/srv/conda/envs/notebook"


@dataclass
class Tool:
    """One way to build; `build` takes a repository and a name to push to."""

    name: str
    build: Callable[[Path, str], dict[str, Any]]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def timed(self, scenario: str, repository: Path, target: str) -> None:
        """Build once and remember how long it took."""
        start = time.monotonic()
        self.told[scenario] = self.build(repository, target)
        self.seconds.setdefault(scenario, []).append(time.monotonic() - start)


def repository(folder: Path, name: str, requirements: tuple[str, ...], notebook: str = "{}") -> Path:
    """A git repository with requirements and a notebook; made again with others, a further commit."""
    path = folder / name
    fresh = not path.exists()
    path.mkdir(exist_ok=True)
    (path / "requirements.txt").write_text("".join(f"{line}\n" for line in requirements))
    (path / "note.ipynb").write_text(notebook)
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for words in (["init", "-q"] if fresh else ["status", "-s"], ["add", "."], ["commit", "-qm", "work"]):
        subprocess.run([*git, *words], cwd=path, check=True, capture_output=True)
    return path


def ours(data: Path, base: str) -> Tool:
    """``hubkiln build --push``."""

    def build(repo: Path, target: str) -> dict[str, Any]:
        words = [HUBKILN, "build", repo, "--data-dir", data, "--base-image", base, "--push", target, "--json"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return Tool("hubkiln", build)


def buildah(folder: Path, base: str, install: str) -> Tool:
    """``buildah bud --layers`` and push, with storage and caches of its own."""
    fixed = ["buildah", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]
    options = ["--layers", "--isolation", "chroot", "--tls-verify=false", "--ulimit", "nofile=1024:1024"]
    arguments = [f"--build-arg={name}" for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX") if name in os.environ]
    if certificates := os.environ.get("SSL_CERT_FILE"):
        options += ["--volume", f"{certificates}:/etc/ssl/certs/ca-certificates.crt:ro"]

    def build(repo: Path, target: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as work:
            context = Path(work) / "context"
            shutil.copytree(repo, context / "repo")
            (context / "requirements.txt").write_text(
                (repo / "requirements.txt").read_text() + "".join(f"{line}\n" for line in ASKED)
            )
            if install == "uv":
                from uv import find_uv_bin

                shutil.copy2(find_uv_bin(), context / "uv")
            (context / "Dockerfile").write_text(dockerfile(base, install))
            subprocess.run(
                [*fixed, "bud", *options, *arguments, "-t", target, context], check=True, capture_output=True
            )
        subprocess.run([*fixed, "push", "--tls-verify=false", target], check=True, capture_output=True)
        return {}

    return Tool(f"buildah + {install}", build)


def dockerfile(base: str, install: str) -> str:
    """What a careful person writes: requirements first, so that they are cached."""
    venv = f"python3 -m venv {PREFIX}"
    pip = f"{PREFIX}/bin/pip install --no-cache-dir -r /tmp/requirements.txt"
    uv = f"/tmp/uv pip install --no-cache --python {PREFIX}/bin/python -r /tmp/requirements.txt"
    copied = "requirements.txt uv" if install == "uv" else "requirements.txt"
    run = f"rm -rf {PREFIX} && {venv} --without-pip && {uv}" if install == "uv" else f"{venv} && {pip}"
    return "\n".join(
        (
            f"FROM {base}",
            "USER 0",
            "ARG PIP_INDEX_URL",
            "ARG UV_DEFAULT_INDEX",
            "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
            f"COPY {copied} /tmp/",
            f"RUN {run}",
            "COPY --chown=1000:1000 repo /srv/repo",
            "USER 1000",
            "",
        )
    )


def measure(tool: Tool, folder: Path, name: str, wanted: tuple[str, ...], host: str, *, only_cold: bool) -> None:
    """Every scenario once, in an order in which each finds what it says."""
    repo = repository(folder, f"{name}-one", wanted)
    tool.timed("cold", repo, f"{host}/one:1")
    if only_cold:
        return
    tool.timed("nothing new", repo, f"{host}/one:1")
    tool.timed("again", repository(folder, f"{name}-two", wanted, "{2}"), f"{host}/two:1")
    tool.timed("notebook", repository(folder, f"{name}-one", wanted, "{changed}"), f"{host}/one:2")
    tool.timed("package added", repository(folder, f"{name}-one", (*wanted, ADDED)), f"{host}/one:3")


def run(name: str, rounds: int, base: Path, without: set[str], *, only_cold: bool) -> list[Tool]:
    """All tools, round after round, from nothing; another is first each time: the first may have to warm an index."""
    found: dict[str, Tool] = {}
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="hubkiln-bench-", ignore_cleanup_errors=True) as work:
            folder = Path(work)
            with DockerRegistry(folder / "registry") as registry:
                reference = push_base(base, registry.host)
                tools = [ours(folder / "data", reference)]
                tools += [buildah(folder / install, reference, install) for install in ("pip", "uv")]
                tools = [tool for tool in tools if tool.name not in without]
                for tool in tools[number % len(tools) :] + tools[: number % len(tools)]:
                    known = found.setdefault(tool.name, tool)
                    known.build = tool.build
                    work_folder = folder / tool.name.replace(" ", "")
                    work_folder.mkdir()
                    measure(known, work_folder, name, SETS[name], registry.host, only_cold=only_cold)
            for place in ("pip", "uv"):
                mounted = folder / place / "storage/overlay"
                if mounted.is_mount():
                    subprocess.run(["umount", mounted], check=False)
    return list(found.values())


def push_base(base: Path, host: str) -> str:
    """Put the base image into the registry; returns its name there."""
    reference = f"{host}/base:1"
    words = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{base}:base:bookworm", f"docker://{reference}"]
    subprocess.run(words, check=True, capture_output=True)
    return reference


def report(name: str, tools: list[Tool]) -> None:
    """A table of medians, with ratios to ours."""
    first = tools[0]
    print(f"\n## {name}: {' '.join(SETS[name])}\n")
    print("| scenario | " + " | ".join(tool.name for tool in tools) + " |")
    print("|---|" + "---|" * len(tools))
    scenarios = [scenario for scenario in SCENARIOS if scenario in first.seconds]
    for scenario in scenarios:
        own = statistics.median(first.seconds[scenario])
        cells = [f"{own:.2f} s"]
        for tool in tools[1:]:
            other = statistics.median(tool.seconds[scenario])
            cells.append(f"{other:.2f} s ({other / own:.1f}×)")
        print(f"| {scenario} | " + " | ".join(cells) + " |")
    each = "; ".join(f"{tool.name} {', '.join(f'{one:.1f}' for one in tool.seconds['cold'])}" for tool in tools)
    print(f"\nCold, round by round: {each}.")
    print("\nOurs, by phase and layer, last round (starting Python and loading Hubkiln is in the table, not here):\n")
    for scenario in scenarios:
        told = first.told[scenario]
        inside = sum(told["seconds"].values())
        print(
            f"- {scenario}: {inside:.2f} s inside; {json.dumps(told['seconds'])}; layers {json.dumps(told['layers'])}"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--base", type=Path, required=True, help="OCI layout with base:bookworm (hubkiln base build)")
    parser.add_argument("--without", nargs="*", default=[], help="tools to leave out, such as 'buildah + pip'")
    parser.add_argument("--cold", action="store_true", help="measure the cold build alone")
    given = parser.parse_args()
    print(f"# Composing\n\n{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    for name in given.sets:
        report(name, run(name, given.rounds, given.base, set(given.without), only_cold=given.cold))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\nLargest process of all: {peak:.0f} MB resident.")


if __name__ == "__main__":
    main()

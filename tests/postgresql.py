"""A PostgreSQL of a test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOBODY = 65534


def tool(name: str) -> str | None:
    """A program of PostgreSQL; Debian keeps them out of the path."""
    return shutil.which(name) or next((str(p) for p in Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)


@dataclass(frozen=True)
class Server:
    """A PostgreSQL on a socket in a folder of its own."""

    folder: Path
    pg_ctl: str

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://kiln@/postgres?host={self.folder}"

    @property
    def address(self) -> str:
        """As an admin writes it."""
        return self.url.replace("+asyncpg", "")

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off"
        self._ctl("-o", options, "-l", self.folder / "log", "-w", "start")

    def stop(self) -> None:
        """As when its machine dies."""
        self._ctl("-m", "immediate", "-w", "stop")

    def _ctl(self, *words: str | Path) -> None:
        subprocess.run([self.pg_ctl, "-D", self.folder / "data", "-t", "180", *words], **_run(self.folder))


def _run(folder: Path) -> dict[str, Any]:
    as_nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return {"check": True, "capture_output": True, "timeout": 200, "cwd": folder, **as_nobody}


@contextmanager
def throw_away_postgresql() -> Iterator[Server]:
    """A new PostgreSQL; skips the test where there is none."""
    initdb, pg_ctl = tool("initdb"), tool("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("needs PostgreSQL's server programs")
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        command = [initdb, "-D", folder / "data", "-U", "kiln", "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run(command, **_run(folder))
        server = Server(folder, pg_ctl)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def throw_away_server() -> Iterator[str]:
    """URL of a new PostgreSQL; skips the test where there is none."""
    with throw_away_postgresql() as server:
        yield server.url

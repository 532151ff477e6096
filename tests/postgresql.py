"""A PostgreSQL of a test's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    """A PostgreSQL on a socket in a folder of its own; with a port, at this machine's loopback too."""

    folder: Path
    pg_ctl: str
    port: int | None = None

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return f"postgresql+asyncpg://kiln@/postgres?host={self.folder}"

    @property
    def address(self) -> str:
        """As an admin writes it."""
        if self.port is not None:
            return f"postgresql://kiln@127.0.0.1:{self.port}/postgres"
        return self.url.replace("+asyncpg", "")

    @property
    def runs(self) -> bool:
        """Whether it has not ended by itself."""
        return (
            subprocess.run(
                [self.pg_ctl, "-D", self.folder / "data", "status"], **_run(self.folder) | {"check": False}
            ).returncode
            == 0
        )

    def start(self) -> None:
        """Returns when it answers."""
        listens = f"127.0.0.1 -p {self.port}" if self.port is not None else ""
        options = f"-c listen_addresses={listens} -c unix_socket_directories={self.folder} -c fsync=off"
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
def throw_away_postgresql(below: Path | None = None, port: int | None = None) -> Iterator[Server]:
    """A new PostgreSQL, in a folder `below` one if given; skips the test where there is none."""
    initdb, pg_ctl = tool("initdb"), tool("pg_ctl")
    if initdb is None or pg_ctl is None:
        pytest.skip("needs PostgreSQL's server programs")
    with tempfile.TemporaryDirectory(prefix="pg", dir=below, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        command = [initdb, "-D", folder / "data", "-U", "kiln", "-A", "trust", "-E", "UTF8", "-N", "--wal-segsize=1"]
        subprocess.run(command, **_run(folder))
        server = Server(folder, pg_ctl, port)
        server.start()
        try:
            yield server
        finally:
            if server.runs:
                server.stop()


@contextmanager
def throw_away_server() -> Iterator[str]:
    """URL of a new PostgreSQL; skips the test where there is none."""
    with throw_away_postgresql() as server:
        yield server.url


class Link:
    """A way to `server` over TCP that can fall silent: what is sent arrives nowhere, and nobody is told."""

    def __init__(self, server: Server) -> None:
        self._path = server.folder / ".s.PGSQL.5432"
        self.silent = False
        """All of it."""
        self.deaf = False
        """What was sent to those who listen for notices."""
        self.url = ""

    async def __aenter__(self) -> Link:
        self._listener = await asyncio.start_server(self._one, "127.0.0.1", 0)
        port = self._listener.sockets[0].getsockname()[1]
        self.url = f"postgresql+asyncpg://kiln@127.0.0.1:{port}/postgres"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(str(self._path))
        listening = asyncio.Event()

        async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, up: bool) -> None:
            with suppress(ConnectionError):
                while data := await source.read(65536):
                    if up and b"LISTEN" in data:
                        listening.set()
                    if not self.silent and not (self.deaf and not up and listening.is_set()):
                        sink.write(data)
                        await sink.drain()
            sink.close()

        await asyncio.gather(pass_on(reader, back, up=True), pass_on(there, writer, up=False))

"""A Python that this machine lacks is brought by uv, from a list and a file on loopback: real uv, an empty Python."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import socket
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubkiln.confined import OUTSIDE_UID
from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed
from hubkiln.packages.bringing import bring

pytestmark = pytest.mark.timeout(600)

NAME = f"cpython-3.12.1-linux-{platform.machine()}-gnu"
SETTINGS = "lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py"


def archive() -> bytes:
    """As little of a Python as uv takes for one."""
    settings = (
        "# system configuration generated and used by the sysconfig module\nbuild_time_vars = {'prefix': '/install'}\n"
    )
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for path, text in (("bin/python3.12", "#!/bin/sh\n"), (SETTINGS, settings)):
            entry = tarfile.TarInfo(f"python/{path}")
            entry.size, entry.mode = len(text), 0o755
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def sockets() -> Iterator[tuple[int, tuple[str, int], tuple[str, int]]]:
    """TCP connections of this machine over IPv4: whose it is, its own end, the other one."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, ours, theirs, *_, uid = line.split()[:8]
        yield int(uid), end(ours), end(theirs)


def end(text: str) -> tuple[str, int]:
    """Address and port, from how Linux writes them."""
    address, port = text.split(":")
    return socket.inet_ntoa(int(address, 16).to_bytes(4, sys.byteorder)), int(port, 16)


class Host(ThreadingHTTPServer):
    """Has the list of Pythons and one of them; knows the uids of whoever asks."""

    def __init__(self, data: bytes, sha256: str) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.data, self.uids = data, set[int]()
        arch = {"family": platform.machine(), "variant": None}
        python = {"name": "cpython", "arch": arch, "os": "linux", "libc": "gnu", "major": 3, "minor": 12, "patch": 1}
        more = {
            "prerelease": "",
            "variant": None,
            "build": "1",
            "sha256": sha256,
            "url": f"{self.address}/python.tar.gz",
        }
        self.list = json.dumps({NAME: python | more}).encode()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        self.server.uids |= {
            uid for uid, *ends in sockets() if ends == [self.client_address, self.server.server_address]
        }
        body = self.server.list if self.path.endswith(".json") else self.server.data
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def host(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The one that uv is to ask; its list tells a hash, by parameter another one."""
    data = archive()
    with Host(data, getattr(request, "param", hashlib.sha256(data).hexdigest())) as server:
        monkeypatch.setenv("UV_PYTHON_DOWNLOADS_JSON_URL", f"{server.address}/list.json")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


async def test_a_python_is_brought_by_nobody_and_ours_before_it_is_seen(host: Host, tmp_path: Path) -> None:
    """As a whole, made for the place where it will be; nothing unfinished is left; a second time changes nothing."""
    data = DataDir(tmp_path / "data").make()
    for _ in range(2):
        await bring("3.12", data.pythons, lambda text: None, work=data.work, hidden=(data.root,))
    python = data.pythons / NAME
    assert os.access(python / "bin/python3.12", os.X_OK)
    assert f'"prefix": "{python}"' in (python / SETTINGS).read_text()
    assert {path.lstat().st_uid for path in (python, *python.rglob("*"))} == {os.geteuid()}
    assert host.uids == {OUTSIDE_UID if os.geteuid() == 0 else os.geteuid()}
    assert list(data.work.iterdir()) == []


@pytest.mark.parametrize("host", ["0" * 64], indirect=True)
async def test_another_file_than_the_lists_is_refused(host: Host, tmp_path: Path) -> None:
    """By its hash; nothing of it is seen."""
    data = DataDir(tmp_path / "data").make()
    with pytest.raises(LockFailed, match=r"3\.12 is not on this machine and could not be brought"):
        await bring("3.12", data.pythons, lambda text: None, work=data.work, hidden=(data.root,))
    assert [*data.pythons.glob("cpython-*"), *data.work.iterdir()] == []

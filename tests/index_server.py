"""A package index on loopback that serves a folder, and can be told to misbehave."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from hubkiln.packages.interface import Wheel


@dataclass
class Index:
    """A running index."""

    folder: Path
    url: str = ""
    uploaded: dict[str, str] = field(default_factory=dict)
    """Upload time by file name; files without one tell none."""

    faults: list[str] = field(default_factory=list)
    """What the next requests for files get instead: ``500``, ``429``, ``cut``, ``wrong``; used up one by one."""

    wanted: Counter[str] = field(default_factory=Counter)
    """How often each path was asked for."""

    ranges: list[str] = field(default_factory=list)
    """Range headers that came."""

    authorizations: set[str] = field(default_factory=set)

    held: dict[str, threading.Event] = field(default_factory=dict)
    """Files that are not answered before their event, and not found if it does not come."""

    connections: int = 0
    """How many were opened."""

    immutable: bool = False
    """Whether files are said to stay as they are for good, as the public index says; uv keeps only those."""

    @property
    def simple(self) -> str:
        """What to give as index address."""
        return f"{self.url}/simple"

    def wheel(self, path: Path, **changes: object) -> Wheel:
        """`path`, a wheel in the folder, as a lock would have it."""
        name, version, _, _ = parse_wheel_filename(path.name)
        data = path.read_bytes()
        values = {
            "name": str(name),
            "version": str(version),
            "filename": path.name,
            "url": f"{self.url}/files/{path.name}",
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
        return Wheel(**(values | changes))  # type: ignore[arg-type]


@contextmanager
def serve(folder: Path) -> Iterator[Index]:
    """An index of the files in `folder` until the block ends."""
    index = Index(folder)

    class Handler(_Handler):
        served = index

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    index.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    served: Index
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Count."""
        self.served.connections += 1
        super().setup()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Length only; not counted."""
        path = self.served.folder / urlsplit(self.path).path.removeprefix("/files/")
        found = path.is_file()
        self._answer(200 if found else 404, b"", length=path.stat().st_size if found else 0)

    def do_GET(self) -> None:
        """Project pages below ``simple/``, files below ``files/``."""
        path = urlsplit(self.path).path
        self.served.wanted[path] += 1
        if authorization := self.headers.get("Authorization"):
            self.served.authorizations.add(authorization)
        kind, _, name = path.strip("/").partition("/")
        if kind == "simple" and name:
            self._project(name)
        elif kind == "files" and (self.served.folder / name).is_file():
            self._file((self.served.folder / name).read_bytes())
        else:
            self._answer(404, b"")

    def _project(self, name: str) -> None:
        files = [path for path in sorted(self.served.folder.iterdir()) if _project_of(path.name) == name]
        page = {
            "meta": {"api-version": "1.1"},
            "name": name,
            "versions": [],
            "files": [self._described(path) for path in files],
        }
        self._answer(200 if files else 404, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    def _described(self, path: Path) -> dict[str, object]:
        data = path.read_bytes()
        told = {
            "filename": path.name,
            "url": f"{self.served.url}/files/{path.name}",
            "hashes": {"sha256": hashlib.sha256(data).hexdigest()},
            "size": len(data),
        }
        time = self.served.uploaded.get(path.name)
        return told | ({"upload-time": time} if time else {})

    def _file(self, data: bytes) -> None:
        event = self.served.held.get(urlsplit(self.path).path.rpartition("/")[2])
        if event is not None and not event.wait(200):
            self._answer(404, b"")
            return
        fault = self.served.faults.pop(0) if self.served.faults and "Range" not in self.headers else ""
        start = 0
        if asked := self.headers.get("Range"):
            self.served.ranges.append(asked)
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end = (
                (int(first), int(last) + 1 if last else len(data)) if first else (len(data) - int(last), len(data))
            )
            piece = data[start:end]
            self._answer(206, piece, range=f"bytes {start}-{start + len(piece) - 1}/{len(data)}")
        elif fault.isdigit():
            self._answer(int(fault), b"", retry_after="1")
        elif fault == "cut":
            self._answer(200, data, length=len(data), send=len(data) // 2)
        else:
            self._answer(200, bytes(len(data)) if fault == "wrong" else data)

    def _answer(
        self,
        status: int,
        body: bytes,
        kind: str = "application/octet-stream",
        *,
        range: str = "",
        retry_after: str = "",
        length: int | None = None,
        send: int | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if kind == "application/octet-stream":
            self.send_header("Accept-Ranges", "bytes")
            if self.served.immutable and status < 300:
                self.send_header("Cache-Control", "max-age=31536000, immutable, public")
        if range:
            self.send_header("Content-Range", range)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body[:send])
        if send is not None:
            self.close_connection = True


def _project_of(filename: str) -> str | None:
    if filename.endswith(".whl"):
        return parse_wheel_filename(filename)[0]
    if filename.endswith(".tar.gz"):
        return parse_sdist_filename(filename)[0]
    return canonicalize_name(filename)

"""A host on loopback that answers what it is told to, in the form that a provider's interface is described in.

::

    with Answers() as host:
        host.json("/api/records/12", {"id": 12})
        host.bytes("/files/a.csv", b"1,2")
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Answer:
    """What one path answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        owner = self.server.owner
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        owner.requests.append(f"{self.command} {self.path}")
        owner.headers.append(dict(self.headers))
        path = re.sub(rf"&({'|'.join(owner.ignored)})=[^&]*", "", self.path) if owner.ignored else self.path
        waiting = owner.answers.get(f"{self.command} {path}") or owner.answers.get(path) or [Answer(404)]
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if (etag := answer.headers.get("ETag")) and self.headers.get("If-None-Match") == etag:
            answer = Answer(304, b"", {"ETag": etag})
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_POST = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: Answers

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of the tests."""


class Answers:
    """Serves `answers`: by path (``/a?b=c``), or by method and path; the last of several is given again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.ignored: tuple[str, ...] = ()
        """Parameters that make no difference, whatever their values; none is the first."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        """``http://127.0.0.1:PORT``"""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def json(self, path: str, document: object, status: int = 200, **headers: str) -> None:
        """One more answer at `path`; header names with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append(Answer(status, json.dumps(document).encode(), named))

    def bytes(self, path: str, body: bytes, **headers: str) -> None:
        """A file at `path`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = [Answer(200, body, named)]

    def redirect(self, path: str, to: str) -> None:
        """`path` moved."""
        self.answers[path] = [Answer(302, b"", {"Location": to})]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

"""A registry in memory that really answers HTTP, for tests of ours and of others.

It follows the OCI distribution specification as strictly as the real ones do (unknown blobs, wrong digests, bad
offsets and missing scopes are refused), so a client that works here works there; the contract tests run on both::

    with InMemoryRegistry(login=("ann", "secret"), tokens=True) as registry:
        print(registry.host)            # 127.0.0.1:43121
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs

import uvicorn

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ROUTE = re.compile(r"/v2/(?P<path>.+)/(?P<kind>manifests|blobs)/(?P<rest>.*)\Z")


@dataclass
class Repository:
    """What one repository holds."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Digest to (media type, bytes)."""
    tags: dict[str, str] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    """Started and not finished; a well-behaved client leaves none."""


@dataclass(frozen=True)
class Request:
    """A request as the registry saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Response:
    """What to answer."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, code: str, **headers: str) -> Response:
    """An error in the specification's form."""
    body = json.dumps({"errors": [{"code": code, "message": code.replace("_", " ").lower()}]}).encode()
    return Response(status, body, {"Content-Type": "application/json", **headers})


def digest_of(data: bytes) -> str:
    """``sha256:…``"""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class InMemoryRegistry:
    """Use as ``with``; the server runs in a thread of its own until the end."""

    def __init__(self, *, login: tuple[str, str] | None = None, tokens: bool = False, mounts: bool = True) -> None:
        self.login = login
        """User name and password; None lets everybody in."""
        self.tokens = tokens
        """True for bearer tokens from a token service, False for basic authentication."""
        self.mounts = mounts
        """False to answer every mount with 202, as some registries do."""
        self.repositories: dict[str, Repository] = {}
        self.requests: list[Request] = []
        """Everything asked, in order."""
        self.kept = threading.Event()
        """Set when a blob has come whole."""
        self.issued: dict[str, set[str]] = {}
        """Tokens given out and the scopes each is good for; clear it to make all of them expire."""
        self.host = ""

    def __enter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(self, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()

    def count(self, method: str, part: str = "") -> int:
        """How many requests with `method` had `part` in their path."""
        return sum(1 for request in self.requests if request.method == method and part in request.path)

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """The ASGI application."""
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        query = {
            key: values[0] for key, values in parse_qs(scope["query_string"].decode(), keep_blank_values=True).items()
        }
        headers = {key.decode().title(): value.decode() for key, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], query, headers, bytes(body))
        self.requests.append(request)
        scopes = [value for key in ("scope",) for value in parse_qs(scope["query_string"].decode()).get(key, [])]
        response = self._token(request, scopes) if request.path == "/token" else self._answer(request)
        await _respond(request, response, send)

    def _answer(self, request: Request) -> Response:
        route = _ROUTE.match(request.path)
        if refused := self._refuse(request, route["path"] if route else None):
            return refused
        if route is None:
            return Response(200, b"{}") if request.path == "/v2/" else problem(404, "UNSUPPORTED")
        repository = self.repositories.get(route["path"])
        if request.method in ("GET", "HEAD") and repository is None:
            return problem(404, "NAME_UNKNOWN")
        repository = self.repositories.setdefault(route["path"], Repository())
        if route["kind"] == "manifests":
            return _manifest(request, repository, route["rest"])
        if route["rest"].startswith("uploads/"):
            return self._upload(request, repository, route["path"], route["rest"].removeprefix("uploads/"))
        return _blob(request, repository, route["rest"])

    def _refuse(self, request: Request, path: str | None) -> Response | None:
        if self.login is None:
            return None
        sent = request.headers.get("Authorization", "")
        if not self.tokens:
            return (
                None
                if sent == _basic(self.login)
                else problem(401, "UNAUTHORIZED", **{"WWW-Authenticate": 'Basic realm="tests"'})
            )
        action = "pull" if request.method in ("GET", "HEAD") else "push"
        wanted = {f"{path}:{action}"} if path else set()
        if (source := request.query.get("from")) and "mount" in request.query:
            wanted.add(f"{source}:pull")
        good = self.issued.get(sent.removeprefix("Bearer "))
        if good is not None and wanted <= good:
            return None
        challenge = f'Bearer realm="http://{self.host}/token",service="tests",scope="repository:{path}:{action}"'
        return problem(401, "UNAUTHORIZED", **{"WWW-Authenticate": challenge})

    def _token(self, request: Request, scopes: list[str]) -> Response:
        if self.login is None or request.headers.get("Authorization") != _basic(self.login):
            return problem(401, "UNAUTHORIZED")
        good = set()
        for scope in scopes:
            _, path, actions = scope.split(":", 2)
            good |= {f"{path}:{action}" for action in actions.split(",")}
        token = secrets.token_urlsafe(16)
        self.issued[token] = good
        return Response(
            200, json.dumps({"token": token, "expires_in": 300}).encode(), {"Content-Type": "application/json"}
        )

    def _upload(self, request: Request, repository: Repository, path: str, upload: str) -> Response:
        if request.method == "POST":
            return self._start(request, repository, path)
        data = repository.uploads.get(upload)
        if data is None:
            return problem(404, "BLOB_UPLOAD_UNKNOWN")
        where = {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": f"0-{max(len(data) - 1, 0)}"}
        if request.method == "GET":
            return Response(204, b"", where)
        if request.method == "DELETE":
            del repository.uploads[upload]
            return Response(204)
        offset = request.headers.get("Content-Range", f"{len(data)}-").partition("-")[0]
        if offset != str(len(data)):
            return Response(416, b"", where)
        data += request.body
        if request.method == "PATCH":
            return Response(202, b"", where | {"Range": f"0-{max(len(data) - 1, 0)}"})
        answer = _finish(repository, upload, request.query.get("digest", ""), path)
        if answer.status == 201:
            self.kept.set()
        return answer

    def _start(self, request: Request, repository: Repository, path: str) -> Response:
        digest = request.query.get("mount", "")
        source = self.repositories.get(request.query.get("from", ""))
        if self.mounts and source is not None and digest in source.blobs:
            repository.blobs[digest] = source.blobs[digest]
            return Response(201, b"", {"Location": f"/v2/{path}/blobs/{digest}"})
        upload = secrets.token_hex(16)
        repository.uploads[upload] = bytearray()
        return Response(202, b"", {"Location": f"/v2/{path}/blobs/uploads/{upload}", "Range": "0-0"})


def _finish(repository: Repository, upload: str, digest: str, path: str) -> Response:
    data = bytes(repository.uploads.pop(upload))
    if digest_of(data) != digest:
        return problem(400, "DIGEST_INVALID")
    repository.blobs[digest] = data
    return Response(201, b"", {"Location": f"/v2/{path}/blobs/{digest}", "Docker-Content-Digest": digest})


def _blob(request: Request, repository: Repository, digest: str) -> Response:
    data = repository.blobs.get(digest)
    if data is None:
        return problem(404, "BLOB_UNKNOWN")
    headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest}
    asked = re.match(r"bytes=(\d+)-\Z", request.headers.get("Range", ""))
    if asked is None:
        return Response(200, data, headers)
    start = int(asked[1])
    if start >= len(data):
        return Response(416)
    return Response(206, data[start:], headers | {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"})


def _manifest(request: Request, repository: Repository, reference: str) -> Response:
    if request.method == "PUT":
        return _put_manifest(request, repository, reference)
    digest = repository.tags.get(reference, reference)
    if request.method == "DELETE":
        repository.tags = {tag: named for tag, named in repository.tags.items() if named != digest}
        return Response(202 if repository.manifests.pop(digest, None) else 404)
    if digest not in repository.manifests:
        return problem(404, "MANIFEST_UNKNOWN")
    media_type, data = repository.manifests[digest]
    return Response(200, data, {"Content-Type": media_type, "Docker-Content-Digest": digest})


def _put_manifest(request: Request, repository: Repository, reference: str) -> Response:
    digest = digest_of(request.body)
    if ":" in reference and reference != digest:
        return problem(400, "DIGEST_INVALID")
    try:
        document = json.loads(request.body)
        named = [document["config"], *document["layers"]] if "config" in document else []
        children = document.get("manifests", [])
        missing = [one["digest"] for one in named if one["digest"] not in repository.blobs]
        missing += [one["digest"] for one in children if one["digest"] not in repository.manifests]
    except (ValueError, LookupError, TypeError):
        return problem(400, "MANIFEST_INVALID")
    if missing:
        return problem(404, "MANIFEST_BLOB_UNKNOWN")
    repository.manifests[digest] = (request.headers.get("Content-Type", ""), request.body)
    if ":" not in reference:
        repository.tags[reference] = digest
    return Response(201, b"", {"Docker-Content-Digest": digest})


def _basic(login: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(f"{login[0]}:{login[1]}".encode()).decode()


async def _respond(request: Request, response: Response, send: _Send) -> None:
    headers = {"Content-Length": str(len(response.body)), **response.headers}
    if response.status == 204:
        headers.pop("Content-Length")
    encoded = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else response.body})

"""A real git host on loopback for tests: `git http-backend` behind a threaded HTTP server.

::

    with GitServer(tmp_path) as server:
        make_repository(server.root / "demo.git", {"requirements.txt": "numpy\\n"})
        print(server.url("demo.git"))      # http://127.0.0.1:43210/demo.git
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

from lfs_objects import LfsObjects

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-03-01T12:00:00Z",
    "GIT_COMMITTER_DATE": "2024-03-01T12:00:00Z",
}


def git(*arguments: str | Path, cwd: Path, input: str = "") -> str:
    """Run git as Ada, at a fixed time; returns what it printed."""
    argv = ["git", "-c", "protocol.file.allow=always", *map(str, arguments)]
    done = subprocess.run(argv, cwd=cwd, env=GIT_ENVIRONMENT, input=input, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(
    path: Path,
    files: dict[str, str | bytes],
    *,
    branch: str = "main",
    tags: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
    executable: tuple[str, ...] = ("postBuild", "start"),
    submodules: dict[str, str] | None = None,
    modules: str | None = None,
) -> str:
    """
    A bare repository at `path` with one commit of `files`; returns the commit.

    `links` are symbolic links, `submodules` maps folders to commits (`modules` is the text of .gitmodules), `tags`
    become annotated tags. Files named as in `executable` get the executable bit.
    """
    path.mkdir(parents=True, exist_ok=True)
    git("init", "--quiet", "--bare", f"--initial-branch={branch}", cwd=path)
    return add_commit(
        path,
        files,
        branch=branch,
        tags=tags,
        links=links,
        executable=executable,
        submodules=submodules,
        modules=modules,
    )


def add_commit(
    path: Path,
    files: dict[str, str | bytes],
    *,
    branch: str = "main",
    tags: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
    executable: tuple[str, ...] = ("postBuild", "start"),
    submodules: dict[str, str] | None = None,
    modules: str | None = None,
) -> str:
    """One more commit on `branch` of the bare repository at `path`, files added or changed; returns the commit."""
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work)
        git("clone", "--quiet", path.absolute(), ".", cwd=tree)
        git("symbolic-ref", "HEAD", f"refs/heads/{branch}", cwd=tree)
        wanted = files | ({".gitmodules": modules} if modules is not None else {})
        for name, content in wanted.items():
            target = tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
            target.chmod(0o755 if target.name in executable else 0o644)
        for name, to in (links or {}).items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).symlink_to(to)
        git("add", "--all", "--force", cwd=tree)
        for name, commit in (submodules or {}).items():
            git("update-index", "--add", "--cacheinfo", f"160000,{commit},{name}", cwd=tree)
        git("commit", "--quiet", "--allow-empty", "--message=Change", cwd=tree)
        for tag in tags:
            git("tag", "--annotate", "--message=Release", tag, cwd=tree)
        git("push", "--quiet", "--tags", "origin", f"HEAD:refs/heads/{branch}", cwd=tree)
        return git("rev-parse", "HEAD", cwd=tree)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    _CGI: ClassVar[dict[str, str]] = {
        "Content-Type": "CONTENT_TYPE",
        "Content-Encoding": "HTTP_CONTENT_ENCODING",
        "Git-Protocol": "GIT_PROTOCOL",
    }

    def do_GET(self) -> None:
        owner = self.server.owner
        path = urlsplit(self.path).path
        owner.requests.append(f"{self.command} {self.path}")
        if (given := self.headers.get("Authorization")) is not None:
            owner.authorizations.add(given)
            owner.authorized.add(path)
        body = self._body()
        if owner.lfs is not None and (told := owner.lfs.answer(self.command, self.path, self.headers, body)):
            return self._answer(*told)
        for prefix, page in owner.pages.items():
            if path.startswith(prefix):
                return self._answer(200, {"Content-Type": "text/html"}, page)
        for prefix, target in owner.redirects.items():
            if path.startswith(prefix):
                return self._answer(302, {"Location": target + self.path.removeprefix(prefix)})
        for prefix, status in owner.failures.items():
            if path.startswith(prefix):
                return self._answer(status, {})
        if any(path.startswith(f"/{name}") for name in owner.private) and not self._is_allowed():
            return self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
        self._run_git(path, body)

    do_POST = do_GET

    def _is_allowed(self) -> bool:
        import base64

        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        expected = base64.b64encode(f"oauth2:{self.server.owner.token}".encode()).decode()
        return bool(self.server.owner.token) and given == expected

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _run_git(self, path: str, body: bytes) -> None:
        environment = GIT_ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.server.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(path),
            "QUERY_STRING": urlsplit(self.path).query,
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
        }
        environment |= {variable: value for name, variable in self._CGI.items() if (value := self.headers.get(name))}
        if self.server.owner.protocol is not None:
            environment["GIT_PROTOCOL"] = self.server.owner.protocol
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = int(headers.pop("Status", "200 OK" if headers else "500 Error").split()[0])
        self._answer(status, headers, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        for start in range(0, len(content), 65536):
            if start:
                self.server.stopping.wait(self.server.owner.drip)
            self.wfile.write(content[start : start + 65536])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: GitServer
    stopping: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is part of the tests."""


class GitServer:
    """Serves the bare repositories below `root`; `token` opens those named in `private`."""

    def __init__(self, root: Path, *, token: str = "", address: str = "127.0.0.1") -> None:
        self.root = root
        self.token = token
        self.private: set[str] = set()
        self.redirects: dict[str, str] = {}
        """Path prefix to what replaces it, absolute addresses too."""
        self.failures: dict[str, int] = {}
        """Path prefix to the status it is answered with."""
        self.pages: dict[str, bytes] = {}
        """Path prefix to a web page."""
        self.lfs: LfsObjects | None = None
        """What answers for Git LFS; None for a host that has none."""
        self.drip = 0.0
        """Seconds between pieces of 64 KiB, for a host that is slow."""
        self.protocol: str | None = None
        """What clients are taken to ask for instead of git's protocol version 2; ``""`` for the oldest."""
        self.requests: list[str] = []
        """``GET /demo.git/info/refs?…`` for each request."""
        self.authorizations: set[str] = set()
        """Every ``Authorization`` header that came."""
        self.authorized: set[str] = set()
        """The paths of requests that had one."""
        self.address = address
        self._server = _Server((address, 0), _Handler)
        self._server.owner = self
        self._server.stopping = threading.Event()
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def url(self, name: str = "") -> str:
        """The address of the repository `name`."""
        return f"http://{self.address}:{self.port}/{name}".rstrip("/")

    def __enter__(self) -> Self:
        self.root.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

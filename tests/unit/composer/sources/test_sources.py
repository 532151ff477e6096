"""What is to be built, read from a recipe's words; which source the index has for it."""

from __future__ import annotations

import asyncio
import gzip
import io
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement

from hubkiln.composer.sources.index import find_sdist
from hubkiln.composer.sources.interface import (
    Direct,
    applies,
    local_source,
    local_sources,
    read_direct,
    version_files,
)
from hubkiln.composer.steps.room import surroundings, without_credentials
from hubkiln.content.store import Content
from hubkiln.errors import LockFailed, Unreachable
from hubkiln.packages.simple_index import SimpleIndex
from hubkiln.packages.tools import index_address
from hubkiln.recipes import Kind, Recipe
from hubkiln.values import Interpreter
from index_server import Index, serve
from sockets import free_port

PYTHON = Interpreter(version="3.11.2", path=Path("/usr/bin/python3.11"), roots=())


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("kiln @ git+https://host/org/kiln", Direct(url="https://host/org/kiln", ref="HEAD", name="kiln")),
        (
            "Kiln_Tools[b,a] @ git+https://host/kiln.git@v1.0#subdirectory=pkg/x",
            Direct(url="https://host/kiln.git", ref="v1.0", subdirectory="pkg/x", name="kiln-tools", extras=("a", "b")),
        ),
        ("git+http://host:8080/kiln.git@feature/x", Direct(url="http://host:8080/kiln.git", ref="feature/x")),
        (
            "git+https://host/kiln#egg=kiln[fast]&subdirectory=../../etc",
            Direct(url="https://host/kiln", ref="HEAD", subdirectory="etc", name="kiln", extras=("fast",)),
        ),
        (
            'kiln @ git+https://host/kiln ; python_version < "3.9"',
            Direct(url="https://host/kiln", ref="HEAD", name="kiln", marker='python_version < "3.9"'),
        ),
    ],
)
def test_git_requirements_have_parts(line: str, parts: Direct) -> None:
    """Address, ref, folder, name, extras and marker; a folder never leads out of the repository."""
    assert read_direct(line) == parts


def test_markers_decide_what_is_built() -> None:
    """By the Python that the environment has, not ours."""
    assert applies("", PYTHON)
    assert applies('python_version >= "3.11" and sys_platform == "linux"', PYTHON)
    assert not applies('python_version < "3.9"', PYTHON)


@pytest.mark.parametrize(
    ("argument", "inside", "extras"),
    [
        (".", "/srv/repo", ()),
        ("-e .", "/srv/repo", ()),
        ("./pkg", "/srv/repo/pkg", ()),
        ("-e './my pkg''[test, docs]'", "/srv/repo/my pkg", ("docs", "test")),
        ("../../../etc", "/srv/repo/etc", ()),
        ("'file:./my two.zip#subdirectory=../sub''[x]'", "file:///srv/repo/my%20two.zip#subdirectory=sub", ("x",)),
    ],
)
def test_local_packages_lie_in_the_repository(argument: str, inside: str, extras: tuple[str, ...]) -> None:
    """Whatever their argument says."""
    content = Content(key="k", path=Path("/c"), root=Path("/c"))
    source = local_source(argument, content)
    assert (source.argument, source.extras) == (inside, extras)


def test_local_packages_are_built_where_their_marker_holds() -> None:
    """A wheel for another system or Python is left alone."""
    content = Content(key="k", path=Path("/c"), root=Path("/c"))
    arguments = ('./win.whl ; sys_platform == "win32"', './old ; python_version < "3.8"', '-e ./a ; os_name == "posix"')
    assert [source.argument for source in local_sources(arguments, PYTHON, content)] == ["/srv/repo/a"]


def test_a_package_with_a_page_is_built_with_node(tmp_path: Path) -> None:
    """What its own files say counts, not those beside it; a link that leads away says nothing."""
    for name, text in {
        "lab/pyproject.toml": 'requires = ["hatch-jupyter-builder>=0.9"]',
        "old/setup.py": "import jupyter_packaging",
        "plain/pyproject.toml": 'requires = ["hatchling"]',
    }.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    (tmp_path / "linked").symlink_to(tmp_path / "lab")
    content = Content(key="k", path=tmp_path, root=tmp_path)
    found = {name: local_source(f"./{name}", content).node for name in ("lab", "old", "plain", "linked", "nowhere")}
    assert found == {"lab": True, "old": True, "plain": False, "linked": False, "nowhere": False}


def test_a_subfolders_packages_count_from_there() -> None:
    """The folder that was chosen as the root is where paths begin."""
    content = Content(key="k", path=Path("/c"), root=Path("/c/sub"))
    assert local_source("./pkg", content).argument == "/srv/repo/sub/pkg"


@pytest.mark.parametrize(
    ("recipe", "files"),
    [
        (Recipe(kind=Kind.PYTHON, folder=""), set()),
        (
            Recipe(kind=Kind.PYTHON, folder="", local=("./pkg",)),
            {"pyproject.toml", "pkg/pyproject.toml", "pkg/setup.py"},
        ),
        (Recipe(kind=Kind.CONDA, folder="binder", post_build="binder/postBuild"), {"binder/postBuild", "setup.cfg"}),
        (Recipe(kind=Kind.DOCKERFILE, folder="binder"), {"binder/Dockerfile", "pyproject.toml"}),
    ],
)
def test_where_a_version_could_come_from(recipe: Recipe, files: set[str]) -> None:
    """What builds a package in the tree may make its version of history, and so may a script that installs it."""
    found = version_files(recipe)
    assert files <= set(found)
    assert bool(found) is bool(files)


def test_steps_get_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses lose theirs; a proxy that needs them is left out."""
    monkeypatch.setenv("https_proxy", "http://user:secret@proxy:3128")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    found = surroundings()
    assert "https_proxy" not in found
    assert found["http_proxy"] == "http://proxy:3128"
    assert without_credentials("https://u:p@host:8/simple") == "https://host:8/simple"
    assert without_credentials("https://host/simple") == "https://host/simple"


def test_the_admins_index_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting first, then uv's variables, which may carry a name."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    assert index_address(None) == "https://pypi.org/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "ours=https://host/simple?x=1")
    assert index_address(None) == "https://host/simple?x=1"
    assert index_address("https://other/simple") == "https://other/simple"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An index with several sources of one package."""
    for version in ("1.0", "1.5", "2.0rc1"):
        with tarfile.open(tmp_path / f"odd-{version}.tar.gz", "w:gz") as archive:
            archive.addfile(tarfile.TarInfo(f"odd-{version}/x"), io.BytesIO())
    with serve(tmp_path) as running:
        running.uploaded = {"odd-1.0.tar.gz": "2020-01-01T00:00:00Z", "odd-1.5.tar.gz": "2022-01-01T00:00:00Z"}
        yield running


async def test_the_newest_fitting_source_is_taken(index: Index) -> None:
    """A pre-release only where nothing else fits; nothing that was uploaded too late."""

    async def version(line: str, as_of: datetime | None = None) -> str:
        return (await find_sdist(SimpleIndex(index.simple), Requirement(line), PYTHON, as_of)).version

    assert await version("odd") == "1.5"
    assert await version("Odd<1.5") == "1.0"
    assert await version("odd>1.6") == "2.0rc1"
    assert await version("odd", datetime(2021, 1, 1, tzinfo=UTC)) == "1.0"
    with pytest.raises(LockFailed, match="no source of odd==9"):
        await version("odd==9")
    with pytest.raises(LockFailed, match="no package named none"):
        await version("none")


async def test_an_index_that_does_not_answer_is_named() -> None:
    """So that it is tried again instead of taken for an answer."""
    with pytest.raises(Unreachable):
        await find_sdist(SimpleIndex(f"http://127.0.0.1:{free_port()}/simple"), Requirement("odd"), PYTHON)


class _Html(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = (
            b"<html><body>"
            b'<a href="../../f/odd-1.0.tar.gz#sha256=' + b"a" * 64 + b'">odd-1.0.tar.gz</a>'
            b'<a href="/f/odd-3.0.tar.gz" data-requires-python="&gt;=3.13">odd-3.0.tar.gz</a>'
            b'<a href="/f/odd-2.0.tar.gz" data-yanked="broken">odd-2.0.tar.gz</a>'
            b'<a href="/f/odd-1.0-py3-none-any.whl">odd-1.0-py3-none-any.whl</a></body></html>'
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


async def test_the_older_kind_of_page_is_understood() -> None:
    """Links with hashes, versions of Python and withdrawn releases."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Html)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        address = SimpleIndex(f"http://127.0.0.1:{server.server_port}/simple")
        found = await find_sdist(address, Requirement("odd"), PYTHON)
        pinned = await find_sdist(address, Requirement("odd==2.0"), PYTHON)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (found.version, found.sha256) == ("1.0", "a" * 64)
    assert found.url == f"http://127.0.0.1:{server.server_port}/f/odd-1.0.tar.gz"
    assert (pinned.version, pinned.sha256) == ("2.0", None)


class _Lying(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        endless = "endless" in self.path
        kind = "text/html" if "page" in self.path else "application/vnd.pypi.simple.v1+json"
        body = gzip.compress(b" " * (65 << 20), 1) if endless else b'{"files": ' + b"[" * 300_000
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if endless:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("project", ["endless", "endless-page", "nested"])
async def test_an_index_that_answers_without_end_is_refused(project: str) -> None:
    """A small answer may stand for a large one, or for more than can be read: an error of the index, soon."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Lying) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        with pytest.raises(Unreachable):
            await SimpleIndex(f"http://127.0.0.1:{server.server_port}/simple").files(project)
        server.shutdown()


@pytest.mark.parametrize("broken", [1, 2])
async def test_a_connection_that_breaks_is_made_again(broken: int) -> None:
    """Twice; what cannot be reached for longer is somebody's to look at."""
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        if asked > broken:
            body = b'{"files": []}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n" + body)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await SimpleIndex(f"http://127.0.0.1:{port}/simple").files("six") == ()
    assert asked == broken + 1

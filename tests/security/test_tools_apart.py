"""Where we are root, other people's programs outside a sandbox are nobody: git, uv, what solves and compiles."""

from __future__ import annotations

import os
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import ClassVar

import pytest
from conda_channel import File, noarch_python, python, write_channel

from git_server import GitServer, git, make_repository
from hubkiln.confined import HELPER_UID, OUTSIDE_UID
from hubkiln.content import Content, content_tree
from hubkiln.data_dir import DataDir
from hubkiln.errors import HubkilnError
from hubkiln.packages import Packages, PackageSettings
from hubkiln.packages.conda_values import CondaSettings
from hubkiln.packages.interface import CondaRequest, LockRequest
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.sandbox import as_nobody
from hubkiln.values import Interpreter

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's processes are that user's"),
]

WRAPPER = """#!/bin/bash
# A git that something has taken over: it says what it could do, and goes on.
found=""
for path in {secrets}; do cat "$path" >/dev/null 2>&1 && found="$found $path"; done
grep -sq THE-OTHERS-TOKEN /proc/[0-9]*/environ && found="$found token"
(echo > {writable}/taken) 2>/dev/null && found="$found written"
for word in "$@"; do
  case "$word" in init|config|fetch|ls-remote|ls-tree|cat-file|checkout|read-tree|pack-objects) break;; esac
done
caps=$(sed -n 's/^CapEff:\\t//p' /proc/self/status)
exec 9<>/dev/tcp/127.0.0.1/{port} && echo "$word $(id -u) $(id -g) $caps [$found]" >&9 && read <&9; exec 9>&-
exec {git} "$@"
"""


@dataclass
class Told:
    """What a program said of itself, a line for each time it was started."""

    wrapper: Path
    lines: list[str] = field(default_factory=list)

    @property
    def commands(self) -> set[str]:
        """git's own words for what it was to do."""
        return {line.split()[0] for line in self.lines}

    def watch(self, *secrets: Path) -> None:
        """Let it try to read these, too."""
        words = self.wrapper.read_text().replace("for path in ", f"for path in {' '.join(map(str, secrets))} ", 1)
        self.wrapper.write_text(words)


@pytest.fixture
def told(tmp_path: Path, data: DataDir, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A git on our path that tells what it may do."""
    heard = Told(tmp_path / "bin/git")

    class Listener(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            heard.lines.append(self.rfile.readline().decode().strip())
            self.wfile.write(b"\n")  # it goes on when it was heard

    secret, writable = tmp_path / "secret", tmp_path / "writable"
    secret.write_text("secret")
    secret.chmod(0o644)
    writable.mkdir(mode=0o777)
    writable.chmod(0o777)
    (data.root / "hubkiln.sqlite").write_text("the database")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        heard.wrapper.parent.mkdir()
        heard.wrapper.write_text(
            WRAPPER.format(
                secrets=" ".join(map(str, ("/etc/shadow", "/root/.bashrc", "/root/.profile", secret, data.database))),
                writable=writable,
                port=server.server_address[1],
                git=shutil.which("git"),
            )
        )
        heard.wrapper.chmod(0o755)
        monkeypatch.setenv("PATH", f"{heard.wrapper.parent}:{os.environ['PATH']}")
        yield heard
        server.shutdown()


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A data folder that was made with permissions for everybody."""
    (tmp_path / "data").mkdir(mode=0o755)
    return DataDir(tmp_path / "data").make()


def repositories(data: DataDir) -> Repositories:
    """Those of a hub."""
    loopback = (ip_network("127.0.0.0/8"),)
    return Repositories(RepositorySettings(allowed_networks=loopback, own_folders=(data.root,), scratch=data.work))


async def test_git_is_nobody_who_sees_nothing(tmp_path: Path, data: DataDir, told: Told) -> None:
    """Each of its commands: no capability, no file of root's, no database, no folder to write to, no other's token."""
    make_repository(tmp_path / "served/demo.git", {"a.txt": "1"})
    with GitServer(tmp_path / "served") as server, another():
        there = repositories(data)
        revision = await there.resolve(there.parse(server.url("demo.git")))
        checkout = await there.fetch(revision, data.work / "new", lambda text: None)
        dated = await there.committed_at(replace(revision, committed_at=None), checkout.path)
    content = Content(key="k", path=checkout.path, root=checkout.path)
    (tmp_path / "layer").mkdir()
    tree = await content_tree(content, tmp_path / "layer", hidden=(data.root,))
    assert (checkout.path / "a.txt").read_text() == "1" and dated is not None
    assert any(entry.path.endswith(".pack") for entry in tree)
    assert told.commands >= {"ls-remote", "init", "config", "fetch", "ls-tree", "cat-file", "checkout", "pack-objects"}
    assert {line.partition(" ")[2] for line in told.lines} == {f"{OUTSIDE_UID} {OUTSIDE_UID} 0000000000000000 []"}


@pytest.mark.parametrize("mode", [0o755, 0o700])
async def test_packing_sees_no_database(told: Told, mode: int) -> None:
    """Content and work lie in the data folder, which no other folder covers: whoever may enter it, git packs alone."""
    with tempfile.TemporaryDirectory(dir="/srv") as above:
        Path(above).chmod(0o755)
        data = DataDir(Path(above, "data")).make()
        data.root.chmod(mode)
        (data.work / "layer").mkdir()
        for secret in (data.database, data.root / "secret", data.work / "secret"):
            secret.write_text("ours")
            secret.chmod(0o644)
        data.work.chmod(mode)
        make_repository(Path(above, "demo.git"), {"a.txt": "1"})
        git("clone", "-q", "--depth=1", Path(above, "demo.git").as_uri(), str(data.content / "demo"), cwd=Path(above))
        content = Content(key="k", path=data.content / "demo", root=data.content / "demo")
        as_nobody("git")  # has tried once, on nothing of anybody's, whether it can be run so
        told.watch(data.database, data.root / "secret", data.work / "secret")
        tree = await content_tree(content, data.work / "layer", hidden=(data.root,))
    assert any(entry.path.endswith(".pack") for entry in tree)
    assert "pack-objects" in told.commands
    assert {line.partition(" ")[2] for line in told.lines} == {f"{OUTSIDE_UID} {OUTSIDE_UID} 0000000000000000 []"}


async def test_history_is_brought_by_nobody(tmp_path: Path, data: DataDir, told: Told) -> None:
    """Into a repository's own folder alone; the files beside it stay whose they are, and all is root's again."""
    make_repository(tmp_path / "served/demo.git", {"a.txt": "1"}, tags=("v1",))
    with GitServer(tmp_path / "served") as server, another():
        there = repositories(data)
        revision = await there.resolve(there.parse(server.url("demo.git")))
        checkout = await there.fetch(revision, data.work / "new", lambda text: None)
        os.chown(checkout.path / "a.txt", 64100, 64100)
        told.lines.clear()
        assert await there.tags(revision) and await there.history(revision, checkout.path, lambda text: None)
    assert told.commands >= {"ls-remote", "fetch"}
    assert {line.partition(" ")[2] for line in told.lines} == {f"{OUTSIDE_UID} {OUTSIDE_UID} 0000000000000000 []"}
    assert (checkout.path / "a.txt").stat().st_uid == 64100
    assert {path.lstat().st_uid for path in (checkout.path / ".git").rglob("*")} == {0}
    assert git("describe", "--tags", cwd=checkout.path) == "v1"


async def test_what_git_wrote_is_roots_again(tmp_path: Path, data: DataDir) -> None:
    """No later program of nobody's changes it."""
    make_repository(tmp_path / "served/demo.git", {"folder/a.txt": "1"}, links={"link": "/etc"})
    with GitServer(tmp_path / "served") as server:
        there = repositories(data)
        revision = await there.resolve(there.parse(server.url("demo.git")))
        checkout = await there.fetch(revision, data.work / "new", lambda text: None)
    assert {path.lstat().st_uid for path in (checkout.path, *checkout.path.rglob("*"))} == {0}
    assert git("status", "--short", cwd=checkout.path) == ""


@contextmanager
def another() -> Iterator[subprocess.Popen[bytes]]:
    """Another program that is nobody at the same time, and was told a token."""
    words = [*as_nobody("sleep"), "sleep", "60"]
    with subprocess.Popen(words, env={"PATH": os.environ["PATH"], "TOKEN": "THE-OTHERS-TOKEN"}) as process:
        yield process
        process.kill()


def test_what_reads_recipes_does_not_see_a_token(tmp_path: Path) -> None:
    """It has another uid, so nothing of a program that was told one is open to it."""
    with another() as process:
        found: list[int] = []
        while not found:  # it starts
            found = [pid for pid in descendants(process.pid) if status(pid, "Name") == "sleep"]
        (inner,) = found
        for uid, seen in ((HELPER_UID, False), (OUTSIDE_UID, True)):
            words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--", "cat"]
            done = subprocess.run([*words, f"/proc/{inner}/environ"], capture_output=True, check=False)
            assert (b"THE-OTHERS-TOKEN" in done.stdout) == seen


class Watching(BaseHTTPRequestHandler):
    """Answers nothing; looks at each request at which processes of ours there are."""

    seen: ClassVar[set[tuple[str, str]]]

    def do_GET(self) -> None:
        below = [pid for pid in descendants(os.getpid()) if command(pid) != command(os.getpid())]  # of a fork's moment
        looked = ((status(pid, "Name"), status(pid, "Uid")) for pid in below)
        self.seen.update((name, uid) for name, uid in looked if uid)  # else it has just ended
        self.send_error(404)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def watching() -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """An address where nothing is, and the names and uids of whoever asked there."""
    Watching.seen = set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Watching) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", Watching.seen
        server.shutdown()


def descendants(pid: int) -> list[int]:
    """All processes below `pid`."""
    found = [int(word) for word in _children(pid)]
    return found + [below for one in found for below in descendants(one)]


def _children(pid: int) -> list[str]:
    with suppress(OSError):
        return [
            word for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
        ]
    return []


def command(pid: int) -> bytes:
    """Its command line; the parent's until it has become another program."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def status(pid: int, name: str) -> str:
    """A line of a process's status; of its uids the first."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return line.split()[1]
    return ""


HERE = Interpreter(version=".".join(map(str, sys.version_info[:3])), path=Path(sys.executable), roots=())


async def test_uv_is_nobody(data: DataDir, watching: tuple[str, set[tuple[str, str]]]) -> None:
    """While it resolves; what it keeps of the index is nobody's too, and closed to others with the data folder."""
    url, seen = watching
    packages = Packages(data, PackageSettings(index_url=f"{url}/simple"))
    with pytest.raises(HubkilnError):
        await packages.lock(LockRequest(requirements=("nothing",), python=HERE, stack=False), lambda text: None)
    assert {uid for name, uid in seen if name == "uv"} == {str(OUTSIDE_UID)}
    assert (data.cache / "uv").stat().st_uid == OUTSIDE_UID


async def test_conda_specs_are_solved_by_nobody(data: DataDir, watching: tuple[str, set[tuple[str, str]]]) -> None:
    """In a process of its own."""
    url, seen = watching
    packages = Packages(data, conda=CondaSettings(host=url))
    with pytest.raises(HubkilnError):
        await packages.conda.solve(CondaRequest(specs=("numpy",), channels=("here",), python="3.11"), lambda text: None)
    assert {uid for name, uid in seen if name.startswith("python")} == {str(OUTSIDE_UID)}


async def test_a_cache_that_was_roots_is_made_anew(data: DataDir, watching: tuple[str, set[tuple[str, str]]]) -> None:
    """Of an earlier version: what root kept there is not given to nobody."""
    (data.cache / "uv").mkdir()
    (data.cache / "uv/kept").write_text("root's")
    packages = Packages(data, PackageSettings(index_url=f"{watching[0]}/simple"))
    with pytest.raises(HubkilnError):
        await packages.lock(LockRequest(requirements=("nothing",), python=HERE, stack=False), lambda text: None)
    assert not (data.cache / "uv/kept").exists()


async def test_where_nobody_can_be_run_roots_cache_is_kept(
    data: DataDir, watching: tuple[str, set[tuple[str, str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container without SYS_ADMIN: uv is root there, and the next, or one beside it, finds what it has kept."""
    monkeypatch.setenv("HUBKILN_BWRAP", "/bin/false")
    packages = Packages(data, PackageSettings(index_url=f"{watching[0]}/simple"))
    for _ in range(2):
        with pytest.raises(HubkilnError):
            await packages.lock(LockRequest(requirements=("nothing",), python=HERE, stack=False), lambda text: None)
        kept = data.cache / "uv/kept"
        kept.touch()
    assert {uid for name, uid in watching[1] if name == "uv"} == {"0"}


SPOILED = """#!/bin/bash
(echo > {writable}/taken) 2>/dev/null
exec {python} "$@"
"""


async def test_what_compiles_conda_packages_writes_nowhere_else(tmp_path: Path, data: DataDir) -> None:
    """The host is read-only to it."""
    writable = tmp_path / "writable"
    writable.mkdir()
    writable.chmod(0o777)
    spoiled = tmp_path / "bin/python3.11"
    spoiled.parent.mkdir()
    spoiled.write_text(SPOILED.format(writable=writable, python=sys.executable))
    spoiled.chmod(0o755)
    bare = replace(python(), files=(File(path="lib/python3.11/os.py", data=b"sep = '/'\n"),))
    url = write_channel(tmp_path / "channel", bare, noarch_python("demo", "1.0"))
    packages = Packages(data, conda=CondaSettings(allowed_channels=(url,)))
    asked = CondaRequest(specs=("demo",), channels=(url,), python=HERE.minor)
    lock = await packages.conda.solve(asked, lambda text: None)
    compiler = replace(HERE, path=spoiled, roots=(Path(sys.prefix), Path(sys.base_prefix)))
    prefix = await packages.conda.ensure(lock, compiler, lambda text: None)
    assert list(prefix.rglob("*.pyc"))
    assert not (writable / "taken").exists()

"""Files kept in Git LFS, from a server that speaks its batch API, and from servers that mean harm."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, git, make_repository
from hubkiln.content.deliver.home import deliver
from hubkiln.errors import HubkilnError, Refused, Unreachable
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.repositories.git_command import authorization
from hubkiln.repositories.tokens import host_of
from lfs_objects import LfsObjects, pointer

LOOPBACK = RepositorySettings(allowed_networks=(ip_network("127.0.0.1/32"),))
DATA = b"measured, " * 20_000
ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A host with LFS, and a repository with a large file in it."""
    with GitServer(tmp_path / "served") as running:
        running.lfs = LfsObjects(running.url("").rstrip("/"))
        files = {".gitattributes": ATTRIBUTES, "a.txt": "1", "data/a.bin": running.lfs.add(DATA)}
        make_repository(running.root / "demo.git", files)
        yield running


async def fetch(
    server: GitServer, into: Path, settings: RepositorySettings = LOOPBACK, name: str = "demo.git"
) -> list[str]:
    """Fetch into `into`; what was said."""
    said = list[str]()
    repositories = Repositories(settings)
    revision = await repositories.resolve(repositories.parse(server.url(name)))
    await repositories.fetch(revision, into, said.append)
    return said


def lfs(server: GitServer) -> LfsObjects:
    """What the server has of LFS."""
    assert server.lfs is not None
    return server.lfs


async def test_pointers_become_files(server: GitServer, tmp_path: Path) -> None:
    """Each once, wherever it lies, with its mode; what is not given to LFS stays; git sees no change."""
    program, umlaut = lfs(server).add(b"#!/bin/sh\n"), pointer(DATA)
    files = {
        ".gitattributes": ATTRIBUTES,
        "one.bin": umlaut,
        "ä/two three.bin": umlaut,
        "start.bin": program,
        "empty.bin": "",
        "no.bin": "no pointer",
        "explained.txt": umlaut,
    }
    make_repository(server.root / "more.git", files, executable=("start.bin",))
    out = tmp_path / "out"
    said = await fetch(server, out, name="more.git")
    assert (out / "one.bin").read_bytes() == (out / "ä/two three.bin").read_bytes() == DATA
    assert (out / "start.bin").read_bytes() == b"#!/bin/sh\n" and (out / "start.bin").stat().st_mode & 0o111
    assert not (out / "one.bin").stat().st_mode & 0o111
    assert (out / "explained.txt").read_text() == umlaut and (out / "no.bin").read_text() == "no pointer"
    assert "Fetching 3 files kept in Git LFS, 390.6 KiB\n" in said
    assert [len(batch["objects"]) for batch in lfs(server).batches] == [2]
    assert git("status", "--porcelain", cwd=out) == ""
    assert {path.name for path in tmp_path.iterdir()} == {"served", "out"}, "nothing unfinished is left"


async def test_a_home_gets_the_files_too(server: GitServer, tmp_path: Path) -> None:
    """Not the pointers that git has; an update brings the new ones, and keeps what the user changed."""
    await fetch(server, tmp_path / "first")
    home = tmp_path / "home"
    home.mkdir()
    deliver(tmp_path / "first", home, "demo")
    assert (home / "demo/data/a.bin").read_bytes() == DATA
    (home / "demo/mine.bin").write_bytes(b"mine")
    newer = {".gitattributes": ATTRIBUTES, "a.txt": "2", "data/a.bin": lfs(server).add(DATA * 2)}
    add_commit(server.root / "demo.git", newer)
    await fetch(server, tmp_path / "second")
    report = deliver(tmp_path / "second", home, "demo")
    assert report.outcome == "updated" and not report.yours, vars(report)
    assert (home / "demo/data/a.bin").read_bytes() == DATA * 2 and (home / "demo/mine.bin").read_bytes() == b"mine"


async def test_a_private_repository_is_opened_by_its_hosts_token(server: GitServer, tmp_path: Path) -> None:
    """The token goes to the host it is for; the store gets what the host says, and no token of ours."""
    server.token, server.private = "secret", {"demo.git"}
    with GitServer(tmp_path / "store", address="127.0.0.2") as store:
        lfs(server).store, lfs(server).login, lfs(server).key = (
            store.url("").rstrip("/"),
            authorization("127.0.0.1", "secret"),
            "Key 1",
        )
        store.lfs = lfs(server)
        settings = replace(
            LOOPBACK, allowed_networks=(ip_network("127.0.0.0/8"),), tokens={host_of(server.url()): "secret"}
        )
        await fetch(server, tmp_path / "out", settings)
        assert store.authorizations == {"Key 1"}
    assert (tmp_path / "out/data/a.bin").read_bytes() == DATA


async def test_a_server_that_the_repository_names_at_another_port_is_not_told_the_token(
    server: GitServer, tmp_path: Path
) -> None:
    """Whoever writes ``.lfsconfig`` could listen there."""
    settings = replace(LOOPBACK, tokens={host_of(server.url()): "secret"})
    with GitServer(tmp_path / "other") as other:
        other.lfs = lfs(server)
        files = {".gitattributes": ATTRIBUTES, "a.bin": pointer(DATA)}
        config = f"[lfs]\n\turl = {other.url('info/lfs')}\n"
        make_repository(server.root / "named.git", files | {".lfsconfig": config})
        await fetch(server, tmp_path / "out", settings, name="named.git")
        assert "POST /info/lfs/objects/batch" in other.requests and other.authorizations == set()


async def test_the_repository_may_name_its_server(server: GitServer, tmp_path: Path) -> None:
    """``lfs.url`` of its ``.lfsconfig``; one of another kind, or with a login in it, is refused."""
    named = server.url("elsewhere/info/lfs")
    files = {".gitattributes": ATTRIBUTES, "a.bin": pointer(DATA)}
    make_repository(server.root / "named.git", files | {".lfsconfig": f"[lfs]\n\turl = {named}\n"})
    await fetch(server, tmp_path / "out", name="named.git")
    assert (tmp_path / "out/a.bin").read_bytes() == DATA
    assert "POST /elsewhere/info/lfs/objects/batch" in server.requests
    for number, bad in enumerate(("file:///etc", "http://me:pw@127.0.0.1/x", "ext::sh -c id")):
        make_repository(server.root / f"{number}.git", files | {".lfsconfig": f"[lfs]\n\turl = {bad}\n"})
        with pytest.raises(Refused, match="lfsconfig"):
            await fetch(server, tmp_path / "no", name=f"{number}.git")


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "over its data quota"), (403, "over its data quota"), (401, "quota"), (None, "does not answer as a")],
)
async def test_without_lfs_the_pointers_stay(server: GitServer, tmp_path: Path, status: int | None, words: str) -> None:
    """One sentence says so, with the server's own words; the rest of the repository is there."""
    if status is None:
        server.lfs = None
    else:
        lfs(server).status = status
    said = "".join(await fetch(server, tmp_path / "out"))
    assert (tmp_path / "out/data/a.bin").read_text() == pointer(DATA) and (tmp_path / "out/a.txt").exists()
    assert said.count("left as pointers") == 1
    assert words in said or status == 401, said


@pytest.mark.parametrize(
    "said",
    ["fetchexclude = big.bin, /old/**", "fetchinclude = data\n\tfetchexclude = big.bin", "fetchinclude = data/a*"],
)
async def test_what_lfsconfig_leaves_is_left(server: GitServer, tmp_path: Path, said: str) -> None:
    """As git-lfs reads its patterns: like those of `.gitignore`."""
    kept = pointer(b"kept")
    files = {".gitattributes": ATTRIBUTES, "data/a.bin": lfs(server).add(DATA), "data/big.bin": kept, "old/o.bin": kept}
    make_repository(server.root / "some.git", files | {".lfsconfig": f"[lfs]\n\t{said}\n"})
    out = tmp_path / "out"
    told = await fetch(server, out, name="some.git")
    assert (out / "data/a.bin").read_bytes() == DATA
    assert (out / "data/big.bin").read_text() == (out / "old/o.bin").read_text() == kept
    assert "As .lfsconfig says, 2 files kept in Git LFS stay there.\n" in told


async def test_what_the_server_lost_stays_a_pointer(server: GitServer, tmp_path: Path) -> None:
    """It is named; the others come."""
    lost = pointer(b"lost")
    make_repository(server.root / "lost.git", {".gitattributes": ATTRIBUTES, "a.bin": lost, "b.bin": pointer(DATA)})
    said = "".join(await fetch(server, tmp_path / "out", name="lost.git"))
    assert (tmp_path / "out/a.bin").read_text() == lost and (tmp_path / "out/b.bin").read_bytes() == DATA
    assert f"Git LFS has no {hashlib.sha256(b'lost').hexdigest()[:12]}" in said and "Object does not exist" in said


async def test_beyond_the_bound_nothing_is_fetched(server: GitServer, tmp_path: Path) -> None:
    """LFS's own, or what is left of the repository's: the log says how much there would be; nobody is asked."""
    for number, settings in enumerate((replace(LOOPBACK, lfs_bytes=1000), replace(LOOPBACK, max_bytes=150_000))):
        said = "".join(await fetch(server, tmp_path / f"out{number}", settings))
        assert "1 file, 195.3 KiB, more than" in said and "left as pointers" in said
        assert (tmp_path / f"out{number}/data/a.bin").read_text() == pointer(DATA)
    assert lfs(server).batches == []


async def test_a_server_that_is_out_of_order_is_no_answer(server: GitServer, tmp_path: Path) -> None:
    """Pointers would stay for good, so the fetch fails and may be tried again."""
    lfs(server).status = 503
    with pytest.raises(Unreachable, match="answers 503"):
        await fetch(server, tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_lfs_over_ssh_alone_is_told(server: GitServer, tmp_path: Path) -> None:
    """HTTPS is asked at the same host; where nothing answers there, it is said why it was asked, and what to do."""
    config = "[lfs]\n\turl = ssh://127.0.0.1/lfs/demo.git\n"
    files = {".gitattributes": ATTRIBUTES, "a.bin": pointer(DATA), ".lfsconfig": config}
    make_repository(server.root / "ssh.git", files)
    with pytest.raises(Unreachable, match="over which LFS is not spoken here") as failed:
        await fetch(server, tmp_path / "out", name="ssh.git")
    assert "refuses the connection" in failed.value.message and "lfs.fetchexclude" in failed.value.hint


@pytest.mark.parametrize(
    ("harm", "error"),
    [
        ("wrong bytes", Unreachable),
        ("too many bytes", HubkilnError),
        ("too few bytes", Unreachable),
        ("a file here", Refused),
        ("an address inside", Refused),
        ("a login in the address", Refused),
        ("a redirect inside", Refused),
        ("a redirect to a file", Refused),
    ],
)
async def test_a_hostile_server_is_refused(
    server: GitServer, tmp_path: Path, harm: str, error: type[HubkilnError]
) -> None:
    """Nothing inside is asked, nothing else than what the pointer says is kept, and no checkout is left."""
    oid, objects = hashlib.sha256(DATA).hexdigest(), lfs(server)
    with GitServer(tmp_path / "inside", address="127.0.0.2") as inside:
        objects.served = {
            "wrong bytes": {oid: DATA[::-1]},
            "too many bytes": {oid: DATA * 50},
            "too few bytes": {oid: DATA[1:]},
        }.get(harm, {})
        href = {
            "a file here": "file:///etc/passwd",
            "an address inside": inside.url("x"),
            "a login in the address": "http://me:pw@127.0.0.1/x",
        }.get(harm)
        objects.actions = {"href": href} if href else {}
        objects.redirect = {
            "a redirect inside": "http://169.254.169.254/latest",
            "a redirect to a file": "file:///etc/passwd",
        }.get(harm, "")
        with pytest.raises(error):
            await fetch(server, tmp_path / "out")
        assert inside.requests == []
    assert {path.name for path in tmp_path.iterdir()} <= {"served", "inside"}

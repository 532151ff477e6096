"""Repositories and hosts that mean harm, and sizes beyond what is allowed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, git, make_repository
from hubkiln.egress import Guard
from hubkiln.errors import AccessDenied, Refused, RepositoryNotFound, TooLarge, UserError
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.repositories.git_command import authorization
from hubkiln.repositories.tokens import host_of

LOOPBACK = RepositorySettings(allowed_networks=(ip_network("127.0.0.1/32"),))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        make_repository(running.root / "demo.git", {"a.txt": "1"})
        yield running


async def fetch(
    url: str,
    into: Path,
    *,
    settings: RepositorySettings = LOOPBACK,
    guard: Guard | None = None,
    said: list[str] | None = None,
) -> Path:
    repositories = Repositories(settings, guard=guard)
    revision = await repositories.resolve(repositories.parse(url))
    return (await repositories.fetch(revision, into, (said if said is not None else []).append)).path


async def test_loopback_is_refused_before_it_is_asked(server: GitServer, tmp_path: Path) -> None:
    """Without the admin's leave nothing inside the network gets even a request."""
    with pytest.raises(Refused, match="inside this network"):
        await fetch(server.url("demo.git"), tmp_path / "out", settings=RepositorySettings())
    assert server.requests == []


async def test_a_redirect_inside_is_refused(server: GitServer, tmp_path: Path) -> None:
    """A public host cannot lead us to an address inside: every hop is checked."""
    with GitServer(tmp_path / "inside", address="127.0.0.2") as inside:
        make_repository(inside.root / "demo.git", {"secret.txt": "1"})
        server.redirects["/demo.git"] = inside.url("demo.git")
        with pytest.raises(Refused):
            await fetch(server.url("demo.git"), tmp_path / "out")
        assert inside.requests == []


async def test_a_redirect_that_is_allowed_is_followed(server: GitServer, tmp_path: Path) -> None:
    """A repository that moved is fetched from its new place; origin stays as typed."""
    server.redirects["/old.git"] = "/demo.git"
    path = await fetch(server.url("old.git"), tmp_path / "out")
    assert git("remote", "get-url", "origin", cwd=path) == server.url("old.git")


async def test_redirects_in_a_circle_end(server: GitServer, tmp_path: Path) -> None:
    """A host that redirects to itself for ever is given up."""
    server.redirects["/loop.git"] = "/loop.git"
    with pytest.raises(Exception, match="circles"):
        await fetch(server.url("loop.git"), tmp_path / "out")


async def test_a_redirect_to_a_login_page_means_private(server: GitServer, tmp_path: Path) -> None:
    """A host that answers with another page has no such public repository."""
    server.redirects["/demo.git/info/refs"] = "/login?"
    with pytest.raises(RepositoryNotFound, match="private"):
        await fetch(server.url("demo.git"), tmp_path / "out")


async def test_git_connects_to_the_address_that_was_checked(server: GitServer, tmp_path: Path) -> None:
    """The name is looked up by us alone: git and the probe both use our answer, so it cannot change in between."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"] if host == "code.example" else []

    guard = Guard(LOOPBACK.allowed_networks, lookup=lookup)
    path = await fetch(f"http://code.example:{server.port}/demo.git", tmp_path / "out", guard=guard)
    assert (path / "a.txt").exists()


async def test_private_repositories_need_a_token(server: GitServer, tmp_path: Path) -> None:
    """Without one the error says so; with one the files come, and the token is nowhere to be found in them."""
    server.private.add("demo.git")
    server.token = "t0ken-of-the-admin"
    with pytest.raises(AccessDenied, match="does not exist or is private"):
        await fetch(server.url("demo.git"), tmp_path / "out")
    said: list[str] = []
    settings = replace(LOOPBACK, tokens={host_of(server.url()): server.token})
    path = await fetch(server.url("demo.git"), tmp_path / "out", settings=settings, said=said)
    assert server.token not in "".join(said)
    assert all(server.token.encode() not in file.read_bytes() for file in path.rglob("*") if file.is_file())


async def test_a_token_is_not_sent_to_where_a_redirect_leads(server: GitServer, tmp_path: Path) -> None:
    """The other host gets no authorization."""
    settings = RepositorySettings(
        allowed_networks=(ip_network("127.0.0.0/8"),), tokens={host_of(server.url()): "t0ken"}
    )
    with GitServer(tmp_path / "other", address="127.0.0.2") as other:
        make_repository(other.root / "demo.git", {"a": ""})
        server.redirects["/demo.git"] = other.url("demo.git")
        await fetch(server.url("demo.git"), tmp_path / "out", settings=settings)
        assert other.authorizations == set()


async def test_a_token_is_not_sent_to_another_port_of_its_host(server: GitServer, tmp_path: Path) -> None:
    """Somebody else may listen there: neither an address of it, nor a redirect or a submodule, is told the token."""
    settings = replace(LOOPBACK, tokens={host_of(server.url()): "t0ken"})
    with GitServer(tmp_path / "other") as other:
        commit = make_repository(other.root / "demo.git", {"a": ""})
        await fetch(other.url("demo.git"), tmp_path / "direct", settings=settings)
        server.redirects["/moved.git"] = other.url("demo.git")
        await fetch(server.url("moved.git"), tmp_path / "moved", settings=settings)
        modules = f'[submodule "x"]\n\tpath = x\n\turl = "{other.url("demo.git")}"\n'
        make_repository(server.root / "super.git", {"a": ""}, submodules={"x": commit}, modules=modules)
        await fetch(server.url("super.git"), tmp_path / "super", settings=settings)
        assert other.requests and other.authorizations == set()
        assert server.authorizations  # it was sent where it belongs


async def test_a_repository_that_was_given_away_brings_what_is_its_new_owners(
    server: GitServer, tmp_path: Path
) -> None:
    """
    Its old address leads there; what lies in it is somebody else's to change, and opens nothing of the old owner.

    Nor does what is somebody else's where it is a submodule of the owner's.
    """
    server.token = "t0ken-of-a-user"
    inner = make_repository(server.root / "org/inner.git", {"a": ""})
    modules = '[submodule "x"]\n\tpath = x\n\turl = {}\n'
    for name, address in (("given", "../inner.git"), ("kept", server.url("org/inner.git"))):
        text = modules.format(address)
        make_repository(server.root / f"new/{name}.git", {"a": ""}, submodules={"x": inner}, modules=text)
        server.redirects[f"/org/{name}.git"] = server.url(f"new/{name}.git")
    server.private |= {"org/inner.git", "new/given.git", "new/kept.git"}
    settings = replace(LOOPBACK, own_tokens={host_of(server.url()): server.token})
    lib = make_repository(
        server.root / "new/lib.git", {"a": ""}, submodules={"x": inner}, modules=modules.format("../../org/inner.git")
    )
    text = modules.format("../../new/lib.git")
    make_repository(server.root / "org/user.git", {"a": ""}, submodules={"x": lib}, modules=text)
    for name in ("given", "kept", "user"):
        with pytest.raises(AccessDenied, match="submodule `x`"):
            await fetch(server.url(f"org/{name}.git"), tmp_path / name, settings=settings)
    assert not [path for path in server.authorized if "inner" in path]


async def test_an_address_runs_nothing_where_its_host_has_a_token(server: GitServer, tmp_path: Path) -> None:
    """Whoever stores a token for a host of their own chooses what follows it: the host sees that token and no other."""
    name, server.token = "x/.helper=!echo${IFS}username=thief;echo${IFS}password=told;:${x+", "t0ken"
    make_repository(server.root / name, {"a.txt": "1"})
    server.private.add("x/")
    settings = replace(LOOPBACK, tokens={host_of(server.url()): "t0ken"})
    path = await fetch(server.url(name), tmp_path / "out", settings=settings)
    assert (path / "a.txt").read_text() == "1"
    assert server.authorizations == {authorization("127.0.0.1", "t0ken")}


async def test_a_submodule_cannot_lead_inside(server: GitServer, tmp_path: Path) -> None:
    """Addresses in .gitmodules are checked like any other."""
    for address in ("http://127.0.0.3:1/x.git", "/etc", "file:///etc", "ext::sh -c id", "--upload-pack=id"):
        modules = f'[submodule "x"]\n\tpath = x\n\turl = "{address}"\n'
        name = f"sub{abs(hash(address))}.git"
        make_repository(server.root / name, {"a": ""}, submodules={"x": "a" * 40}, modules=modules)
        with pytest.raises(UserError, match="submodule `x`"):
            await fetch(server.url(name), tmp_path / "out")


async def test_links_out_of_the_checkout_are_said(server: GitServer, tmp_path: Path) -> None:
    """A link that leaves the repository is kept and reported, also when it goes by way of another link."""
    said: list[str] = []
    links = {"passwd": "/etc/passwd", "sub/here": ".", "sneaky": "sub/here/../..", "fine": "a.txt"}
    make_repository(server.root / "links.git", {"a.txt": "1"}, links=links)
    await fetch(server.url("links.git"), tmp_path / "out", said=said)
    named = [text for text in said if "points outside" in text]
    assert len(named) == 2 and "passwd" in named[0] and "sneaky" in named[1]


async def test_a_repository_beyond_the_limit_is_not_written(server: GitServer, tmp_path: Path) -> None:
    """Files that would be too much are counted before they are written."""
    make_repository(server.root / "big.git", {"zeros": bytes(3_000_000)})
    with pytest.raises(TooLarge, match=r"larger than the 1 MiB"):
        await fetch(server.url("big.git"), tmp_path / "out", settings=replace(LOOPBACK, max_bytes=1024**2))
    assert not (tmp_path / "out").exists()


async def test_a_bomb_of_nested_trees_is_counted_and_refused(server: GitServer, tmp_path: Path) -> None:
    """A few small objects that stand for billions of files end at the limit of files, soon."""
    path = server.root / "demo.git"
    tree = git("rev-parse", "HEAD^{tree}", cwd=path)
    for _ in range(12):
        (tmp_path / "tree").write_text("".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
        tree = git("mktree", cwd=path, input=(tmp_path / "tree").read_text())
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "bomb", tree, cwd=path), cwd=path)
    with pytest.raises(TooLarge, match="files"):
        await fetch(server.url("demo.git"), tmp_path / "out", settings=replace(LOOPBACK, max_files=20_000))


@pytest.mark.parametrize("leaf", ["a file", "nothing"])
async def test_a_bomb_is_refused_with_the_usual_limits_too(server: GitServer, tmp_path: Path, leaf: str) -> None:
    """Half a million files are counted in seconds, and billions of empty folders count as well."""
    path = server.root / "demo.git"
    tree = git("rev-parse", "HEAD^{tree}", cwd=path) if leaf == "a file" else git("mktree", cwd=path, input="")
    for _ in range(12):
        tree = git("mktree", cwd=path, input="".join(f"040000 tree {tree}\td{n}\n" for n in range(10)))
    git("update-ref", "refs/heads/main", git("commit-tree", "-m", "bomb", tree, cwd=path), cwd=path)
    with pytest.raises(TooLarge):
        async with asyncio.timeout(200):
            await fetch(server.url("demo.git"), tmp_path / "out")


async def test_a_download_that_grows_too_large_is_stopped(server: GitServer, tmp_path: Path) -> None:
    """What arrives is measured while it arrives."""
    make_repository(server.root / "noise.git", {"noise": os.urandom(2_000_000)})
    server.drip = 0.05
    with pytest.raises(TooLarge):
        await fetch(server.url("noise.git"), tmp_path / "out", settings=replace(LOOPBACK, max_bytes=200_000))
    assert not (tmp_path / "out").exists()


async def test_a_host_that_stalls_ends_with_the_time_allowed(server: GitServer, tmp_path: Path) -> None:
    """A fetch that takes too long is stopped and leaves nothing."""
    make_repository(server.root / "noise.git", {"noise": os.urandom(2_000_000)})
    server.drip = 0.5
    with pytest.raises(TooLarge, match="longer than"):
        await fetch(server.url("noise.git"), tmp_path / "out", settings=replace(LOOPBACK, seconds=1))
    assert not (tmp_path / "out").exists()


async def test_a_cancelled_fetch_leaves_nothing(server: GitServer, tmp_path: Path) -> None:
    """When whoever asked goes away, git is stopped and the folder is gone."""
    make_repository(server.root / "noise.git", {"noise": os.urandom(2_000_000)})
    server.drip = 0.5
    task = asyncio.create_task(fetch(server.url("noise.git"), tmp_path / "out"))
    while not (tmp_path / "out").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.01)  # a file system sends no events
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "out").exists()


async def test_nothing_of_a_repository_runs(server: GitServer, tmp_path: Path) -> None:
    """Hooks, filters and update commands that a repository brings are files, not programs."""
    mark = tmp_path / "ran"
    files = {
        ".gitattributes": "* filter=evil diff=evil\n",
        ".gitconfig": f'[filter "evil"]\n\tsmudge = touch {mark}\n',
        ".githooks/post-checkout": f"#!/bin/sh\ntouch {mark}\n",
        "setup.py": f"open({str(mark)!r}, 'w')\n",
    }
    modules = f'[submodule "x"]\n\tpath = x\n\turl = ../demo.git\n\tupdate = !touch {mark}\n'
    commit = git("rev-parse", "HEAD", cwd=server.root / "demo.git")
    make_repository(server.root / "evil.git", files, submodules={"x": commit}, modules=modules)
    await fetch(server.url("evil.git"), tmp_path / "out")
    assert not mark.exists()

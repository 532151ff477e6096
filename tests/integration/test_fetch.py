"""Repositories fetched from a real git host over HTTP, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, git, make_repository
from hubkiln.errors import RefNotFound, RepositoryNotFound, Unreachable
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.values import Checkout
from sockets import free_port

LOOPBACK = RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served") as running:
        yield running


async def fetch(
    url: str,
    into: Path,
    *,
    ref: str | None = None,
    settings: RepositorySettings = LOOPBACK,
    said: list[str] | None = None,
) -> Checkout:
    repositories = Repositories(settings)
    revision = await repositories.resolve(repositories.parse(url, ref))
    return await repositories.fetch(revision, into, (said if said is not None else []).append)


async def test_a_checkout_is_ready_to_pull_from(server: GitServer, tmp_path: Path) -> None:
    """It stands on its branch, follows the public address, is shallow, and knows when its commit was made."""
    commit = make_repository(server.root / "demo.git", {"a.txt": "1"})
    add_commit(server.root / "demo.git", {"a.txt": "2"})
    checkout = await fetch(server.url("demo.git"), tmp_path / "out")
    assert git("status", "--short", "--branch", cwd=checkout.path) == "## main...origin/main"
    assert git("remote", "get-url", "origin", cwd=checkout.path) == server.url("demo.git")
    assert commit not in git("log", "--format=%H", cwd=checkout.path)
    assert checkout.revision.committed_at == datetime(2024, 3, 1, 12, tzinfo=UTC)
    add_commit(server.root / "demo.git", {"a.txt": "3"})
    git("pull", "--quiet", cwd=checkout.path)
    assert (checkout.path / "a.txt").read_text() == "3"


async def test_an_annotated_tag_is_checked_out(server: GitServer, tmp_path: Path) -> None:
    """A tag gives its commit, on no branch."""
    commit = make_repository(server.root / "demo.git", {"a.txt": "1"}, tags=("v1",))
    checkout = await fetch(server.url("demo.git"), tmp_path / "out", ref="v1")
    assert checkout.revision.commit == commit == git("rev-parse", "HEAD", cwd=checkout.path)


async def test_a_branch_with_slashes_from_a_page(server: GitServer, tmp_path: Path) -> None:
    """`tree/feature/x/docs` is the folder `docs` of the branch `feature/x`, which only the host knows."""
    make_repository(server.root / "org/demo.git", {"a.txt": "1"})
    add_commit(server.root / "org/demo.git", {"docs/b.txt": "2"}, branch="feature/x")
    settings = RepositorySettings(allowed_networks=LOOPBACK.allowed_networks, gitlab=server.url())
    checkout = await fetch(f"{server.url()}/org/demo/-/tree/feature/x/docs", tmp_path / "out", settings=settings)
    assert (checkout.revision.spec.ref, checkout.revision.spec.subdir) == ("feature/x", "docs")
    assert (checkout.path / "docs/b.txt").exists()


@pytest.mark.parametrize("prefix", ["", "origin/"])
async def test_a_commit_is_known_by_its_first_characters(server: GitServer, tmp_path: Path, prefix: str) -> None:
    """The tip of a branch as well as what lies deep in the history; no file of the history is fetched."""
    old = make_repository(server.root / "demo.git", {"a.txt": "1"})
    new = add_commit(server.root / "demo.git", {"a.txt": "2"}, tags=("v1",))
    for number, commit in enumerate((old, new)):
        checkout = await fetch(server.url("demo.git"), tmp_path / f"out{number}", ref=prefix + commit[:8])
        assert checkout.revision.commit == commit == git("rev-parse", "HEAD", cwd=checkout.path)


async def test_too_few_characters_and_none_such(server: GitServer, tmp_path: Path) -> None:
    """What no commit begins with is a ref that is not there; a branch of such a name goes first."""
    commit = make_repository(server.root / "demo.git", {"a.txt": "1"})
    with pytest.raises(RefNotFound, match=r"no branch or tag named `0000000`"):
        await fetch(server.url("demo.git"), tmp_path / "out", ref="0000000")
    add_commit(server.root / "demo.git", {"a.txt": "2"}, branch=commit[:7])
    checkout = await fetch(server.url("demo.git"), tmp_path / "out", ref=commit[:7])
    assert (checkout.path / "a.txt").read_text() == "2"


async def test_a_commit_of_a_host_that_refuses_bare_commits(server: GitServer, tmp_path: Path) -> None:
    """Where only tips can be asked for, an older commit is still found in the history."""
    old = make_repository(server.root / "demo.git", {"a.txt": "1"})
    add_commit(server.root / "demo.git", {"a.txt": "2"})
    server.protocol = ""
    checkout = await fetch(server.url("demo.git"), tmp_path / "out", ref=old)
    assert (checkout.path / "a.txt").read_text() == "1"


async def test_submodules_come_along(server: GitServer, tmp_path: Path) -> None:
    """A submodule with a relative address, holding another, is fetched at the commit that is recorded."""
    leaf = make_repository(server.root / "leaf.git", {"leaf.txt": "old"})
    add_commit(server.root / "leaf.git", {"leaf.txt": "new"})
    modules = '[submodule "leaf"]\n\tpath = deep/leaf\n\turl = ../leaf.git\n'
    middle = make_repository(server.root / "middle.git", {"m": ""}, submodules={"deep/leaf": leaf}, modules=modules)
    modules = f'[submodule "m"]\n\tpath = m\n\turl = {server.url("middle.git")}\n'
    make_repository(server.root / "top.git", {"t": ""}, submodules={"m": middle}, modules=modules)
    checkout = await fetch(server.url("top.git"), tmp_path / "out")
    assert (checkout.path / "m/deep/leaf/leaf.txt").read_text() == "old"
    assert git("status", "--short", cwd=checkout.path) == ""


async def test_a_submodule_without_an_address_stays_empty(server: GitServer, tmp_path: Path) -> None:
    """A folder that was committed as a submodule by mistake is no reason to fail."""
    said: list[str] = []
    make_repository(server.root / "demo.git", {"a": ""}, submodules={"stray": "a" * 40})
    checkout = await fetch(server.url("demo.git"), tmp_path / "out", said=said)
    assert list((checkout.path / "stray").iterdir()) == []
    assert any("stray has no address" in text for text in said)


async def test_a_missing_submodule_is_named(server: GitServer, tmp_path: Path) -> None:
    """When a submodule cannot be had the fetch fails, says which, and leaves nothing."""
    modules = '[submodule "gone"]\n\tpath = gone\n\turl = ../gone.git\n'
    make_repository(server.root / "demo.git", {"a": ""}, submodules={"gone": "a" * 40}, modules=modules)
    with pytest.raises(RepositoryNotFound, match="submodule `gone`"):
        await fetch(server.url("demo.git"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


async def test_an_empty_repository_says_so(server: GitServer, tmp_path: Path) -> None:
    """A repository without commits is told apart from one that is missing."""
    (server.root / "empty.git").mkdir()
    git("init", "--quiet", "--bare", cwd=server.root / "empty.git")
    with pytest.raises(RefNotFound, match="is empty"):
        await fetch(server.url("empty.git"), tmp_path / "out")


async def test_a_default_branch_that_is_gone_names_others(server: GitServer, tmp_path: Path) -> None:
    """Where HEAD points at nothing, the branches that exist are offered."""
    make_repository(server.root / "demo.git", {"a": ""}, branch="develop")
    git("symbolic-ref", "HEAD", "refs/heads/gone", cwd=server.root / "demo.git")
    with pytest.raises(RefNotFound, match="default branch") as caught:
        await fetch(server.url("demo.git"), tmp_path / "out")
    assert "develop" in caught.value.hint


async def test_a_commit_that_does_not_exist_is_missed(server: GitServer, tmp_path: Path) -> None:
    """A well-formed commit that the repository does not have is found out when it is fetched."""
    make_repository(server.root / "demo.git", {"a": ""})
    with pytest.raises(RefNotFound, match="no commit 0123"):
        await fetch(server.url("demo.git"), tmp_path / "out", ref="0123456789" * 4)
    assert not (tmp_path / "out").exists()


async def test_a_web_page_is_not_a_repository(server: GitServer, tmp_path: Path) -> None:
    """An address that answers, but not as git, is not a repository."""
    server.pages["/page"] = b"<html>"
    with pytest.raises(RepositoryNotFound, match="not a git repository"):
        await fetch(server.url("page"), tmp_path / "out")


async def test_a_closed_port_is_a_refused_connection(tmp_path: Path) -> None:
    """Nothing listening there is told apart from a missing repository; trying again may help."""
    url = f"http://127.0.0.1:{free_port()}/demo.git"
    with pytest.raises(Unreachable, match="refuses the connection"):
        await fetch(url, tmp_path / "out")


@pytest.mark.parametrize("url", ["https://no-such-host.invalid/r.git", "ssh://git@no-such-host.invalid/r.git"])
async def test_an_unknown_host_is_named(url: str, tmp_path: Path) -> None:
    """A host that does not exist is named, not the repository."""
    with pytest.raises((RepositoryNotFound, Unreachable), match=r"no-such-host\.invalid"):
        await fetch(url, tmp_path / "out")


async def test_plain_http_where_tls_is_expected(server: GitServer, tmp_path: Path) -> None:
    """`https://` to a host that has no TLS says what is wrong."""
    with pytest.raises(Unreachable, match="TLS"):
        await fetch(server.url("demo.git").replace("http://", "https://"), tmp_path / "out")


async def test_an_error_of_the_host_may_pass(server: GitServer, tmp_path: Path) -> None:
    """A host that answers 503 or 429 is unreachable for now; the repository may well exist."""
    server.failures |= {"/broken": 503, "/busy": 429}
    for name in ("broken", "busy"):
        with pytest.raises(Unreachable):
            await fetch(server.url(name), tmp_path / "out")


async def test_ssh_to_nothing_does_not_ask(tmp_path: Path) -> None:
    """ssh never prompts; a port where nothing listens fails at once."""
    with pytest.raises(Unreachable, match="refuses the connection"):
        await fetch(f"ssh://git@127.0.0.1:{free_port()}/r.git", tmp_path / "out")

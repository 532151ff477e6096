"""Git hosts with web interfaces: real git over HTTP, and answers in the form that their interfaces are described in."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from answers import Answer, Answers
from git_server import GitServer, add_commit, make_repository
from hubkiln.errors import RefNotFound
from hubkiln.repositories import Repositories, RepositorySettings, Source

KINDS = {
    # https://docs.github.com/rest/commits/commits#get-a-commit (of a GitHub Enterprise)
    "github": ("/api/v3/repos/lab/waves/commits/{ref}", "sha"),
    # https://docs.gitlab.com/api/commits/#get-a-single-commit
    "gitlab": ("/api/v4/projects/lab%2Fwaves/repository/commits/{ref}", "id"),
    # `repoGetSingleCommit` of https://docs.gitea.com/api
    "gitea": ("/api/v1/repos/lab/waves/git/commits/{ref}", "sha"),
    # https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/
    "bitbucket": ("/2.0/repositories/lab/waves/commit/{ref}", "hash"),
}


class Forge:
    """Git under one port and a web interface under the same: what the second cannot answer goes to the first."""

    def __init__(self, git: GitServer, api: Answers) -> None:
        self.git, self.api = git, api
        git.redirects |= {prefix: f"{api.url}{prefix}" for prefix in ("/api/", "/2.0/")}


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    with GitServer(tmp_path / "served") as git, Answers() as api:
        yield Forge(git, api)


def repositories(forge: Forge, kind: str, **tokens: str) -> Repositories:
    source = Source("forge", kind, forge.git.url())
    networks = (ip_network("127.0.0.0/8"),)
    return Repositories(RepositorySettings(allowed_networks=networks, sources=(source,), tokens=tokens))


def served(forge: Forge, kind: str) -> Path:
    """GitHub's addresses need no ending."""
    return forge.git.root / ("lab/waves" if kind == "github" else "lab/waves.git")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_branch_needs_nothing_but_git(forge: Forge, kind: str, tmp_path: Path) -> None:
    """Without a token git answers; the web interface, which counts, is not asked."""
    commit = make_repository(served(forge, kind), {"requirements.txt": "numpy\n"})
    there = repositories(forge, kind)
    revision = await there.resolve(there.parse("forge/lab/waves/main"))
    checkout = await there.fetch(revision, tmp_path / "out", lambda text: None)
    assert (revision.commit, forge.api.requests) == (commit, [])
    assert (checkout.path / "requirements.txt").read_text() == "numpy\n"


@pytest.mark.parametrize("kind", KINDS)
async def test_the_first_letters_of_a_commit_are_enough(forge: Forge, kind: str, tmp_path: Path) -> None:
    """What git cannot look up, the web interface does."""
    commit = make_repository(served(forge, kind), {"requirements.txt": "numpy\n"})
    add_commit(served(forge, kind), {"requirements.txt": "pandas\n"})
    path, name = KINDS[kind]
    forge.api.json(path.format(ref=commit[:7]), {name: commit, "commit": {}})
    there = repositories(forge, kind)
    revision = await there.resolve(there.make("forge", "lab/waves", commit[:7]))
    checkout = await there.fetch(revision, tmp_path / "out", lambda text: None)
    assert revision.commit == commit
    assert (checkout.path / "requirements.txt").read_text() == "numpy\n"


async def test_with_a_token_the_web_interface_is_asked_and_remembered(forge: Forge) -> None:
    """One request with the token, answered by "not changed" the second time."""
    commit = make_repository(served(forge, "gitea"), {})
    forge.api.json(KINDS["gitea"][0].format(ref="main2"), {"sha": commit}, ETag='"one"')
    there = repositories(forge, "gitea", **{forge.git.url(): "s3cret"})
    for _ in range(2):
        assert (await there.resolve(there.make("forge", "lab/waves", "main2"))).commit == commit
    assert [headers.get("If-None-Match") for headers in forge.api.headers] == [None, '"one"']
    assert forge.git.authorizations == {"Bearer s3cret"}


async def test_a_web_interface_that_has_had_enough_leaves_git(forge: Forge) -> None:
    """A rate limit stops nobody who names a branch."""
    commit = make_repository(served(forge, "gitea"), {}, branch="dev")
    limited = Answer(403, b"{}", {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"})
    forge.api.answers[KINDS["gitea"][0].format(ref="dev")] = [limited]
    there = repositories(forge, "gitea", **{forge.git.url(): "s3cret"})
    assert (await there.resolve(there.make("forge", "lab/waves", "dev"))).commit == commit
    assert forge.api.requests


async def test_a_ref_that_neither_knows_is_missing(forge: Forge) -> None:
    """Git's answer is the one that people read."""
    make_repository(served(forge, "gitea"), {})
    there = repositories(forge, "gitea")
    with pytest.raises(RefNotFound, match="abcdef0"):
        await there.resolve(there.make("forge", "lab/waves", "abcdef0"))

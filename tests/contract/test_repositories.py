"""The same promises from real repositories and from the fake that stands in for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, make_repository
from hubkiln.errors import NotFound, RefNotFound, RepositoryNotFound
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.testing.repositories import FakeRepositories

FILES = {"requirements.txt": "numpy\n", "docs/index.md": "# Hello\n"}


@dataclass
class There:
    """Repositories holding one, with two commits on main and one on `feature/x`."""

    repositories: Repositories | FakeRepositories
    url: str
    first: str
    second: str
    feature: str


def _real(folder: Path, server: GitServer) -> There:
    path = folder / "demo.git"
    first = make_repository(path, FILES)
    feature = add_commit(path, {"new.txt": "x"}, branch="feature/x")
    second = add_commit(path, {"requirements.txt": "pandas\n"})
    settings = RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),))
    return There(Repositories(settings), server.url("demo.git"), first, second, feature)


def _fake() -> There:
    fake, url = FakeRepositories(), "https://example.org/demo.git"
    first = fake.add(url, FILES)
    feature = fake.add(url, FILES | {"new.txt": "x"}, ref="feature/x")
    second = fake.add(url, FILES | {"requirements.txt": "pandas\n"})
    return There(fake, url, first, second, feature)


@pytest.fixture(params=[pytest.param("git", marks=pytest.mark.slow), "fake"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    if request.param == "fake":
        yield _fake()
        return
    with GitServer(tmp_path / "served") as server:
        yield _real(server.root, server)


@pytest.mark.parametrize("ref", [None, "HEAD", "main", "master"])
async def test_no_ref_means_the_default_branch(there: There, ref: str | None) -> None:
    """No ref, HEAD, and a `master` that does not exist all mean the tip of the default branch."""
    revision = await there.repositories.resolve(there.repositories.parse(there.url, ref))
    assert revision.commit == there.second


async def test_branches_and_tags_are_listed(there: There) -> None:
    """The default branch first; of a repository that is not there nothing."""
    found = await there.repositories.list_refs(there.repositories.parse(there.url, "gone"))
    assert (found.default, found.branches, found.tags) == ("main", ("main", "feature/x"), ())
    with pytest.raises(RepositoryNotFound):
        await there.repositories.list_refs(there.repositories.parse(there.url.replace("demo", "missing")))


async def test_a_ref_may_hold_slashes(there: There) -> None:
    """A branch such as `feature/x` is found."""
    revision = await there.repositories.resolve(there.repositories.parse(there.url, "feature/x"))
    assert revision.commit == there.feature


async def test_an_old_commit_is_fetched_as_it_was(there: There, tmp_path: Path) -> None:
    """A full commit gives the files of that commit, not of a newer one."""
    revision = await there.repositories.resolve(there.repositories.parse(there.url, there.first))
    checkout = await there.repositories.fetch(revision, tmp_path / "out", lambda text: None)
    assert revision.commit == there.first
    assert (checkout.path / "requirements.txt").read_text() == "numpy\n"


async def test_a_missing_repository_is_named(there: There) -> None:
    """Asking for a repository that is not there says so."""
    with pytest.raises(RepositoryNotFound, match=r"missing\.git does not exist"):
        await there.repositories.resolve(there.repositories.parse(there.url.replace("demo", "missing")))


async def test_a_missing_ref_is_named(there: There) -> None:
    """Asking for a branch that is not there says which."""
    with pytest.raises(RefNotFound, match="`nothing`"):
        await there.repositories.resolve(there.repositories.parse(there.url, "nothing"))


async def test_a_missing_folder_leaves_nothing_behind(there: There, tmp_path: Path) -> None:
    """When the folder to build is not in the repository, the fetch fails and its folder is gone."""
    revision = await there.repositories.resolve(there.repositories.parse(there.url, subdir="nowhere"))
    with pytest.raises(NotFound, match="no folder `nowhere`"):
        await there.repositories.fetch(revision, tmp_path / "out", lambda text: None)
    assert not (tmp_path / "out").exists()


async def test_a_file_in_a_folders_place_is_said_to_be_one(there: There, tmp_path: Path) -> None:
    """Whoever typed it has seen it there: that there is no such folder would send them looking for a spelling."""
    revision = await there.repositories.resolve(there.repositories.parse(there.url, subdir="docs/index.md"))
    with pytest.raises(NotFound, match="is a file of the repository, not a folder"):
        await there.repositories.fetch(revision, tmp_path / "out", lambda text: None)
    assert not (tmp_path / "out").exists()


async def test_whole_lines_are_said(there: There, tmp_path: Path) -> None:
    """What is said while fetching is whole lines that name the address."""
    said: list[str] = []
    revision = await there.repositories.resolve(there.repositories.parse(there.url, subdir="docs"))
    await there.repositories.fetch(revision, tmp_path / "out", said.append)
    assert said[0].startswith("Fetching ") and all(text.endswith("\n") for text in said)

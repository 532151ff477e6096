"""“As of the day of the commit”: the same from a git host, a folder and the fake, files at hand or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, make_repository
from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.locking import moment
from hubkiln.content.store import Contents
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.testing.repositories import MADE, FakeRepositories
from hubkiln.testing.workshop import InMemoryLocks
from hubkiln.values import Revision
from index_server import serve
from pushing import Builder
from wheels import make_wheel

FILES = {"requirements.txt": "tiny\n"}
LOOSE = RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),), allow_local_folders=True)


@dataclass
class There:
    """Where a repository is, and who fetches it."""

    repositories: Repositories | FakeRepositories
    text: str
    ref: str | None
    data: DataDir

    async def dated(self) -> Revision:
        """Looked up, fetched unless it is here, and dated, by objects that remember nothing."""
        contents = Contents(self.data.own("content"), self.repositories, prepare=lambda path: None)
        revision = await self.repositories.resolve(self.repositories.parse(self.text, self.ref))
        content = await contents.ensure(revision, lambda text: None)
        return await contents.dated(revision, content)


HOSTS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("address", "commit")]
"""A real git host takes a second each time."""


@pytest.fixture(params=[*HOSTS, "folder", "fake"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    """Each kind in turn."""
    data = DataDir(tmp_path / "data").make()
    if request.param == "fake":
        fake = FakeRepositories()
        fake.add("https://example.org/demo.git", FILES)
        yield There(fake, "https://example.org/demo.git", None, data)
        return
    with GitServer(tmp_path / "served") as server:
        commit = make_repository(server.root / "demo.git", FILES)
        add_commit(server.root / "demo.git", {"later.txt": ""}, branch="other")
        text = str(server.root / "demo.git") if request.param == "folder" else server.url("demo.git")
        yield There(Repositories(LOOSE), text, commit if request.param == "commit" else None, data)


async def test_a_commit_has_a_date_once_its_files_are_here(there: There) -> None:
    """When they are fetched, and when they were here before."""
    assert (await there.dated()).committed_at == MADE
    assert (await there.dated()).committed_at == MADE


async def test_a_folder_as_it_stands_has_none(tmp_path: Path) -> None:
    """It is no commit, whatever repository it belongs to."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "requirements.txt").write_text("tiny\n")
    there = There(Repositories(LOOSE), str(folder), None, DataDir(tmp_path / "data").make())
    assert (await there.dated()).committed_at is None
    with pytest.raises(BadSpec, match="A folder as it stands is no commit") as caught:
        moment("commit", await there.dated())
    assert "`--ref main`" in caught.value.hint


@pytest.mark.slow
async def test_a_build_asks_for_packages_of_that_day(there: There, tmp_path: Path) -> None:
    """From the first build on, and when the files are here already."""
    (tmp_path / "wheelhouse").mkdir()
    with serve(tmp_path / "wheelhouse") as index, InMemoryRegistry() as registry:
        locker = FakeLocker([index.wheel(make_wheel(index.folder))])
        builder = Builder(tmp_path / "builder", there.repositories, [], InMemoryLocks(), locker)
        spec = there.repositories.parse(there.text, there.ref)
        request = BuildRequest(spec=spec, as_of="commit", refresh=True, push=f"{registry.host}/x")
        built = [await builder.build(request) for _ in range(2)]
    assert built[0].image == built[1].image
    assert [asked.as_of for asked in locker.requests] == [MADE, MADE]

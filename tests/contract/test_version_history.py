"""Versions that tools make of git's history: the same from a git host, a folder, a folder's commit and the fake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

import pytest

from git_server import GitServer, add_commit, git, make_repository
from hubkiln.content.store import Content, Contents
from hubkiln.content.stores import content_stores
from hubkiln.data_dir import DataDir
from hubkiln.errors import RefNotFound
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.testing.repositories import FakeRepositories

FILES = {"pyproject.toml": '[build-system]\nrequires = ["setuptools_scm>=8"]\n', "old.txt": "old\n"}
LOOSE = RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),), allow_local_folders=True)
HOSTS = [pytest.param(kind, marks=pytest.mark.slow) for kind in ("address", "plain host", "commit")]
"""A real git host takes a second or two each time."""


@dataclass
class There:
    """A repository with three commits on main, of which the second is asked for, and who fetches it."""

    repositories: Repositories | FakeRepositories
    text: str
    ref: str
    commits: list[str]
    folder: Path | None
    """The bare repository; None for the fake."""
    data: DataDir

    async def found(self) -> Content:
        """Fetched unless it is here, with history, by objects that remember nothing."""
        contents = Contents(self.data.own("content"), self.repositories, prepare=lambda path: None)
        revision = await self.repositories.resolve(self.repositories.parse(self.text, self.ref))
        content = await contents.ensure(revision, lambda text: None)
        return await contents.with_history(revision, content, ["pyproject.toml"], lambda text: None)

    def tag(self, name: str, number: int) -> None:
        """Tag the commit of that `number`."""
        if self.folder is None:
            assert isinstance(self.repositories, FakeRepositories)
            self.repositories.tag(self.text, name, self.commits[number])
        else:
            git("tag", "--annotate", "--message=Release", name, self.commits[number], cwd=self.folder)

    def described(self, content: Content) -> str:
        """What git says of the commit to a build."""
        return git("describe", "--tags", "--long", "--dirty", cwd=content.for_builds.path)


@pytest.fixture(params=[*HOSTS, "folder", "fake"])
def there(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[There]:
    """Each kind in turn; a plain host does not know how to leave files out."""
    data = DataDir(tmp_path / "data").make()
    if request.param == "fake":
        fake, text = FakeRepositories(), "https://example.org/demo.git"
        made = [fake.add(text, FILES | {"n": str(number)}) for number in range(3)]
        yield There(fake, text, made[1], made, None, data)
        return
    with GitServer(tmp_path / "served") as server:
        folder = server.root / "demo.git"
        made = [make_repository(folder, FILES)]
        made += [add_commit(folder, {"old.txt": "new\n"}), add_commit(folder, {"n": "2"})]
        git("config", "uploadpack.allowFilter", str(request.param != "plain host").lower(), cwd=folder)
        url = server.url("demo.git")
        if request.param != "folder":
            yield There(
                Repositories(LOOSE), str(folder) if request.param == "commit" else url, made[1], made, folder, data
            )
            return
        work = tmp_path / "work"
        git("clone", "--quiet", folder, work, cwd=tmp_path)
        git("reset", "--quiet", "--hard", made[1], cwd=work)
        yield There(Repositories(LOOSE), str(work), "HEAD", made, work, data)


async def test_a_tag_behind_the_commit_names_its_version(there: There) -> None:
    """Whoever builds sees the tag and how far it is, and a clean tree; users get the files as ever."""
    there.tag("v1.0", 0)
    content = await there.found()
    assert content.history and content.for_builds.path != content.path
    assert (content.for_builds.path / "pyproject.toml").read_text() == FILES["pyproject.toml"]
    if there.folder is not None:
        assert there.described(content).startswith("v1.0-1-g")
        assert not there.described(content).endswith("-dirty")


async def test_a_tag_that_comes_later_counts(there: There) -> None:
    """Whatever was fetched before, the same commit with the same tags is the same, and with another it is not."""
    there.tag("v1.0", 0)
    before = await there.found()
    assert (await there.found()).history == before.history
    there.tag("v2.0", 1)
    after = await there.found()
    assert (after.key, after.history != before.history) == (before.key, True)
    if there.folder is not None:
        assert there.described(after).startswith("v2.0-0-g")
        assert there.described(before).startswith("v1.0-1-g")  # a build under way keeps what it began with


async def test_a_tag_elsewhere_changes_nothing(there: There) -> None:
    """A release after the commit is no part of its version."""
    there.tag("v1.0", 0)
    before = await there.found()
    there.tag("v3.0", 2)
    assert (await there.found()).history == before.history


async def test_two_that_fetch_at_different_times_agree(there: There, tmp_path: Path) -> None:
    """Another machine gets the same key."""
    there.tag("v1.0", 0)
    first = await there.found()
    there.tag("v3.0", 2)
    there.data = DataDir(tmp_path / "other").make()
    assert (await there.found()).history == first.history


@pytest.mark.slow
async def test_no_other_file_is_brought_with_history(tmp_path: Path) -> None:
    """From a host that can, commits and trees come alone; what a build asks for later is promised by the origin."""
    with GitServer(tmp_path / "served") as server:
        folder = server.root / "demo.git"
        old = make_repository(folder, FILES)
        git("config", "uploadpack.allowFilter", "true", cwd=folder)
        commit = add_commit(folder, {"old.txt": "new\n"})
        there = There(
            Repositories(LOOSE), server.url("demo.git"), commit, [old, commit], folder, DataDir(tmp_path).make()
        )
        place = (await there.found()).for_builds.path
        assert git("log", "--format=%H", cwd=place).split() == [commit, old]
        missing = git("rev-list", "--objects", "--missing=print", "--no-object-names", "HEAD", cwd=place)
        assert f"?{git('rev-parse', f'{old}:old.txt', cwd=folder)}" in missing
        assert git("config", "--get-regexp", r"^remote\..*\.promisor$", cwd=place) == "remote.origin.promisor true"


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["blob:none", "tree:0"])
@pytest.mark.parametrize("ref", ["HEAD", "main"])
async def test_a_clone_without_the_files_of_old_commits_is_enough(tmp_path: Path, ref: str, left_out: str) -> None:
    """As ``git clone --filter`` makes them: versions need commits and tags alone, and nobody is asked for the rest."""
    with GitServer(tmp_path / "served") as server:
        folder = server.root / "demo.git"
        old = make_repository(folder, FILES)
        git("config", "uploadpack.allowFilter", "true", cwd=folder)
        git("tag", "--annotate", "--message=Release", "v1.0", old, cwd=folder)
        made = [add_commit(folder, {"old.txt": text}) for text in ("new\n", "newer\n")]
        work = tmp_path / "work"
        git("clone", "--quiet", f"--filter={left_out}", server.url("demo.git"), work, cwd=tmp_path)
        git("checkout", "--quiet", "HEAD~1", cwd=work)
        git("checkout", "--quiet", "main", cwd=work)
    there = There(Repositories(LOOSE), str(work), ref, made, work, DataDir(tmp_path / "data").make())
    assert there.described(await there.found()).startswith("v1.0-2-g")


@pytest.mark.slow
@pytest.mark.parametrize("left_out", ["blob:none", "tree:0"])
async def test_a_clone_without_the_files_that_are_asked_for_is_not_damaged(tmp_path: Path, left_out: str) -> None:
    """It was asked for like that; what brings them is said."""
    with GitServer(tmp_path / "served") as server:
        folder = server.root / "demo.git"
        old = make_repository(folder, FILES)
        git("config", "uploadpack.allowFilter", "true", cwd=folder)
        add_commit(folder, {"old.txt": "new\n"})
        work = tmp_path / "work"
        git("clone", "--quiet", f"--filter={left_out}", server.url("demo.git"), work, cwd=tmp_path)
    there = There(Repositories(LOOSE), str(work), old, [], work, DataDir(tmp_path / "data").make())
    with pytest.raises(RefNotFound, match="is a clone without all files") as caught:
        await there.found()
    assert f"`git checkout {old}`" in caught.value.hint


async def test_nothing_is_asked_where_no_version_is_made_of_history(tmp_path: Path) -> None:
    """The repository is asked once, for its commit; an ordinary one costs nothing."""
    with GitServer(tmp_path / "served") as server:
        commit = make_repository(server.root / "demo.git", {"pyproject.toml": '[project]\nname = "x"\n'}, tags=("v1",))
        text = server.url("demo.git")
        there = There(Repositories(LOOSE), text, commit, [commit], None, DataDir(tmp_path).make())
        content = await there.found()
        assert content.for_builds == content


async def test_the_files_with_history_are_kept_and_collected_as_content_is(there: There) -> None:
    """They are a thing of the content store; the note that leads to them goes with the repository's files."""
    there.tag("v1.0", 0)
    content = await there.found()
    (store,) = content_stores(there.data)
    assert {thing.key for thing in store.things()} == {content.key, content.history}
    store.drop(content.key)
    assert [thing.key for thing in store.things()] == [content.history]
    store.drop(content.history)
    assert (await there.found()).history == content.history

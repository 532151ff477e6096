"""A git repository that we did not make: its configuration runs nothing, and it shows us nobody else's files."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from deep_folders import deep_folder
from git_server import add_commit, git, make_repository
from hubkiln.composer.repo2docker.engines import engine_environment
from hubkiln.content.store import Content
from hubkiln.content.tree import content_tree
from hubkiln.errors import AccessDenied, RefNotFound, Refused, ServiceError
from hubkiln.git_snapshot import snapshot
from hubkiln.repositories import Repositories, RepositorySettings
from hubkiln.values import REPO_DIR, Checkout, Revision

SOMEBODY = 4711
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


async def fetch(folder: Path, into: Path, ref: str | None) -> Checkout:
    """As `hubkiln build FOLDER --ref REF` does it."""
    repositories = Repositories(RepositorySettings(allow_local_folders=True, scratch=into.parent / "scratch"))
    revision = await repositories.resolve(repositories.parse(str(folder), ref))
    return await repositories.fetch(revision, into, lambda text: None)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A clone of a repository with two commits."""
    make_repository(tmp_path / "bare.git", {"a.txt": "first"}, tags=("v1",))
    add_commit(tmp_path / "bare.git", {"a.txt": "second"})
    git("clone", "--quiet", tmp_path / "bare.git", "project", cwd=tmp_path)
    return tmp_path / "project"


@pytest.fixture
def trap(tmp_path: Path) -> tuple[Path, Path]:
    """A program, and the file that is there once it ran."""
    program, mark = tmp_path / "trap", tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {mark}\nexit 1\n")
    program.chmod(0o755)
    return program, mark


def signed(project: Path) -> None:
    """Make the branch's commit look signed, so that git would ask the program for signatures."""
    head, _, message = git("cat-file", "commit", "HEAD", cwd=project).partition("\n\n")
    text = f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n -----END PGP SIGNATURE-----\n\n{message}\n"
    commit = git("hash-object", "-t", "commit", "-w", "--stdin", cwd=project, input=text)
    git("update-ref", "refs/heads/main", commit, cwd=project)


def asks_gpg(project: Path, program: Path) -> None:
    signed(project)
    git("config", "log.showSignature", "true", cwd=project)
    git("config", "gpg.program", str(program), cwd=project)


def asks_gpg_elsewhere(project: Path, program: Path) -> None:
    signed(project)
    other = project.parent / "other.config"
    other.write_text(f"[log]\n\tshowSignature = true\n[gpg]\n\tprogram = {program}\n")
    git("config", "include.path", str(other), cwd=project)


def is_a_partial_clone(project: Path, program: Path) -> None:
    """git fetches what is missing, from where and with what program the configuration says."""
    git("config", "core.repositoryFormatVersion", "1", cwd=project)
    git("config", "extensions.partialClone", "origin", cwd=project)
    git("config", "remote.origin.url", f"file://{project}", cwd=project)
    git("config", "remote.origin.promisor", "true", cwd=project)
    git("config", "remote.origin.uploadpack", str(program), cwd=project)
    (project / ".git/refs/heads/main").write_text("1" * 40 + "\n")


@pytest.mark.parametrize("prepared", [asks_gpg, asks_gpg_elsewhere, is_a_partial_clone])
async def test_a_commit_is_read_without_the_folders_settings(
    project: Path, trap: tuple[Path, Path], tmp_path: Path, prepared: Callable[[Path, Path], None]
) -> None:
    """Programs named in a folder's configuration, or in files it includes, are not run to read its commits."""
    program, mark = trap
    prepared(project, program)
    try:
        checkout = await fetch(project, tmp_path / "out", "main")
    except RefNotFound:
        assert prepared is is_a_partial_clone  # what it lacks is not there
    else:
        assert (checkout.path / "a.txt").read_text() == "second"
    assert not mark.exists()


async def test_a_layer_of_files_is_made_without_their_settings(
    project: Path, trap: tuple[Path, Path], tmp_path: Path
) -> None:
    """A folder taken as it stands brings its `.git`; git does not run in it when the image's layer is made."""
    program, mark = trap
    (project / ".git/shallow").write_text("")
    checkout = await fetch(project, tmp_path / "out", None)
    is_a_partial_clone(checkout.path, program)
    commit = git("rev-parse", "HEAD~1^{commit}", cwd=tmp_path / "bare.git")
    (checkout.path / ".git/refs/heads/main").write_text(f"{commit}\n")
    for pack in (checkout.path / ".git/objects").rglob("*"):
        if pack.is_file():
            pack.unlink()
    work = tmp_path / "work"
    work.mkdir()
    with suppress(ServiceError):  # its commit is not there
        await content_tree(Content(key="a", path=checkout.path, root=checkout.path), work, hidden=())
    assert not mark.exists()


async def test_a_commits_day_is_read_without_settings(project: Path, trap: tuple[Path, Path], tmp_path: Path) -> None:
    """Files that are here already may be those of a folder, its `.git` among them."""
    program, mark = trap
    asks_gpg(project, program)
    is_a_partial_clone(project, program)
    repositories = Repositories(RepositorySettings(allow_local_folders=True, scratch=tmp_path / "scratch"))
    spec = repositories.parse(str(project))
    found = await repositories.committed_at(Revision(spec=spec, commit="2" * 40, url="", name="x"), project)
    assert found is None and not mark.exists()


@as_root
@pytest.mark.parametrize("way", [".git file", ".git link", "alternates", "commondir"])
async def test_a_repository_shows_nobody_elses(project: Path, tmp_path: Path, way: str) -> None:
    """Whoever builds may read what the folder's owner may not; a pointer to it is refused."""
    folder = tmp_path / "folder"
    if way == "alternates":
        git("clone", "--quiet", "--shared", project, folder, cwd=tmp_path)
    elif way == "commondir":
        git("worktree", "add", "--quiet", "--detach", folder, cwd=project)
        (folder / ".git").unlink()
        (project / ".git/worktrees/folder").rename(folder / ".git")
        (folder / ".git/commondir").write_text(str(project / ".git"))
    else:
        folder.mkdir()
        if way == ".git file":
            (folder / ".git").write_text(f"gitdir: {project}/.git\n")
        else:
            (folder / ".git").symlink_to(project / ".git")
    os.chown(folder, SOMEBODY, SOMEBODY)
    with pytest.raises(Refused, match="somebody else"):
        await fetch(folder, tmp_path / "out", git("rev-parse", "HEAD", cwd=project))


@pytest.mark.parametrize("way", ["worktree", "shared", "link"])
async def test_a_repository_in_two_places_of_one_owner_is_read(project: Path, tmp_path: Path, way: str) -> None:
    """Worktrees and clones that borrow objects are ordinary."""
    folder = tmp_path / "folder"
    if way == "worktree":
        git("worktree", "add", "--quiet", "-b", "mine", folder, cwd=project)
    elif way == "shared":
        git("clone", "--quiet", "--shared", project, folder, cwd=tmp_path)
        git("branch", "mine", cwd=folder)
    else:
        folder.mkdir()
        (folder / ".git").symlink_to(project / ".git")
        git("branch", "mine", cwd=project)
    checkout = await fetch(folder, tmp_path / "out", "mine")
    assert (checkout.path / "a.txt").read_text() == "second"
    assert git("rev-parse", "--abbrev-ref", "HEAD", cwd=checkout.path) == "mine"


def test_links_inside_a_repository_are_not_followed(project: Path, tmp_path: Path) -> None:
    """Refs and objects are ordinary files; what is a link instead is not taken, and a folder of objects is refused."""
    secret = tmp_path / "secret"
    secret.write_text("1" * 40)
    (project / ".git/refs/heads/stolen").symlink_to(secret)
    pack = next((project / ".git/objects").rglob("??/*"))
    (pack.parent / ("0" * 38)).symlink_to(secret)
    assert snapshot(project, tmp_path / "taken", most_bytes=1 << 20, elsewhere=False)
    assert not (tmp_path / "taken/refs/heads/stolen").exists()
    assert not [path for path in (tmp_path / "taken").rglob("*") if path.is_symlink()]
    (project / ".git/objects").rename(tmp_path / "objects")
    (project / ".git/objects").symlink_to(tmp_path / "objects")
    with pytest.raises(OSError, match="not what may be there"):
        snapshot(project, tmp_path / "again", most_bytes=1 << 20, elsewhere=False)


async def test_a_folder_of_endless_folders_is_refused() -> None:
    """Folders nested deeper than we can call ourselves are an error of the folder, not of ours."""
    with deep_folder(1050) as deep, pytest.raises(AccessDenied, match="deep"):
        await fetch(deep, deep.with_name("out"), None)


def test_buildx_is_told_to_leave_git_alone() -> None:
    """docker's buildx would run git in the repository to note its commit, and git what the repository says."""
    assert engine_environment()["BUILDX_GIT_INFO"] == "false"


async def test_a_layer_of_a_fetched_commit_keeps_its_history(project: Path, tmp_path: Path) -> None:
    """What is made anew is whole."""
    checkout = await fetch(project, tmp_path / "out", "main")
    work = tmp_path / "work"
    work.mkdir()
    tree = await content_tree(Content(key="a", path=checkout.path, root=checkout.path), work, hidden=())
    packs = [entry for entry in tree if entry.path.startswith(f"{REPO_DIR}/.git/objects/pack/")]
    assert len(packs) == 2 and all(
        isinstance(entry.source, Path) and entry.source.is_relative_to(work) for entry in packs
    )

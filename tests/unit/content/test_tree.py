"""The layer of a repository's files: the same for the same commit, and a repository that git can work with."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from hubkiln.content.store import Content
from hubkiln.content.tree import content_tree
from hubkiln.images.layers import write_layer
from hubkiln.packages.interface import Layout
from hubkiln.packages.unpack import write_file
from hubkiln.trees import Tree
from hubkiln.values import REPO_DIR

ENV = dict(
    os.environ,
    GIT_CONFIG_GLOBAL=os.devnull,
    GIT_AUTHOR_NAME="a",
    GIT_AUTHOR_EMAIL="a@b",
    GIT_COMMITTER_NAME="a",
    GIT_COMMITTER_EMAIL="a@b",
)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENV, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with three commits, a script and a link."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number in range(3):
        (folder / "note.ipynb").write_text(f"{number}" * 1000)
        (folder / "run.sh").write_text("#!/bin/sh\n")
        (folder / "run.sh").chmod(0o755)
        (folder / "link").unlink(missing_ok=True)
        (folder / "link").symlink_to("note.ipynb")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", str(number))
    return folder


def cloned(origin: Path, into: Path) -> Content:
    """The last commit, as it is fetched."""
    subprocess.run(["git", "clone", "-q", "--depth=1", origin.as_uri(), into], check=True, env=ENV)
    return Content(key=into.name, path=into, root=into)


async def tree_of(content: Content, work: Path) -> Tree:
    work.mkdir()
    return await content_tree(content, work, hidden=())


def put(tree: Tree, folder: Path) -> Path:
    """The tree on disk."""
    for entry in tree:
        target = folder / entry.path
        if entry.link is not None:
            target.symlink_to(entry.link)
        elif entry.source is not None:
            write_file(target, entry.source, entry.mode, None)
        else:
            target.mkdir(parents=True, exist_ok=True)
    return folder / REPO_DIR


async def test_two_fetches_give_one_layer(origin: Path, tmp_path: Path) -> None:
    """Neither the time nor the place of a fetch is in it."""
    digests = set()
    for name in ("one", "two"):
        content = cloned(origin, tmp_path / name)
        later = time.time() + 1000 if name == "two" else time.time() - 1000
        os.utime(content.path / "note.ipynb", (later, later))
        tree = await tree_of(content, tmp_path / f"work-{name}")
        digests.add(write_layer(tree, tmp_path / f"layer-{name}").descriptor.digest)
    assert len(digests) == 1


async def test_git_works_in_it(origin: Path, tmp_path: Path) -> None:
    """Nothing seems changed, the commit is there, and so is where it came from."""
    content = cloned(origin, tmp_path / "one")
    folder = put(await tree_of(content, tmp_path / "work"), tmp_path / "image")
    assert git(folder, "status", "--porcelain") == ""
    assert git(folder, "rev-parse", "HEAD") == git(origin, "rev-parse", "HEAD")
    assert git(folder, "config", "remote.origin.url").strip() == origin.as_uri()
    assert git(folder, "fsck").strip() == ""
    assert (folder / "run.sh").stat().st_mode & 0o111 and (folder / "link").readlink() == Path("note.ipynb")


async def test_what_is_ignored_is_left_out(origin: Path, tmp_path: Path) -> None:
    """And an empty folder is not."""
    content = cloned(origin, tmp_path / "one")
    (content.path / ".dockerignore").write_text("*.ipynb\n.git\n")
    (content.path / "empty").mkdir()
    paths = {entry.path for entry in await tree_of(content, tmp_path / "work")}
    assert paths == {"srv", REPO_DIR, *(f"{REPO_DIR}/{name}" for name in (".dockerignore", "empty", "link", "run.sh"))}


async def test_it_is_the_users_own(origin: Path, tmp_path: Path) -> None:
    """Everything but the folders above it."""
    tree = await tree_of(cloned(origin, tmp_path / "one"), tmp_path / "work")
    assert {entry.uid for entry in tree if entry.path.startswith(REPO_DIR)} == {Layout(minor="3.11").uid}
    assert all(entry.uid == 0 for entry in tree if not entry.path.startswith(REPO_DIR))


async def test_nothing_of_the_repositorys_settings_is_run(origin: Path, tmp_path: Path) -> None:
    """A file system monitor is a program that git would start."""
    content, mark = cloned(origin, tmp_path / "one"), tmp_path / "ran"
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    for setting in ("core.fsmonitor", "core.pager", "core.sshCommand"):
        git(content.path, "config", setting, str(script))
    await tree_of(content, tmp_path / "work")
    assert not mark.exists()


async def test_files_without_git_are_a_layer_too(tmp_path: Path) -> None:
    """A folder or an archive has no history."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    tree = await tree_of(Content(key="plain", path=folder, root=folder), tmp_path / "work")
    assert [entry.path for entry in tree] == ["srv", REPO_DIR, f"{REPO_DIR}/a.txt"]

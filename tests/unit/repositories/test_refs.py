"""The ways that people write a ref, looked up in a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hubkiln.repositories.ls_remote import read_refs
from hubkiln.repositories.refs import Listing, check_ref, patterns


def git(root: Path, *words: str) -> str:
    """What git says, run in `root`."""
    name = ("-c", "user.name=n", "-c", "user.email=e@x")
    return subprocess.run(("git", *name, *words), cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit on `work`, with an annotated tag and a branch of several parts."""
    git(tmp_path, "init", "-q", "-b", "work")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "one")
    git(tmp_path, "tag", "-a", "v1", "-m", "v1")
    git(tmp_path, "branch", "fix/1")
    return tmp_path


@pytest.mark.parametrize(
    ("ref", "branch"),
    [
        ("v1", None),
        ("tags/v1", None),
        ("refs/tags/v1", None),
        ("refs/heads/work", "work"),
        ("origin/work", "work"),
        ("origin/fix/1", "fix/1"),
        ("refs/remotes/origin/work", "work"),
        ("remotes/origin/fix/1", "fix/1"),
        ("origin/HEAD", "work"),
        ("origin/main", "work"),
    ],
)
def test_a_ref_is_the_commit_however_it_is_written(repository: Path, ref: str, branch: str | None) -> None:
    """An annotated tag is what it points at; what a clone calls `origin/work` is the branch."""
    listing = Listing.read(git(repository, "ls-remote", "--symref", "--", ".", *patterns(check_ref(ref))))
    found = listing.find(check_ref(ref))
    assert found is not None
    assert (found.commit, found.branch) == (git(repository, "rev-parse", "HEAD").strip(), branch)


def test_a_commit_of_a_clone_is_the_commit() -> None:
    """`origin/<commit>`; a branch that is really called `origin/x` goes first."""
    assert check_ref(f"origin/{'A' * 40}") == "a" * 40
    assert check_ref("origin/main") == "origin/main"
    both = Listing({"refs/heads/origin/x": "1" * 40, "refs/heads/x": "2" * 40}, None).find("origin/x")
    assert both is not None and both.commit == "1" * 40


def test_tags_are_suggested_by_version() -> None:
    """Numbers count, a release stands above what came before it, and a tag's object is no tag of its own."""
    names = ["v1.9", "v1.10", "v2.0rc1", "v2.0", "2.0.1", "nightly", "v1.10^{}"]
    lines = [f"{'a' * 40}\trefs/tags/{name}" for name in names]
    lines += [f"{'b' * 40}\trefs/heads/{name}" for name in ("dev", "trunk", "a/b")]
    found = read_refs(Listing.read("\n".join(["ref: refs/heads/trunk\tHEAD", *lines])))
    assert found.branches == ("trunk", "a/b", "dev")
    assert found.tags == ("2.0.1", "v2.0", "v2.0rc1", "v1.10", "v1.9", "nightly")

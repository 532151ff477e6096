"""Delivering a repository's files to a home: real git, real folders, and a home of every kind."""

import contextlib
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkiln.content import deliver as script
from hubkiln.content.deliver import Report
from hubkiln.content.shipped import delivering

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)
LINES = [f"line {number}\n" for number in range(20)]


def git(folder: Path, *arguments: str) -> str:
    """Run git there, with a name of its own."""
    env = os.environ | {"GIT_CONFIG_GLOBAL": "/dev/null"}
    names = ["-c", "user.name=T", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *names, *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository with a notebook, a text and a folder."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "text.txt").write_text("".join(LINES))
    (folder / "sub").mkdir()
    (folder / "sub/note.ipynb").write_text("{}")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("text.txt")
    commit(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


def commit(folder: Path) -> None:
    """Commit everything."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")


def image(upstream: Path, tmp_path: Path, shallow: bool = True) -> Path:
    """What lies at ``/srv/repo``: a fresh (shallow) clone with a detached head and the origin set."""
    number = len(list(tmp_path.glob("image*")))
    folder = tmp_path / f"image{number}"
    depth = ["--depth", "1"] if shallow else []
    git(tmp_path, "clone", "-q", *depth, f"file://{upstream}", str(folder))
    git(folder, "remote", "set-url", "origin", "https://example.org/org/repo.git")
    git(folder, "checkout", "-q", "--detach")
    return folder


def deliver(source: Path, home: Path, name: str = "repo") -> Report:
    """Deliver at a known time."""
    return script.deliver(source, home, name, now=lambda: NOW)


@pytest.fixture(params=[True, pytest.param(False, marks=pytest.mark.slow)], ids=["shallow", "whole"])
def shallow(request: pytest.FixtureRequest) -> bool:
    """Whether the image holds the last commit only."""
    return bool(request.param)


def test_an_empty_home_gets_a_clone(upstream: Path, home: Path, tmp_path: Path) -> None:
    """Files, modes, links and git history arrive; the clone is on a branch and knows its origin."""
    report = deliver(image(upstream, tmp_path), home)
    assert (report.outcome, report.folder) == ("new", "repo")
    assert (home / "repo/sub/note.ipynb").read_text() == "{}"
    assert os.access(home / "repo/run.sh", os.X_OK) and (home / "repo/link").is_symlink()
    assert git(home / "repo", "remote", "get-url", "origin").strip() == "https://example.org/org/repo.git"
    assert git(home / "repo", "symbolic-ref", "HEAD").strip() == "refs/heads/main"
    assert git(home / "repo", "status", "--porcelain") == ""


def test_the_same_again_changes_nothing(upstream: Path, home: Path, tmp_path: Path) -> None:
    """Starting the same image again leaves edits and untracked files alone."""
    source = image(upstream, tmp_path)
    deliver(source, home)
    (home / "repo/text.txt").write_text("mine")
    (home / "repo/new.txt").write_text("mine too")
    report = deliver(source, home)
    assert report.outcome == "unchanged"
    assert (home / "repo/text.txt").read_text() == "mine" and (home / "repo/new.txt").read_text() == "mine too"


def test_edits_in_other_lines_are_merged(upstream: Path, home: Path, tmp_path: Path, shallow: bool) -> None:
    """Uncommitted edits and the repository's new lines are both there afterwards."""
    deliver(image(upstream, tmp_path, shallow), home)
    (home / "repo/text.txt").write_text("mine\n" + "".join(LINES[1:]))
    (upstream / "text.txt").write_text("".join(LINES[:-1]) + "theirs\n")
    (upstream / "added.txt").write_text("added")
    commit(upstream)
    report = deliver(image(upstream, tmp_path, shallow), home)
    assert report.outcome == "updated" and not report.yours
    assert (home / "repo/text.txt").read_text() == "mine\n" + "".join(LINES[1:-1]) + "theirs\n"
    assert (home / "repo/added.txt").read_text() == "added"


def test_the_users_side_wins(upstream: Path, home: Path, tmp_path: Path, shallow: bool) -> None:
    """Where both changed the same line the user's stays, and the report says so."""
    deliver(image(upstream, tmp_path, shallow), home)
    (home / "repo/text.txt").write_text("mine\n" + "".join(LINES[1:]))
    (upstream / "text.txt").write_text("theirs\n" + "".join(LINES[1:]))
    commit(upstream)
    report = deliver(image(upstream, tmp_path, shallow), home)
    assert (home / "repo/text.txt").read_text().startswith("mine\n")
    assert report.yours == ["text.txt"]
    assert deliver(image(upstream, tmp_path, shallow), home).outcome == "unchanged"


def test_commits_of_the_users_own_are_kept(upstream: Path, home: Path, tmp_path: Path, shallow: bool) -> None:
    """Work that the user committed survives several updates."""
    deliver(image(upstream, tmp_path, shallow), home)
    (home / "repo/own.txt").write_text("own")
    commit(home / "repo")
    for number in range(3):
        (upstream / "count.txt").write_text(str(number))
        commit(upstream)
        deliver(image(upstream, tmp_path, shallow), home)
    assert (home / "repo/own.txt").read_text() == "own" and (home / "repo/count.txt").read_text() == "2"


def test_a_rewritten_history_is_taken_too(upstream: Path, home: Path, tmp_path: Path, shallow: bool) -> None:
    """When the repository forgot its old commits, its new files arrive all the same."""
    deliver(image(upstream, tmp_path, shallow), home)
    (home / "repo/own.txt").write_text("own")
    (upstream / "text.txt").write_text("rewritten\n")
    git(upstream, "checkout", "-q", "--orphan", "fresh")
    commit(upstream)
    git(upstream, "branch", "-M", "fresh", "main")
    report = deliver(image(upstream, tmp_path, shallow), home)
    assert report.outcome == "updated" and (home / "repo/text.txt").read_text() == "rewritten\n"
    assert (home / "repo/own.txt").read_text() == "own"


def test_a_deleted_file_comes_back(upstream: Path, home: Path, tmp_path: Path) -> None:
    """Deleting a file is the way to get the repository's version again."""
    source = image(upstream, tmp_path)
    deliver(source, home)
    (home / "repo/sub/note.ipynb").unlink()
    report = deliver(source, home)
    assert report.restored == ["sub/note.ipynb"] and (home / "repo/sub/note.ipynb").read_text() == "{}"


@pytest.mark.parametrize(
    ("deleted", "edited"),
    [
        ("lecture [2].ipynb", "lecture 2.ipynb"),
        pytest.param("Why?.ipynb", "Why1.ipynb", marks=pytest.mark.slow),
        pytest.param("all*.txt", "all of it.txt", marks=pytest.mark.slow),
        pytest.param(":!Why1", "Why2", marks=pytest.mark.slow),
        (":(glob)**", "sub/note"),
        pytest.param(":/x", "x", marks=pytest.mark.slow),
        ("\\[a].txt", "[a].txt"),
    ],
)
def test_a_name_is_never_a_pattern(deleted: str, edited: str, home: Path, tmp_path: Path) -> None:
    """Bringing back a deleted file touches no other, whatever the name would match as a pattern of git's."""
    source = tmp_path / "upstream"
    for name in (deleted, edited):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("theirs")
    git(source, "init", "-q")
    commit(source)
    deliver(image(source, tmp_path), home)
    (home / "repo" / edited).write_text("MY WORK")
    (home / "repo" / deleted).unlink()
    report = deliver(image(source, tmp_path), home)
    assert report.restored == [deleted] and (home / "repo" / deleted).read_text() == "theirs"
    assert (home / "repo" / edited).read_text() == "MY WORK"


def test_settling_one_file_leaves_others_alone(home: Path, tmp_path: Path) -> None:
    """An edited file that the repository deleted stays; files that its name would match as a pattern are updated."""
    source = tmp_path / "upstream"
    source.mkdir()
    for name in ("n[1].txt", "n1.txt"):
        (source / name).write_text("old")
    git(source, "init", "-q")
    commit(source)
    deliver(image(source, tmp_path), home)
    (home / "repo/n[1].txt").write_text("mine")
    (source / "n[1].txt").unlink()
    (source / "n1.txt").write_text("new")
    commit(source)
    assert deliver(image(source, tmp_path), home).outcome == "updated"
    assert (home / "repo/n[1].txt").read_text() == "mine" and (home / "repo/n1.txt").read_text() == "new"


def test_a_file_deleted_on_both_sides_stays_away(upstream: Path, home: Path, tmp_path: Path) -> None:
    """A file that the repository deleted too does not come back."""
    deliver(image(upstream, tmp_path), home)
    (home / "repo/text.txt").unlink()
    git(upstream, "rm", "-q", "text.txt")
    commit(upstream)
    assert deliver(image(upstream, tmp_path), home).outcome == "updated"
    assert not (home / "repo/text.txt").exists()


def test_an_edited_file_that_the_repository_deleted_stays(
    upstream: Path, home: Path, tmp_path: Path, shallow: bool
) -> None:
    """What the user changed is never lost, not even by a deletion."""
    deliver(image(upstream, tmp_path, shallow), home)
    (home / "repo/text.txt").write_text("mine")
    git(upstream, "rm", "-q", "text.txt")
    commit(upstream)
    assert deliver(image(upstream, tmp_path, shallow), home).outcome == "updated"
    assert (home / "repo/text.txt").read_text() == "mine"
    assert git(home / "repo", "status", "--porcelain") == ""


def test_a_file_in_the_way_is_renamed(upstream: Path, home: Path, tmp_path: Path) -> None:
    """An untracked file with the name of a new one of the repository gets a time in its name."""
    deliver(image(upstream, tmp_path), home)
    (home / "repo/data.csv").write_text("mine")
    (home / "repo/more").write_text("a file where a folder comes")
    (upstream / "data.csv").write_text("theirs")
    (upstream / "more").mkdir()
    (upstream / "more/x").write_text("x")
    commit(upstream)
    report = deliver(image(upstream, tmp_path), home)
    assert report.renamed == {"data.csv": "data_20260102030405.csv", "more": "more_20260102030405"}
    assert (home / "repo/data.csv").read_text() == "theirs" and (home / "repo/more/x").read_text() == "x"
    assert (home / "repo/data_20260102030405.csv").read_text() == "mine"


def test_hooks_of_the_user_do_not_stop_an_update(upstream: Path, home: Path, tmp_path: Path) -> None:
    """A commit hook that always fails, and settings that sign, are not asked."""
    deliver(image(upstream, tmp_path), home)
    hook = home / "repo/.git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text("[commit]\n\tgpgSign = true\n[user]\n\tname = Ada\n\temail = ada@example.org\n")
    (home / "repo/text.txt").write_text("mine")
    (upstream / "b").write_text("b")
    commit(upstream)
    assert deliver(image(upstream, tmp_path), home).outcome == "updated"
    assert "Ada" in git(home / "repo", "log", "--format=%an")


def test_something_else_of_that_name_is_left_alone(upstream: Path, home: Path, tmp_path: Path) -> None:
    """A folder that is not this repository is not touched; the files go to one beside it, every time the same."""
    (home / "repo").mkdir()
    (home / "repo/precious").write_text("x")
    source = image(upstream, tmp_path)
    report = deliver(source, home)
    assert report.outcome == "new" and report.folder.startswith("repo-")
    assert list((home / "repo").iterdir()) == [home / "repo/precious"]
    assert deliver(source, home).folder == report.folder


def test_an_empty_folder_is_filled(upstream: Path, home: Path, tmp_path: Path) -> None:
    """A folder without anything in it is as good as none."""
    (home / "repo").mkdir()
    assert deliver(image(upstream, tmp_path), home).outcome == "new"
    assert (home / "repo/text.txt").exists()


def plain(tmp_path: Path, **files: str) -> Path:
    """Content without git."""
    folder = tmp_path / f"plain{len(list(tmp_path.glob('plain*')))}"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def test_content_without_git_is_compared_file_by_file(home: Path, tmp_path: Path) -> None:
    """Unchanged files are updated or removed, edited ones kept, deleted ones restored, ones in the way renamed."""
    deliver(plain(tmp_path, same="1", edited="1", both="1", deleted="1", gone="1", kept="1"), home)
    for name in ("edited", "both", "kept"):
        (home / "repo" / name).write_text("mine")
    (home / "repo/deleted").unlink()
    (home / "repo/way").write_text("mine")
    report = deliver(plain(tmp_path, same="2", edited="1", both="2", deleted="1", way="2"), home)
    found = {path.name: path.read_text() for path in (home / "repo").iterdir()}
    assert found == {
        "same": "2",
        "edited": "mine",
        "both": "mine",
        "deleted": "1",
        "kept": "mine",
        "way": "2",
        "way_20260102030405": "mine",
    }
    assert (report.outcome, report.yours, report.restored) == ("updated", ["both", "kept"], ["deleted"])
    assert report.gone == ["kept"]


@pytest.mark.parametrize("entry", ["x", ["100644"], ["100644", 5], {"mode": 1}, None, [[], {}]])
def test_a_damaged_note_in_the_home_stops_no_server(home: Path, tmp_path: Path, entry: object) -> None:
    """What it said of a file is forgotten, so that the user's stays; of others it holds."""
    deliver(plain(tmp_path, one="1", other="1"), home)
    note = home / ".local/share/hubkiln/delivered/repo.json"
    told = json.loads(note.read_text())
    told["hashes"]["one"] = entry
    note.write_text(json.dumps(told))
    report = deliver(plain(tmp_path, one="2", other="2"), home)
    assert report.outcome == "updated" and (home / "repo/other").read_text() == "2"
    assert "1" in {path.read_text() for path in (home / "repo").glob("one*")}


def test_what_the_image_wants_in_the_home_is_brought_there(home: Path, tmp_path: Path) -> None:
    """Only what is absent: nothing of the user's is replaced, entered through a link, or made from a device file."""
    given, outside = tmp_path / "given", tmp_path / "outside"
    for folder in (given / ".config/kiln", given / "linked", given / "new/deep", outside, home / ".config"):
        folder.mkdir(parents=True)
    for name in (".config/kiln/settings", ".profile", "linked/x", "new/deep/y"):
        (given / name).write_text("image's")
    (given / "link").symlink_to("/nowhere")
    (home / ".profile").write_text("user's")
    (home / "linked").symlink_to(outside)
    assert script.bring_home(given, home) == ""
    assert (home / ".profile").read_text() == "user's"
    assert (home / ".config/kiln/settings").read_text() == (home / "new/deep/y").read_text() == "image's"
    assert (home / "link").is_symlink()
    assert list(outside.iterdir()) == []
    assert script.bring_home(tmp_path / "absent", home) == ""


def test_a_report_is_left_in_the_home(upstream: Path, home: Path, tmp_path: Path) -> None:
    """What was done can be read later."""
    deliver(image(upstream, tmp_path), home)
    left = json.loads((home / ".local/share/hubkiln/delivered/repo.json").read_text())
    assert left["outcome"] == "new" and left["origin"] == "https://example.org/org/repo" and len(left["commit"]) == 40


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A small file system of its own at `folder`."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "hubkiln-test", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip("this process may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_home_is_said_and_nothing_half_is_left(upstream: Path, home: Path, tmp_path: Path) -> None:
    """A home too small for the files stays as it was."""
    (upstream / "big").write_bytes(os.urandom(2 << 20))
    commit(upstream)
    source = image(upstream, tmp_path)
    with mounted(home, "size=1m"):
        report = deliver(source, home)
        assert report.outcome == "kept" and "full" in report.why
        assert not (home / "repo").exists() and not list(home.glob(".repo*"))


@pytest.mark.slow
def test_an_update_into_a_full_home_loses_nothing(upstream: Path, home: Path, tmp_path: Path) -> None:
    """When the update does not fit, the user's files are as before."""
    source = image(upstream, tmp_path)
    (upstream / "big").write_bytes(os.urandom(3 << 20))
    commit(upstream)
    newer = image(upstream, tmp_path)
    with mounted(home, "size=2m"):
        deliver(source, home)
        (home / "repo/text.txt").write_text("mine")
        report = deliver(newer, home)
        assert report.outcome == "kept" and report.why
        assert (home / "repo/text.txt").read_text() == "mine" and (home / "repo/run.sh").exists()


def run(home: Path, source: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The script as the sandbox runs it, showing where it ended up."""
    shown = ("JUPYTERHUB_ROOT_DIR", "JUPYTERHUB_DEFAULT_URL", "HOME")
    show = f"import os; print(os.getcwd()); print(*map(os.environ.get, {shown}))"
    packed = source.with_name("deliver.pyz")
    packed.write_bytes(delivering())
    command = [
        sys.executable,
        "-I",
        str(packed),
        "--source",
        str(source),
        "--name",
        "repo",
        *arguments,
        "--",
        sys.executable,
        "-c",
        show,
    ]
    return subprocess.run(command, env=os.environ | {"HOME": str(home)}, capture_output=True, text=True)


def test_the_server_starts_in_the_delivered_folder(upstream: Path, home: Path, tmp_path: Path) -> None:
    """The program after ``--`` runs in the folder and is told what to show first."""
    done = run(home, image(upstream, tmp_path), "--url", "/lab/tree", "--open", "sub/a b.ipynb")
    assert done.stdout.splitlines()[-2:] == [str(home / "repo"), f"{home} /lab/tree/repo/sub/a%20b.ipynb {home}"]


def test_a_read_only_home_is_said_and_the_server_starts(upstream: Path, home: Path, tmp_path: Path) -> None:
    """With a home that cannot be written, work goes on in the image's own files and a temporary home."""
    source = image(upstream, tmp_path)
    with mounted(home, "ro"):
        done = run(home, source, "--url", "/lab/tree")
    assert "read-only" in done.stdout
    assert done.stdout.splitlines()[-2] == str(source)
    root, url, elsewhere = done.stdout.splitlines()[-1].split()
    assert (root, url) == (str(source), "/lab/tree") and elsewhere != str(home)


def test_an_absent_home_is_said_and_the_server_starts(upstream: Path, tmp_path: Path) -> None:
    """Without any home the server still starts."""
    done = run(tmp_path / "nowhere", image(upstream, tmp_path))
    assert done.returncode == 0 and "lost at the end" in done.stdout

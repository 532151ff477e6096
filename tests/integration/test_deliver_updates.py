"""Updates of a home, whatever the user's settings are, wherever their branch is, and whatever was left half done."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course import LINES, Course, git
from hubkiln.content.deliver.by_git import Clone
from hubkiln.content.deliver.locks import break_stale
from hubkiln.content.deliver.report import Kept, Report
from hubkiln.content.shipped import delivering

MINE = "MINE\n2\n3\n4\n5\n6\n7\n"
THEIRS = "1\n2\n3\n4\n5\n6\nTHEIRS\n"
BOTH = "MINE\n2\n3\n4\n5\n6\nTHEIRS\n"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """One with the files ``a`` and ``other``, delivered once."""
    course = Course(tmp_path).has(a=LINES, other="1\n")
    monkeypatch.setenv("HOME", str(course.home))
    course.start()
    return course


def merges(course: Course) -> None:
    """The user's edit and the repository's next version meet."""
    course.edit("a", MINE)
    report = course.has(a=THEIRS, new="n").start()
    assert (report.outcome, course.read("a"), course.read("new")) == ("updated", BOTH, "n"), report.why


SETTINGS = """\
[filter "lfs"]
clean = git-lfs clean
process = git-lfs that-is-not-there
required = true
[filter "strip"]
clean = sed s/MINE//
[filter "fails"]
clean = false
required
[merge "strip"]
driver = no-such-driver %A
[merge]
ff = only
verifySignatures = true
conflictStyle = zdiff9
[commit]
gpgSign = true
[gpg]
program = false
[url "ssh://nowhere/"]
insteadOf = /
insteadOf = h
[protocol]
allow = never
[core]
autocrlf = true
worktree = /tmp
hooksPath = /nowhere
fsmonitor = false
[user]
useConfigOnly = true
name = ...
email = <>
[i18n]
commitEncoding = none-such
[diff]
relative = true
external = false
[transfer]
fsckObjects = true
"""


@pytest.mark.parametrize("attribute", ["filter=strip merge=strip", "filter=fails merge=strip", "filter=lfs merge=lfs"])
@pytest.mark.parametrize("where", [".gitconfig", ".config/git/config", "nb/.git/config"])
def test_no_setting_of_git_decides(course: Course, attribute: str, where: str) -> None:
    """What the user set up for git elsewhere neither stops an update nor changes what is in a file."""
    (course.home / where).parent.mkdir(parents=True, exist_ok=True)
    with (course.home / where).open("a") as file:
        file.write(SETTINGS)
    (course.folder / ".git/info").mkdir(exist_ok=True)
    (course.folder / ".git/info/attributes").write_text(f"* {attribute}\n")
    merges(course)


def test_variables_of_git_do_not_decide(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's ``GIT_…`` variables are not heard."""
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_AUTHOR_DATE", "GIT_CONFIG_COUNT"):
        monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    merges(course)


def test_settings_that_cannot_be_read_are_named(course: Course) -> None:
    """A broken file of settings in the clone is said by its name; mended, the update arrives."""
    config = course.folder / ".git/config"
    whole = config.read_text()
    config.write_text(f"{whole}[core\n")
    report = course.has(other="2\n").start()
    assert report.outcome == "kept" and str(config) in report.why
    config.write_text(whole)
    assert course.start().outcome == "updated" and course.read("other") == "2\n"


def test_settings_of_a_newer_git_are_named(course: Course) -> None:
    """What another environment's git made of the clone and this one's does not know: no second folder is made of it."""
    course.git("config", "core.repositoryformatversion", "1")
    course.git("config", "extensions.nosuch", "true")
    config = course.folder / ".git/config"
    report = course.has(other="2\n").start()
    assert report.outcome == "kept" and "extension found: nosuch" in report.why and str(config) in report.why
    config.write_text(config.read_text().replace("nosuch = true", ""))
    assert course.start().outcome == "updated" and course.read("other") == "2\n"


@pytest.mark.parametrize(
    "lock", ["index.lock", "HEAD.lock", "refs/heads/main.lock", "refs/hubkiln/delivered.lock", "shallow.lock"]
)
def test_locks_of_the_dead_are_removed(course: Course, lock: str) -> None:
    """A lock that a killed git left stops nothing."""
    (course.folder / ".git" / lock).write_text("")
    merges(course)


def test_a_lock_that_is_held_is_named(course: Course) -> None:
    """The lock of a process that lives stays, and the sentence names it."""
    lock = course.folder / ".git/index.lock"
    holder = subprocess.Popen(["sh", "-c", f"exec 3>'{lock}'; echo; exec sleep 60"], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None and holder.stdout.readline()
        with pytest.raises(Kept, match=re.escape(str(lock))):
            break_stale(str(course.folder / ".git"), str(course.folder), patience=0.2)
        assert lock.exists()
    finally:
        holder.kill()
        holder.communicate()
    break_stale(str(course.folder / ".git"), str(course.folder), patience=0.2)
    assert not lock.exists()


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick", "revert"])
def test_what_is_unfinished_is_left_alone(course: Course, what: str) -> None:
    """A merge or its like with conflicts is the user's to end; then the update arrives."""
    for branch, text in (("x", "X\n"), ("main", "Y\n")):
        course.git("checkout", "-q", "-B", branch, *(["HEAD"] if branch == "x" else ["x~1"]))
        course.edit("a", text)
        course.git("commit", "-q", "-a", "-m", branch)
    if what == "revert":
        course.edit("a", "Z\n")
        course.git("commit", "-q", "-a", "-m", "z")
    course.git(what, "HEAD~1" if what == "revert" else "x", check=False)
    before, head = course.read("a"), course.git("rev-parse", "HEAD")
    assert "<<<<<<<" in before
    report = course.has(other="2\n").start()
    assert report.outcome == "kept" and f"git {what} --abort" in report.why and "/.git/" in report.why
    assert (course.read("a"), course.git("rev-parse", "HEAD")) == (before, head)
    course.git(what, "--abort")
    assert course.start().outcome == "updated" and course.read("other") == "2\n"


def test_the_folder_follows_what_was_started(tmp_path: Path) -> None:
    """From main to an older tag and back: each time its files, with the user's edits in them."""
    course = Course(tmp_path, whole=True).has(a=LINES, only_v1="x")
    git(course.upstream, "tag", "v1")
    course.put({"a": THEIRS, "only_v1": None, "only_main": "x"}).start()
    course.edit("a", BOTH)
    assert course.start("v1").outcome == "updated"
    assert course.read("a") == MINE and course.read("only_v1") and not (course.folder / "only_main").exists()
    assert course.start().outcome == "updated"
    assert course.read("a") == BOTH and course.read("only_main") and not (course.folder / "only_v1").exists()
    assert course.start().outcome == "unchanged" and course.git("status", "--porcelain") == ""


def test_an_older_tag_without_edits_is_that_tag(tmp_path: Path) -> None:
    """Who changed nothing has the started version and no history of ours."""
    course = Course(tmp_path, whole=True).has(a=LINES)
    git(course.upstream, "tag", "v1")
    course.has(a=THEIRS).start()
    course.start("v1")
    assert course.git("rev-parse", "HEAD") == git(course.upstream, "rev-parse", "v1") and course.read("a") == LINES


def test_each_branch_of_the_user_is_brought_up_to_date(course: Course) -> None:
    """An update on one branch does not pass for one on another, nor on a detached head."""
    course.git("checkout", "-q", "-b", "own")
    course.edit("a", MINE)
    course.has(other="2\n").start()
    assert course.git("symbolic-ref", "--short", "HEAD") == "own" and course.read("other") == "2\n"
    course.git("checkout", "-q", "main")
    assert course.read("other") == "1\n"
    assert course.start().outcome == "updated" and (course.read("other"), course.read("a")) == ("2\n", LINES)
    course.git("checkout", "-q", "--detach", "own")
    course.has(other="3\n").start()
    assert (course.read("other"), course.read("a")) == ("3\n", MINE)


def test_a_branch_without_a_commit_is_brought_up_to_date(course: Course) -> None:
    """After ``git checkout --orphan`` edits are kept and the next version arrives."""
    course.git("checkout", "-q", "--orphan", "fresh")
    merges(course)


def test_staged_work_can_be_had_back(course: Course) -> None:
    """What was staged and changed again is a commit; what lies in the folder stays there."""
    course.edit("a", "STAGED\n")
    course.git("add", "a")
    course.edit("a", "LATER\n")
    course.has(other="2\n").start()
    assert course.read("a") == "LATER\n" and "+STAGED" in course.git("log", "-p")


def test_what_was_removed_by_git_stays_away(course: Course) -> None:
    """``git rm`` is a decision, also when the repository changes the file, and that is said."""
    course.git("rm", "-q", "a")
    assert course.start().outcome == "unchanged"
    report = course.has(a=THEIRS, other="2\n").start()
    assert report.yours == ["a"] and any("removed" in line for line in report.lines())
    assert not (course.folder / "a").exists() and course.read("other") == "2\n"


def test_kinds_change_places(course: Course) -> None:
    """Folders become files, files folders, either a link and back; what was the user's is renamed."""
    course.put({"d/x": "1", "f": "1", "l": "1"}).start()
    course.edit("d/mine", "mine")
    course.put({"d/x": None, "f": None, "l": None})
    (course.upstream / "l").symlink_to("a")
    report = course.put({"d": "file", "f/y": "2"}).start()
    assert report.renamed == {"d": "d_20260102030405"} and course.read("d_20260102030405/mine") == "mine"
    assert course.read("d") == "file" and course.read("f/y") == "2" and (course.folder / "l").is_symlink()
    (course.upstream / "l").unlink()
    course.put({"l": "file again"}).start()
    assert course.read("l") == "file again" and not (course.folder / "l").is_symlink()


def test_edited_files_make_room(course: Course) -> None:
    """An edited file where the repository has a folder now keeps its content under another name."""
    course.put({"f": "1"}).start()
    course.edit("f", "mine")
    report = course.put({"f": None}).put({"f/y": "2"}).start()
    assert report.renamed == {"f": "f_20260102030405"} and course.read("f_20260102030405") == "mine"
    assert course.read("f/y") == "2" and course.start().outcome == "unchanged"


def test_nothing_is_reached_through_a_link(course: Course, tmp_path: Path) -> None:
    """A folder that the user replaced by a link elsewhere is theirs, and so is what lies there."""
    course.put({"data/x": "1"}).start()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x").write_text("precious")
    shutil.rmtree(course.folder / "data")
    (course.folder / "data").symlink_to(elsewhere)
    assert course.start().outcome == "unchanged"
    report = course.put({"data/x": "2", "other": "2\n"}).start()
    assert report.yours == ["data/x"] and course.read("other") == "2\n"
    assert (elsewhere / "x").read_text() == "precious" and (course.folder / "data").is_symlink()


def test_an_edit_follows_a_new_name(course: Course) -> None:
    """Where the repository renamed a file that the user changed, the change is in the file of the new name."""
    course.edit("a", MINE)
    git(course.upstream, "mv", "a", "b")
    report = course.put({}).start()
    assert report.moved == {"a": "b"} and course.read("b") == MINE and not (course.folder / "a").exists()


@pytest.mark.parametrize("name", ["n\udcff\udcfe.txt", "two\nlines", 'q"\\t', " lead", "-rf", "ü", ":(top)x", "*"])
def test_names_of_any_bytes(course: Course, name: str) -> None:
    """Files are updated, restored and spoken of whatever their names are."""
    course.put({name: LINES}).start()
    course.edit(name, MINE)
    course.put({name: THEIRS}).start()
    assert course.read(name) == BOTH
    (course.folder / name).unlink()
    report = course.start()
    assert report.restored == [name] and course.read(name) == THEIRS
    assert all(line.isprintable() for line in report.lines())


def test_names_that_differ_in_capitals_only(course: Course) -> None:
    """They are two files."""
    course.put({"README": "1", "readme": "1"}).start()
    course.edit("readme", "mine")
    course.put({"README": "2"}).start()
    assert (course.read("README"), course.read("readme")) == ("2", "mine")


def test_line_ends_of_an_editor(course: Course) -> None:
    """An editor that changed all line ends does not keep the repository's changes out."""
    course.edit("a", MINE.replace("\n", "\r\n"))
    course.has(a=THEIRS).start()
    assert course.read("a") == BOTH.replace("\n", "\r\n")


def test_line_ends_of_attributes(tmp_path: Path) -> None:
    """Files that git stores otherwise than they lie are no edits, and are updated as they lie."""
    course = Course(tmp_path).put({".gitattributes": "* text eol=crlf\n*.u working-tree-encoding=UTF-16\n", "a": LINES})
    course.put({"b": "1\n", "x.u": "ü\n".encode("utf-16")}).start()
    assert course.start().outcome == "unchanged"
    course.edit("a", MINE.replace("\n", "\r\n"))
    report = course.put({"a": THEIRS, "b": "2\n", "x.u": "ö\n".encode("utf-16")}).start()
    assert (course.read("a"), course.read("b")) == (BOTH.replace("\n", "\r\n"), "2\r\n") and not report.yours
    assert (course.folder / "x.u").read_bytes().decode("utf-16") == "ö\r\n"


def test_a_notebook_stays_one(course: Course) -> None:
    """Merging lines may not break a notebook: then the user's stays, and that is said."""
    course.put({"n.ipynb": '{\n"a": 1,\n"b": 2,\n"c": 3\n}\n'}).start()
    mine = course.edit("n.ipynb", '{\n"a": 1,\n"b": 2,\n"c": 3,\n"d": 4\n}\n').read_text()
    report = course.put({"n.ipynb": '{\n"z": 0\n}\n'}).start()
    assert course.read("n.ipynb") == mine and report.yours + report.partly == ["n.ipynb"]


def test_lines_of_both_are_told(course: Course) -> None:
    """A file with lines of both sides, and the user's where they met, is spoken of."""
    course.edit("a", "MINE\n2\n3\n4\n5\n6\n7\n")
    report = course.has(a="OTHER\n2\n3\n4\n5\n6\nTHEIRS\n").start()
    assert course.read("a") == BOTH and report.partly == ["a"] and not report.yours


def submodule(course: Course, root: Path) -> Path:
    """A repository that `course` has at ``sm``."""
    inner = root / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    (inner / "s").write_text(LINES)
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "s")
    git(course.upstream, "submodule", "add", "-q", f"file://{inner}", "sm")
    course.put({})
    return inner


def test_submodules_arrive_and_are_updated(course: Course, tmp_path: Path) -> None:
    """One that is added later arrives; edits in it are merged, deleted files come back, and it may become a file."""
    inner = submodule(course, tmp_path)
    assert course.start().outcome == "updated" and course.read("sm/s") == LINES
    assert course.git("status", "--porcelain") == ""
    course.edit("sm/s", MINE)
    (inner / "s").write_text(THEIRS)
    git(inner, "commit", "-q", "-a", "-m", "2")
    git(course.upstream / "sm", "pull", "-q")
    assert course.put({}).start().outcome == "updated" and course.read("sm/s") == BOTH
    (course.folder / "sm/s").unlink()
    assert course.start().restored == ["sm/s"]
    report = course.put({"sm": None}).put({"sm": "a file"}).start()
    assert course.read("sm") == "a file" and list(report.renamed) == ["sm"]


def moved_on(course: Course, *words: str) -> None:
    """The repository does something with its submodule by git, and commits."""
    git(course.upstream, *words)
    course.put({})


@pytest.mark.parametrize("first", ["with it", "before it"])
def test_a_submodule_that_is_gone_goes(course: Course, tmp_path: Path, first: str) -> None:
    """Whether it came with the first delivery or later; untracked files and edits stay, and are told."""
    if first == "before it":
        course.start()
    submodule(course, tmp_path)
    course.start()
    assert course.read("sm/s") == LINES
    moved_on(course, "rm", "-q", "-f", "sm")
    assert not list(course.start().lines())[1:] and not (course.folder / "sm").exists()
    assert course.git("status", "--porcelain") == ""
    course.put({"sm/plain": "1"})
    course.start()
    assert course.read("sm/plain") == "1"


def test_edits_in_a_submodule_that_is_gone_stay(course: Course, tmp_path: Path) -> None:
    """What was not touched goes; a repository with the user's own commits stays one."""
    inner = submodule(course, tmp_path)
    (inner / "t").write_text("1")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "t")
    git(course.upstream / "sm", "pull", "-q")
    course.put({}).start()
    older = course.image()
    course.edit("sm/s", MINE)
    course.edit("sm/own", "my new")
    moved_on(course, "rm", "-q", "-f", "sm")
    report = course.start()
    assert (report.yours, report.gone) == (["sm/s"], ["sm/s"])
    assert sorted(path.name for path in (course.folder / "sm").iterdir()) == ["own", "s"]
    assert course.read("sm/s") == MINE
    (course.folder / "sm/s").unlink()
    (course.folder / "sm/own").unlink()
    course.start(image=older)
    assert course.read("sm/t") == "1"
    course.edit("sm/s", MINE)
    git(course.folder / "sm", "commit", "-q", "-a", "-m", "mine")
    report = course.start()
    assert "sm" in report.gone and course.read("sm/s") == MINE and not (course.folder / "sm/t").exists()
    assert git(course.folder / "sm", "log", "-1", "--format=%s") == "mine"


def test_a_commit_made_after_a_start_was_cut_off_stays(tmp_path: Path) -> None:
    """What was to go when that start began is looked at again before it goes."""
    course = Course(tmp_path / "first").has(a=LINES)
    submodule(course, tmp_path)
    course.start()
    moved_on(course, "rm", "-q", "-f", "sm")

    class CutOff(Clone):
        def resume(self) -> bool:
            if self.journal.underway():
                raise InterruptedError
            return super().resume()

    with pytest.raises(InterruptedError):
        CutOff(str(course.image()), str(course.folder), Report(), "x").update()
    course.edit("sm/s", MINE)
    git(course.folder / "sm", "commit", "-q", "-a", "-m", "mine")
    course.start()
    assert git(course.folder / "sm", "log", "-1", "--format=%s") == "mine" and course.read("sm/s") == MINE


def test_a_submodule_that_is_renamed_is_renamed(course: Course, tmp_path: Path) -> None:
    """With the edits in it, and those go on being merged."""
    inner = submodule(course, tmp_path)
    course.start()
    course.edit("sm/s", MINE)
    moved_on(course, "mv", "sm", "lib")
    (inner / "s").write_text(THEIRS)
    git(inner, "commit", "-q", "-a", "-m", "2")
    git(course.upstream / "lib", "pull", "-q")
    report = course.put({}).start()
    assert report.moved == {"sm": "lib"} and course.read("lib/s") == BOTH and not (course.folder / "sm").exists()
    (course.upstream / "deep").mkdir()
    moved_on(course, "mv", "lib", "deep/lib")
    course.start()
    assert course.read("deep/lib/s") == BOTH and git(course.folder / "deep/lib", "status", "--porcelain") == ""


def test_a_submodule_may_come_from_elsewhere(course: Course, tmp_path: Path) -> None:
    """Another repository at its place: files that only the old one has go, edits stay, and its address is the new."""
    submodule(course, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "s").write_text(THEIRS)
    (other / "u").write_text("new")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "other")
    course.start()
    course.edit("sm/s", MINE)
    git(course.upstream, "submodule", "set-url", "sm", f"file://{other}")
    git(course.upstream / "sm", "fetch", "-q", f"file://{other}", "HEAD")
    git(course.upstream / "sm", "checkout", "-q", "FETCH_HEAD")
    assert course.put({}).start().outcome == "updated"
    assert (course.read("sm/s"), course.read("sm/u")) == (BOTH, "new")
    assert git(course.folder / "sm", "config", "remote.origin.url") == f"file://{other}"


def test_a_submodule_that_was_emptied_and_is_gone_leaves_no_folder(course: Course, tmp_path: Path) -> None:
    """As `git submodule deinit` empties it; one that the repository still has comes back."""
    submodule(course, tmp_path)
    course.start()
    shutil.rmtree(course.folder / "sm")
    (course.folder / "sm").mkdir()
    assert course.start().outcome == "updated" and course.read("sm/s") == LINES
    shutil.rmtree(course.folder / "sm")
    (course.folder / "sm").mkdir()
    moved_on(course, "rm", "-q", "-f", "sm")
    assert course.start().outcome == "updated" and not (course.folder / "sm").exists()


def test_a_file_that_becomes_a_submodule_is_not_called_brought_back(course: Course, tmp_path: Path) -> None:
    """The user deleted nothing."""
    course.put({"sm": "a file"}).start()
    git(course.upstream, "rm", "-q", "sm")
    submodule(course, tmp_path)
    report = course.start()
    assert course.read("sm/s") == LINES and report.restored == []


def test_a_submodule_may_become_a_folder_and_back(course: Course, tmp_path: Path) -> None:
    """Files of both stay where they are the same; where the user edited, the old folder is kept under another name."""
    inner = submodule(course, tmp_path)
    course.start()
    git(course.upstream, "rm", "-q", "-f", "sm")
    report = course.put({"sm/s": LINES, "sm/t": "1"}).start()
    assert not report.renamed and not (course.folder / "sm/.git").exists()
    assert (course.read("sm/s"), course.read("sm/t")) == (LINES, "1") and course.git("status", "--porcelain") == ""
    git(course.upstream, "rm", "-q", "-r", "sm")
    git(course.upstream, "submodule", "add", "-q", "--force", f"file://{inner}", "sm")
    report = course.put({}).start()
    assert not report.renamed and (course.folder / "sm/.git").is_dir() and not (course.folder / "sm/t").exists()
    course.edit("sm/s", MINE)
    git(course.upstream, "rm", "-q", "-f", "sm")
    report = course.put({"sm/s": THEIRS}).start()
    assert course.read("sm/s") == THEIRS and list(report.renamed) == ["sm"]
    assert course.read(f"{report.renamed['sm']}/s") == MINE


def test_a_submodule_inside_one_goes_with_it(course: Course, tmp_path: Path) -> None:
    """All of it; an edit in the inner one stays."""
    middle, inner = tmp_path / "middle", submodule(course, tmp_path)
    middle.mkdir()
    git(middle, "init", "-q")
    (middle / "m").write_text("1")
    git(middle, "submodule", "add", "-q", f"file://{inner}", "deep")
    git(middle, "add", "-A")
    git(middle, "commit", "-q", "-m", "m")
    git(course.upstream, "submodule", "add", "-q", f"file://{middle}", "mid")
    git(course.upstream, "submodule", "update", "-q", "--init", "--recursive")
    course.put({}).start()
    assert course.read("mid/deep/s") == LINES
    course.edit("mid/deep/s", MINE)
    moved_on(course, "rm", "-q", "-f", "mid")
    report = course.start()
    assert report.gone == ["mid/deep/s"] and course.read("mid/deep/s") == MINE
    assert [path.name for path in (course.folder / "mid").iterdir()] == ["deep"]
    assert [path.name for path in (course.folder / "mid/deep").iterdir()] == ["s"]


def test_a_submodule_that_cannot_be_updated_is_named(course: Course, tmp_path: Path) -> None:
    """What is unfinished in a submodule holds up that one alone."""
    inner = submodule(course, tmp_path)
    course.start()
    (course.folder / "sm/.git/MERGE_HEAD").write_text("")
    (inner / "s").write_text(THEIRS)
    git(inner, "commit", "-q", "-a", "-m", "2")
    git(course.upstream / "sm", "pull", "-q")
    report = course.put({"other": "2\n"}).start()
    assert course.read("other") == "2\n" and course.read("sm/s") == LINES
    assert "MERGE_HEAD" in report.missed["sm"] and any("could not update sm" in line for line in report.lines())


def test_a_user_without_rights_on_their_files_is_updated(course: Course) -> None:
    """Files and folders that the user made read-only are updated and stay so; it takes no root."""
    course.put({"d/x": "1", "d/y": "1"}).start()
    for path, mode in (("d/x", 0o444), ("d", 0o555)):
        (course.folder / path).chmod(mode)
    course.put({"d/x": "2", "d/y": None})
    as_somebody(course, course.image())
    assert course.read("d/x") == "2" and not (course.folder / "d/y").exists()
    assert (course.folder / "d").stat().st_mode & 0o777 == 0o555


def as_somebody(course: Course, source: Path, *before: str) -> "subprocess.CompletedProcess[bytes]":
    """The packed program, as an ordinary user who owns the home."""
    program = course.root / "deliver.pyz"
    program.write_bytes(delivering())
    python = shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin")
    if python is None:
        pytest.skip("no Python that everybody may run")
    words = [*before, python, "-I", str(program), "--source", str(source), "--name", "nb", "--", "true"]
    somebody = {} if os.getuid() else {"user": 65534, "group": 65534, "extra_groups": ()}
    if somebody:
        subprocess.run(["chown", "-R", "65534:65534", str(course.home)], check=True)
        for above in (course.root, *course.root.parents[:3]):
            if above.stat().st_uid == 0 and above != Path("/"):
                above.chmod(above.stat().st_mode | 0o055)
    env = os.environ | {"HOME": str(course.home)}
    return subprocess.run(words, env=env, capture_output=True, check=not before, **somebody)  # type: ignore[call-overload,no-any-return]


KILLED = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
left = int(sys.argv[2])
def counted(place, name):
    real = getattr(place, name)
    def call(*words, **more):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return real(*words, **more)
    setattr(place, name, call)
for name in ("rename", "replace", "unlink", "mkdir", "rmdir", "symlink", "chmod"):
    counted(os, name)
counted(subprocess, "run")
sys.argv = ["deliver", "--source", sys.argv[3], "--name", "nb", "--", "true"]
from deliver import main
main()
"""
"""Delivers, and is killed at the n-th change of a file or call of git."""


@pytest.mark.slow
def test_a_start_that_was_killed_is_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a delivery is cut off, no edit is lost, and the next start leaves all as if nothing had happened."""
    course = Course(tmp_path).put({"a": LINES, "d/x": "1", "f": "1", "gone/x": "1"})
    monkeypatch.setenv("HOME", str(course.home))
    course.start()
    course.edit("a", MINE)
    course.edit("new", "my new")
    older = course.put({"gone/x": None, "f": None, "a": THEIRS}).put({"f/y": "2", "new": "theirs", "d/x": "2"}).image()
    newer = course.put({"d/x": "3"}).image()
    begun = tmp_path / "begun"
    course.home.rename(begun)
    program = tmp_path / "deliver.pyz"
    program.write_bytes(delivering())
    for count in range(9, 1000, 13):
        shutil.rmtree(course.home, ignore_errors=True)
        shutil.copytree(begun, course.home, symlinks=True)
        words = [sys.executable, "-c", KILLED, str(program), str(count), str(older)]
        killed = subprocess.run(words, env=os.environ | {"HOME": str(course.home)}, capture_output=True).returncode
        assert course.read("a") in (MINE, BOTH)
        assert course.start(image=newer).outcome == "updated"
        assert (course.read("a"), course.read("f/y"), course.read("d/x")) == (BOTH, "2", "3")
        assert course.read("new") == "theirs" and _renamed(course)
        assert not (course.folder / "gone").exists() and course.git("status", "--porcelain", "-uno") == ""
        assert {path.name for path in course.home.iterdir()} == {"nb", ".local"}
        if killed == 0:
            return
    raise AssertionError("it never came to its end")


def _renamed(course: Course) -> str:
    """The name that the user's own ``new`` has now."""
    return next(path.name for path in course.folder.glob("new_*") if path.read_text() == "my new")


@pytest.mark.parametrize("name", ["shallow", "refs/heads/main"])
def test_a_broken_file_of_git_is_named(course: Course, name: str) -> None:
    """What git cannot read in the clone is said by the file's name, and the user's work stays as it is."""
    (course.folder / ".git" / name).write_text("garbage")
    course.edit("a", MINE)
    report = course.has(other="2\n").start()
    assert report.outcome == "kept" and str(course.folder / ".git" / name) in report.why
    assert course.read("a") == MINE


@pytest.mark.parametrize("content", [b"", b"garbage", b"DIRC\0\0\0\x09" + b"\0" * 90])
def test_a_damaged_index_stops_nothing(course: Course, content: bytes) -> None:
    """It is put aside: the files and the commits are all that an update needs."""
    (course.folder / ".git/index").write_bytes(content)
    merges(course)
    assert (course.folder / ".git/index.damaged").read_bytes() == content
    assert course.git("status", "--porcelain", "-uno") == ""


def test_what_a_sparse_checkout_leaves_out_stays_out(course: Course) -> None:
    """After an update too: git does not take it for deleted, and nothing is said to be restored."""
    course.put({"in/x": "1", "out/y": "1"}).start()
    course.git("status")  # else git keeps files that it has not looked at
    course.git("sparse-checkout", "set", "in")
    assert not (course.folder / "out").exists()
    report = course.put({"in/x": "2", "out/y": "2"}).start()
    assert (report.outcome, report.restored, course.read("in/x")) == ("updated", [], "2")
    assert not (course.folder / "out").exists()
    assert course.git("status", "--porcelain") == ""
    assert not course.start().restored


def test_a_file_that_git_was_told_not_to_look_at_is_merged(course: Course) -> None:
    """`--skip-worktree` on a file that is there, as people do to hide an edit: the repository's lines arrive too."""
    course.git("update-index", "--skip-worktree", "a")
    merges(course)
    assert course.git("ls-files", "-t", "a").startswith("S")


def test_a_long_name_makes_room(course: Course) -> None:
    """A name with the moment added would be longer than a file system takes."""
    name = "ä" * 120 + ".ipynb"
    (course.folder / name).write_text("mine")
    assert course.put({name: "theirs"}).start().outcome == "updated"
    assert course.read(name) == "theirs"
    assert [path.read_text() for path in course.folder.glob("ä*_*.ipynb")] == ["mine"]


@pytest.mark.parametrize(
    "remote", [("rename", "origin", "upstream"), ("set-url", "origin", "https://example.org/me/fork.git")]
)
def test_a_user_with_a_fork_gets_updates_where_they_work(course: Course, remote: tuple[str, ...]) -> None:
    """The folder came from here, whatever remote its user gives it."""
    course.git("remote", *remote)
    merges(course)
    assert [path.name for path in course.home.iterdir() if path.name != ".local"] == ["nb"]


def test_another_repository_of_that_name_is_left_alone(course: Course) -> None:
    """Where the user put a clone of their own in the place of what was delivered."""
    shutil.rmtree(course.folder)
    git(course.home, "init", "-q", "nb")
    course.git("remote", "add", "origin", "https://example.org/me/other.git")
    assert course.start().folder != "nb"


def test_notes_of_ours_that_are_broken_stop_nothing(course: Course) -> None:
    """Files of our own in the clone and in the home are made anew when they cannot be read."""
    for path in (course.folder / ".git/hubkiln", course.home / ".local/share/hubkiln/delivered"):
        for file in path.iterdir():
            file.write_text("garbage")
    (course.folder / ".git/hubkiln/underway.json").write_text("[")
    merges(course)


def test_what_an_image_leaves_out_was_not_deleted(course: Course) -> None:
    """Files that an image lacks are neither brought back nor said to have been deleted, and arrive once they come."""
    course.put({"big/data": "1"})
    for number in ("2", "3"):
        image = course.put({"other": number}).image()
        shutil.rmtree(image / "big")
        report = course.start(image=image)
        assert report.outcome == "updated" and not report.restored and course.read("other") == number
    assert not course.put({"other": "4"}).start().restored and course.read("big/data") == "1"


def test_an_environment_without_git_leaves_a_clone_alone(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said, and the next environment with git brings the update."""
    image = course.has(other="2\n").image()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "/nowhere")
        report = course.start(image=image)
    assert report.outcome == "kept" and "no git" in report.why and report.folder == "nb"
    assert course.start(image=image).outcome == "updated" and course.read("other") == "2\n"


def test_a_clone_of_the_users_own_is_updated(tmp_path: Path) -> None:
    """Who cloned the repository by hand before has their commits kept and the new version merged."""
    course = Course(tmp_path, whole=True).has(a=LINES)
    git(course.home, "clone", "-q", f"file://{course.upstream}", "nb")
    course.git("remote", "set-url", "origin", "https://example.org/nb.git")
    course.edit("a", MINE)
    course.git("commit", "-q", "-a", "-m", "mine")
    course.whole = False
    assert course.has(a=THEIRS).start().outcome == "updated" and course.read("a") == BOTH


@pytest.mark.parametrize("whole", [True, False])
def test_a_delivered_commit_that_was_amended_is_still_the_base(tmp_path: Path, whole: bool) -> None:
    """Rewriting the commit that came does not make its files the user's edits, though history knows an older one."""
    course = Course(tmp_path, whole=whole).has(a="old\n", b="old\n")
    course.start()
    course.has(a=LINES, b="new\n").start()
    course.git("commit", "-q", "--amend", "-m", "mine")
    report = course.has(a=THEIRS, b="newest\n").start()
    assert (course.read("a"), course.read("b")) == (THEIRS, "newest\n") and not report.yours
    course.git("commit", "-q", "--amend", "-m", "mine again")
    report = course.has(a=LINES, b="last\n").start()
    assert (course.read("a"), course.read("b")) == (LINES, "last\n") and not report.yours


@pytest.mark.parametrize("whole", [True, False])
def test_where_both_amended_the_version_delivered_last_is_the_base(tmp_path: Path, whole: bool) -> None:
    """A version that the repository rewrote has the same author, date and parents as the one before it."""
    course = Course(tmp_path, whole=whole).has(a="old\n")
    course.start()
    (course.upstream / "b").write_text("new\n")
    git(course.upstream, "add", "-A")
    committed = ["git", "-c", "user.name=t", "-c", "user.email=t", "commit", "-q", "--amend", "-m", "v"]
    later = {"GIT_COMMITTER_DATE": "2040-01-01T00:00:00", "GIT_CONFIG_GLOBAL": "/dev/null"}
    subprocess.run(committed, cwd=course.upstream, env=os.environ | later, check=True)
    assert course.start().outcome == "updated" and course.read("b") == "new\n"
    course.git("commit", "-q", "--amend", "-m", "mine")
    report = course.has(a="newest\n", b="newest\n").start()
    assert (course.read("a"), course.read("b")) == ("newest\n", "newest\n") and not report.yours

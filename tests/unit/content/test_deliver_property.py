"""Random histories of a repository and random deeds of a user: no edit is ever lost, and the report tells the truth.

A few examples run with the other tests; with ``HUBKILN_DELIVERY_EXAMPLES=400`` as many as that.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hubkiln.content.deliver import Report, deliver

NAMES = (
    "a.txt",
    "lecture 2.ipynb",
    "lecture [2].ipynb",
    ":!a.txt",
    "*",
    "-rf",
    "d",
    "d/x",
    "d/y.csv",
    "D",
    "e/f/g",
    "e",
    "n\udcff",
    "ü",
    'q"t',
    "two\nlines",
)
DEEDS = (
    *("append", "append", "replace", "replace", "delete", "rename", "git-mv", "stage", "commit", "git-rm", "uncache"),
    *("branch", "back", "detach", "reset", "merge", "lock", "readonly", "folder", "link", "filter", "crlf", "amend"),
    *("sub-edit", "sub-edit", "sub-new", "sub-stage", "sub-commit", "sub-drop", "sub-deinit", "sub-branch"),
)
CHANGES = (
    *("write", "write", "write", "append", "append", "delete", "link", "run"),
    *("sub-add", "sub-add", "sub-bump", "sub-bump", "sub-remove", "sub-rename", "sub-readdress", "sub-folder"),
)
SUBMODULES = ("sm", "d", "deep/sm")
"""Where they are put, one of them in place of a folder of the repository's."""
EXAMPLES = int(os.environ.get("HUBKILN_DELIVERY_EXAMPLES", "6"))
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where stories are written: git waits for a disk at each commit and each clone."""
TOKEN = re.compile(rb"mine-\d+")
OURS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C.UTF-8"}
PERSON = {f"GIT_{who}_{what}": "t@t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}

names = st.sampled_from(NAMES)
changes = st.lists(st.tuples(st.sampled_from(CHANGES), names), max_size=5)
versions = st.tuples(st.sampled_from(["next", "next", "next", "older", "amend"]), changes)
deeds = st.lists(
    st.tuples(
        st.sampled_from(DEEDS),
        names,
        names,
    ),
    max_size=6,
)
stories = st.lists(st.tuples(versions, deeds), min_size=2, max_size=4)


_SETTINGS = ("-c", "protocol.file.allow=always", "-c", "maintenance.auto=false")


def place(name: str) -> str:
    """Where a submodule is that a story calls `name`."""
    return SUBMODULES[NAMES.index(name) % len(SUBMODULES)]


def git(folder: Path, *arguments: str) -> str:
    """Run git there; whether that works is the story's affair."""
    command = ["git", "-c", "init.defaultBranch=main", "-c", "commit.gpgSign=false", *_SETTINGS, *arguments]
    env = os.environ | OURS | PERSON
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True)
    return done.stdout.decode("utf-8", "surrogateescape")


def make_way(root: Path, name: str) -> Path:
    """A path that can be written: what is in the way goes."""
    path = root / name
    for above in reversed(path.relative_to(root).parents):
        if (root / above).is_symlink() or (root / above).is_file():
            (root / above).unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    return path


def files_of(root: Path) -> dict[str, bytes]:
    """Every file, and every link as its target; in submodules as well."""
    found = {}
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*files, *folders):
            if name == ".git":
                continue
            path = Path(parent, name)
            if path.is_symlink():
                found[os.path.relpath(path, root)] = b"-> " + os.fsencode(path.readlink())
            elif path.is_file():
                found[os.path.relpath(path, root)] = path.read_bytes()
    return found


@dataclass
class World:
    """A repository, its images, and a home."""

    root: Path
    count: int = 0
    touched: set[str] = field(default_factory=set)
    """Names that the user did something with."""
    own: set[str] = field(default_factory=set)
    """Commits that the user made in submodules."""

    def __post_init__(self) -> None:
        self.upstream, self.home, self.inner = self.root / "up", self.root / "home", self.root / "inner"
        self.repo = self.home / "repo"
        self.upstream.mkdir()
        self.home.mkdir()
        git(self.upstream, "init", "-q")
        self.inner.mkdir()
        git(self.inner, "init", "-q")
        self._write_inner()

    def _write_inner(self) -> None:
        """One more commit of the repository that submodules are of."""
        (self.inner / "t").mkdir(exist_ok=True)
        for name in ("s", "t/u"):
            (self.inner / name).write_text("".join(f"theirs-{self.number()}\n" for _ in range(6)))
        git(self.inner, "add", "-A")
        git(self.inner, "commit", "-q", "-m", "v")

    def owned(self) -> set[str]:
        """Those of the user's commits in submodules that are still in the home."""
        places = [path.parent for path in self.repo.rglob(".git") if path.parent != self.repo]
        modules = [path.parent for path in (self.repo / ".git").rglob("HEAD") if (path.parent / "objects").is_dir()]
        return {
            commit
            for commit in self.own
            for folder in (*places, *modules)
            if git(folder, "--git-dir", ".git" if (folder / ".git").exists() else ".", "cat-file", "-t", commit)
        }

    def number(self) -> int:
        """A new one."""
        self.count += 1
        return self.count

    def image(self, kind: str, changes: list[tuple[str, str]]) -> Path:
        """Commit `changes`; then what lies at ``/srv/repo``, of this version or an older one."""
        self.commit(kind, changes)
        source = self.root / f"image{self.number()}"
        depth = ["--depth", "1", "--shallow-submodules"] if self.count % 2 and kind != "older" else []
        git(self.root, "clone", "-q", "--no-checkout", *depth, f"file://{self.upstream}", str(source))
        git(source, "checkout", "-q", "HEAD~1" if kind == "older" else "HEAD")
        if (source / ".gitmodules").exists():
            git(source, "submodule", "-q", "update", "--init", *depth[:2])
        git(source, "remote", "set-url", "origin", "https://example.org/repo.git")
        return source

    def commit(self, kind: str, changes: list[tuple[str, str]]) -> None:
        """Make `changes` the repository's next version."""
        for what, name in changes:
            self._change(what, name)
        git(self.upstream, "add", "-A")
        git(self.upstream, "commit", "-q", "--allow-empty", "-m", "v", *(["--amend"] if kind == "amend" else []))

    def _change(self, what: str, name: str) -> None:
        path = self.upstream / name
        if what.startswith("sub-"):
            self._change_inner(what, place(name), place(NAMES[(NAMES.index(name) + 1) % len(NAMES)]))
            return
        if what == "append" and path.is_file() and not path.is_symlink():
            path.write_text(f"{path.read_text()}theirs-{self.number()}\n")
        elif what == "delete" and os.path.lexists(path) and (path.is_file() or path.is_symlink()):
            path.unlink()
        elif what == "link":
            path = make_way(self.upstream, name)
            path.unlink(missing_ok=True)
            path.symlink_to(f"to-{self.number()}")
        elif what == "run" and path.is_file() and not path.is_symlink():
            path.chmod(0o755)
        elif what == "write":
            path = make_way(self.upstream, name)
            path.unlink(missing_ok=True)
            path.write_text("".join(f"theirs-{self.number()}\n" for _ in range(6)))

    def _change_inner(self, what: str, path: str, other: str) -> None:
        """What the repository does with its submodule at `path`; nothing where it cannot be done."""
        up = self.upstream
        there = git(up, "ls-files", "-s", "--", path).startswith("160000")
        if what == "sub-add" and not there:
            make_way(up, path)
            (up / path).unlink(missing_ok=True)
            git(up, "rm", "-r", "-q", "-f", "--cached", "--ignore-unmatch", "--", path)
            called = f"n{self.number()}"
            git(up, "submodule", "-q", "add", "--force", "--name", called, f"file://{self.inner}", path)
        elif what == "sub-bump" and there:
            self._write_inner()
            git(up / path, "fetch", "-q", "origin")
            git(up / path, "checkout", "-q", "-f", "--detach", "FETCH_HEAD")
        elif what in ("sub-remove", "sub-folder") and there:
            git(up, "rm", "-q", "-f", "--", path)
            if what == "sub-folder":
                target = make_way(up, f"{path}/s")
                target.write_text(f"theirs-{self.number()}\n")
        elif what == "sub-rename" and there and not os.path.lexists(up / other):
            (up / other).parent.mkdir(parents=True, exist_ok=True)
            git(up, "mv", "--", path, other)
        elif what == "sub-readdress" and there:
            moved = self.root / f"moved{self.number()}"
            git(self.root, "clone", "-q", str(self.inner), str(moved))
            git(up, "submodule", "-q", "set-url", "--", path, f"file://{moved}")

    def _do_inner(self, what: str, path: str) -> None:
        """What the user does in the submodule at `path`, or with it."""
        folder = self.repo / path
        if what == "sub-drop" and folder.is_dir():
            shutil.rmtree(folder)
        elif what == "sub-deinit":
            git(self.repo, "submodule", "-q", "deinit", "-f", "--", path)
        elif not (folder / ".git").exists():
            return
        elif what == "sub-edit" and (folder / "s").is_file():
            with (folder / "s").open("ab") as file:
                file.write(b"mine-%d\n" % self.number())
        elif what == "sub-new":
            (folder / "new").write_text(f"mine-{self.number()}\n")
        elif what == "sub-stage":
            git(folder, "add", "-A")
        elif what == "sub-branch":
            git(folder, "checkout", "-q", "-b", f"own{self.number()}")
        elif what == "sub-commit":
            before = git(folder, "rev-parse", "HEAD")
            git(folder, "commit", "-q", "-a", "-m", "mine")
            if (made := git(folder, "rev-parse", "HEAD").strip()) != before.strip():
                self.own.add(made)

    def do(self, what: str, name: str, other: str) -> None:
        """A deed of the user; nothing where it cannot be done."""
        path, target, repo = self.repo / name, self.repo / other, self.repo
        plain = path.is_file() and not path.is_symlink()
        before = files_of(repo)
        with contextlib.suppress(OSError):
            if what == "append" and plain:
                with path.open("ab") as file:
                    file.write(b"mine-%d\n" % self.number())
            elif what == "replace" and not os.path.lexists(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"mine-{self.number()}\n")
            elif what == "replace" and plain:
                path.write_text(f"mine-{self.number()}\nmine-{self.number()}\n")
            elif what == "delete" and os.path.lexists(path) and (plain or path.is_symlink()):
                path.unlink()
            elif what == "rename" and os.path.lexists(path) and not os.path.lexists(target):
                path.rename(target)
            elif what == "readonly" and plain:
                path.chmod(0o444)
            elif what == "folder" and not os.path.lexists(path):
                path.mkdir(parents=True)
                (path / "inside").write_text(f"mine-{self.number()}\n")
            elif what == "link" and not os.path.lexists(path):
                path.symlink_to(f"mine-{self.number()}")
            elif what == "crlf" and plain:
                path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
            elif what == "lock":
                lock = (
                    repo / ".git" / ("index.lock", "HEAD.lock", "refs/heads/main.lock", "shallow.lock")[self.count % 4]
                )
                lock.write_bytes(b"")
                os.utime(lock, (1, 1))
            elif what == "filter":
                (self.home / ".gitconfig").write_text(
                    '[filter "x"]\n\tclean = false\n\trequired\n[merge]\n\tff = only\n'
                )
                (repo / ".git/info").mkdir(exist_ok=True)
                (repo / ".git/info/attributes").write_text("* filter=x\n")
                git(repo, "config", "filter.x.clean", "sed s/mine.*//")
        self._by_git(what, name, other)
        if what.startswith("sub-"):
            self._do_inner(what, place(name))
        if what in ("git-rm", "uncache"):
            self.touched.add(name)
        if what != "back":
            after = files_of(repo)
            self.touched |= {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}

    def _by_git(self, what: str, name: str, other: str) -> None:
        repo = self.repo
        if what == "git-mv":
            git(repo, "mv", "--", name, other)
        elif what == "stage":
            git(repo, "add", "-A", "--", name)
        elif what == "commit":
            git(repo, "commit", "-q", "-a", "-m", "mine")
        elif what == "amend":
            git(repo, "commit", "-q", "--amend", "-m", "mine")
        elif what == "git-rm":
            git(repo, "rm", "-q", "--", name)
        elif what == "uncache":
            git(repo, "rm", "-q", "--cached", "--", name)
        elif what == "branch":
            git(repo, "checkout", "-q", "-b", f"own{self.number()}")
        elif what == "back":
            git(repo, "checkout", "-q", "main")
        elif what == "detach":
            git(repo, "checkout", "-q", "--detach")
        elif what == "reset":
            git(repo, "reset", "-q", "--mixed")
        elif what == "merge":
            branches = git(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/own*").split()
            if branches:
                git(repo, "merge", "-q", branches[-1])


def tokens(files: dict[str, bytes]) -> set[bytes]:
    """The user's words in `files`."""
    return {token for content in files.values() for token in TOKEN.findall(content)}


def saved(repo: Path) -> set[str]:
    """The user's staged and committed contents that history or the index can give back."""
    rows = [line.split(" ") for line in git(repo, "ls-files", "-s", "-z").split("\0") if line]
    staged = {row[1] for row in rows if row[0] != "160000"}  # a submodule's commit is not in here
    return staged | {
        line.split(" ")[0] for line in git(repo, "rev-list", "--objects", "--all", "HEAD", "--reflog").splitlines()
    }


def within(path: str, names: Collection[str]) -> bool:
    """Whether `path` is one of `names`, or below one."""
    return any(path == name or path.startswith(f"{name}/") for name in names)


def check(
    before: dict[str, bytes], after: dict[str, bytes], theirs: dict[str, bytes], report: Report, world: World
) -> None:
    """What must hold of one delivery."""
    lost = tokens(before) - tokens(after)
    assert not lost, f"lost {lost}"
    if report.outcome in ("kept", "unchanged"):
        assert before == after, "changed without a word"
    if report.outcome == "kept":
        assert "/.git" in report.why, report.why
        return
    said = {*report.yours, *report.partly, *report.moved.values()}
    for path, content in theirs.items():
        if after.get(path) != content and not within(path, said):
            assert path in world.touched or any(path.startswith(f"{name}/") for name in world.touched), (
                f"{path!r} is neither the repository's nor the user's"
            )
    for path in set(report.yours) - set(report.renamed.values()):
        old = next((old for old, new in report.renamed.items() if path == new or path.startswith(f"{new}/")), None)
        assert after.get(path) == before.get(path) or old, f"{path!r} was not kept"
        if path in before or path in theirs:  # else it is a submodule's folder
            assert path in report.gone or old or after.get(path) != theirs.get(path), f"{path!r} is the repository's"
    for path in report.restored:
        inside = [one for one in theirs if within(one, [path])]
        assert not any(within(one, [path]) for one in before) and all(after[one] == theirs[one] for one in inside)
    for path in set(before) - set(after):
        followed = within(path, report.moved) or within(path, report.renamed)
        assert followed or (path not in theirs and not TOKEN.search(before[path])), f"{path!r} vanished"
    list(report.lines())


@pytest.mark.slow
@pytest.mark.timeout(100 * EXAMPLES)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
    derandomize="HUBKILN_DELIVERY_EXAMPLES" not in os.environ,
    database=None,
)
@given(stories)
def test_no_edit_is_lost_and_the_report_is_true(
    story: list[tuple[tuple[str, list[tuple[str, str]]], list[tuple[str, str, str]]]],
) -> None:
    """Whatever the repository and the user do between starts."""
    home = os.environ.get("HOME", "")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        world = World(Path(folder))
        os.environ["HOME"] = str(world.home)
        try:
            world.commit("next", [("write", name) for name in NAMES[:3]])
            for (kind, changed), deeds_done in story:
                source = world.image(kind, changed)
                before, kept = files_of(world.repo), saved(world.repo) if world.repo.exists() else set()
                owned = world.owned()
                report = deliver(source, world.home, "repo")
                check(before, files_of(world.repo), files_of(source), report, world)
                assert kept <= saved(world.repo), "what was staged or committed is gone"
                assert owned <= world.owned(), "what was committed in a submodule is gone"
                for deed in deeds_done:
                    world.do(*deed)
        finally:
            os.environ["HOME"] = home

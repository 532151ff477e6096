"""Brings a repository's files from the image to the user's home, then becomes the server.

Runs INSIDE the sandbox, with the environment's own Python and as its user, so it imports nothing but the standard
library (3.9 or newer) and is one file. The rules are nbgitpuller's: what the user changed is never overwritten, what
the repository changed arrives, a file the user deleted comes back, and a file of the user's that is in the way of a
new one is renamed. Whatever goes wrong is said, and the server starts anyway with the files at ``/srv/repo``.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

STATE = Path(".local/share/hubkiln/delivered")
"""Below the home: one JSON file per folder, with the last report and, without git, the hashes of what was delivered."""

BASE = "refs/hubkiln/delivered"
"""The commit that was merged last, in the user's clone: what the next difference is taken from."""


@dataclasses.dataclass
class Report:
    """What was done, for the user and for later."""

    folder: str = ""
    outcome: str = "kept"
    """``new``, ``updated``, ``unchanged``, ``kept`` (nothing could be brought; `why` says it)."""
    why: str = ""
    commit: str = ""
    restored: list[str] = dataclasses.field(default_factory=list)
    renamed: dict[str, str] = dataclasses.field(default_factory=dict)
    yours: list[str] = dataclasses.field(default_factory=list)
    """Files of which the user's version was kept although the repository's changed."""

    def lines(self) -> Iterator[str]:
        """The report in words."""
        place = f"~/{self.folder}"
        said = {
            "new": f"The repository's files are in {place}.",
            "updated": f"{place} was updated; your own changes were kept.",
            "unchanged": f"{place} is up to date.",
        }
        yield said.get(self.outcome, f"The repository's files stay at /srv/repo: {self.why}")
        for path in self.restored:
            yield f"  restored {path}, which had been deleted"
        for old, new in self.renamed.items():
            yield f"  renamed your {old} to {new}, because the repository has a file of that name now"
        for path in self.yours:
            yield f"  kept your version of {path}; the repository's new one is at /srv/repo/{path}"


class GitFailed(Exception):
    """A git command did not work."""


class Git:
    """git in one folder, without hooks or signing, and without doubts about who owns ``/srv/repo``."""

    def __init__(self, folder: Path, settings: Path) -> None:
        self.folder = folder
        self._env = dict(os.environ, GIT_CONFIG_GLOBAL=str(settings), GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8")
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_GLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"):
            self._env.pop(name, None)
        self._env["GIT_LITERAL_PATHSPECS"] = "1"  # names are names, never patterns: `lecture [2].ipynb`, `:!x`

    def __call__(self, *arguments: str) -> str:
        """
        Standard output of ``git <arguments>``, stripped.

        Raises:
            GitFailed: it ended with an error; the message is its last line.
        """
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", *arguments]
        done = subprocess.run(command, cwd=str(self.folder), env=self._env, capture_output=True)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            raise GitFailed(said[-1] if said else f"git {arguments[0]} failed")
        return done.stdout.decode("utf-8", "surrogateescape").strip("\n")

    def maybe(self, *arguments: str) -> str:
        """As a call, but empty when it fails."""
        try:
            return self(*arguments)
        except GitFailed:
            return ""

    def paths(self, *arguments: str) -> list[str]:
        """The paths that ``git <arguments>`` lists with ``-z``."""
        return [path for path in self(*arguments).split("\0") if path]


@contextlib.contextmanager
def git_settings() -> Iterator[Path]:
    """A settings file that adds to the user's own what delivering needs."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "gitconfig")
        own = [Path.home() / ".gitconfig", Path.home() / ".config/git/config"]
        included = "".join(f"[include]\n\tpath = {path}\n" for path in own)
        settings.write_text("[user]\n\tname = You\n\temail = you@localhost\n" + included + "[safe]\n\tdirectory = *\n")
        yield settings


def deliver(
    source: Path, home: Path, name: str, now: Callable[[], datetime.datetime] = datetime.datetime.now
) -> Report:
    """Bring `source` to a folder of `home`, by git where both sides have it; failures are only reported."""
    report = Report()
    try:
        with git_settings() as settings:
            report.commit = commit_of(source, settings)
            folder, origin = choose_folder(source, home, name, settings)
            report.folder = folder.name
            if not folder.exists():
                copy_new(source, folder, settings)
                report.outcome = "new"
            elif report.commit and (folder / ".git").exists():
                update_by_git(source, folder, settings, report, stamp(now))
            else:
                update_by_hashes(source, folder, known_hashes(home, folder.name), report, stamp(now))
            remember(home, folder, origin, report, hashes={} if report.commit else hashes_of(source))
    except (OSError, shutil.Error, GitFailed) as error:
        report.outcome, report.why = "kept", reason(error)
    return report


def bring_home(given: Path, home: Path) -> str:
    """Copy to `home` what is in `given` and absent there; empty, or why that did not work."""
    try:
        for path in sorted(given.iterdir()) if given.is_dir() else ():
            target = home / path.name
            if path.is_symlink() or path.is_file():
                if not os.path.lexists(str(target)):
                    put(path, target)
            elif path.is_dir() and not target.is_symlink() and (target.is_dir() or not target.exists()):
                target.mkdir(exist_ok=True)
                if trouble := bring_home(path, target):
                    return trouble
    except OSError as error:
        return reason(error)
    return ""


def reason(error: Exception) -> str:
    """`error` in words."""
    if isinstance(error, OSError) and error.strerror:
        what = {28: "your home folder is full", 122: "your disk quota is used up", 30: "your home folder is read-only"}
        return what.get(error.errno or 0, f"{error.strerror} ({error.filename})") + "."
    text = str(error)
    return "your home folder is full." if "No space left" in text else f"{text[-300:]}."


def commit_of(source: Path, settings: Path) -> str:
    """The commit that `source` is at; empty without git on either side."""
    if not (source / ".git").exists() or shutil.which("git") is None:
        return ""
    return Git(source, settings).maybe("rev-parse", "HEAD")


def choose_folder(source: Path, home: Path, name: str, settings: Path) -> tuple[Path, str]:
    """The folder to deliver to: `name`, or, where that holds something else, `name` with a part that differs."""
    origin = origin_of(source, settings)
    folder = home / name
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        mine = False
    elif not folder.exists():
        mine = True
    elif (folder / ".git").exists():
        mine = origin_of(folder, settings) == origin
    else:
        mine = recorded(home, name).get("origin") == origin or not any(folder.iterdir())
    if not mine:
        return home / f"{name}-{hashlib.sha256(origin.encode()).hexdigest()[:6]}", origin
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()
    return folder, origin


def origin_of(folder: Path, settings: Path) -> str:
    """Where `folder` came from, in a form that can be compared."""
    url = ""
    if (folder / ".git").exists() and shutil.which("git"):
        url = Git(folder, settings).maybe("config", "--get", "remote.origin.url")
    url = url.rstrip("/")
    return url[:-4] if url.endswith(".git") else url


def copy_new(source: Path, folder: Path, settings: Path) -> None:
    """Copy everything at once: either all of it is there or nothing."""
    new = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(str(new), ignore_errors=True)
    try:
        shutil.copytree(str(source), str(new), symlinks=True)
        for path in [new, *new.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)
        git = Git(new, settings)
        if (new / ".git").exists() and shutil.which("git") and git.maybe("rev-parse", "HEAD"):
            if not git.maybe("symbolic-ref", "-q", "HEAD"):
                git("checkout", "-q", "-B", "main")
            git("update-ref", BASE, "HEAD")
        new.rename(folder)
    finally:
        shutil.rmtree(str(new), ignore_errors=True)


def update_by_git(source: Path, folder: Path, settings: Path, report: Report, suffix: str) -> None:
    """Restore, commit the user's edits, move what is in the way, merge with the user's side winning."""
    git = Git(folder, settings)
    with contextlib.suppress(FileNotFoundError):
        (folder / ".git/index.lock").unlink()
    git("fetch", "-q", "--update-shallow", "--no-tags", str(source), "HEAD")
    theirs = git("rev-parse", "FETCH_HEAD")
    restore_deleted(git, theirs, report)
    base = git.maybe("rev-parse", "-q", "--verify", BASE) or git("rev-parse", "HEAD")
    same = git("rev-parse", f"{base}^{{tree}}") == git("rev-parse", f"{theirs}^{{tree}}")
    if same or is_ancestor(git, theirs, "HEAD"):
        report.outcome = "updated" if report.restored else "unchanged"
        return
    commit_edits(git)
    make_room(git, theirs, report, suffix)
    git("update-ref", BASE, merge_in(git, base, theirs, report))
    report.outcome = "updated"


def restore_deleted(git: Git, theirs: str, report: Report) -> None:
    """Bring back files that the user deleted without committing that."""
    still = set(git.paths("ls-tree", "-r", "-z", "--name-only", theirs))
    for path in git.paths("ls-files", "--deleted", "-z"):
        if path in still:
            git("checkout", "-q", "HEAD" if git.maybe("cat-file", "-t", f"HEAD:{path}") else theirs, "--", path)
            report.restored.append(path)


def is_ancestor(git: Git, one: str, other: str) -> bool:
    """Whether commit `one` is part of the history of `other`."""
    try:
        git("merge-base", "--is-ancestor", one, other)
    except GitFailed:
        return False
    return True


def commit_edits(git: Git) -> None:
    """Make a commit of what the user changed in files that the repository knows, so that it can be merged."""
    if git("status", "--porcelain", "--untracked-files=no"):
        git("commit", "-q", "--no-verify", "-a", "-m", "Your changes, kept before an update")


def make_room(git: Git, theirs: str, report: Report, suffix: str) -> None:
    """Rename the user's untracked files that a new file of the repository would replace."""
    for path in git.paths("diff", "--name-only", "--diff-filter=A", "-z", "HEAD", theirs):
        parts = Path(path).parts
        for depth in range(1, len(parts) + 1):
            piece = Path(*parts[:depth])
            there = git.folder / piece
            blocks = there.is_symlink() or there.is_file() or (depth == len(parts) and there.exists())
            if blocks and not git.maybe("ls-files", "-z", "--", str(piece)):
                new = piece.with_name(f"{piece.stem}_{suffix}{piece.suffix}")
                there.rename(git.folder / new)
                report.renamed[str(piece)] = str(new)
                break


def merge_in(git: Git, base: str, theirs: str, report: Report) -> str:
    """Merge `theirs`; where both sides changed the same lines, the user's stay. Returns the commit that was merged."""
    head = git("rev-parse", "HEAD")
    if not git.maybe("merge-base", "HEAD", theirs):  # a shallow history: say what it grew from
        theirs = git("commit-tree", f"{theirs}^{{tree}}", "-p", base, "-m", f"The repository at {theirs}")
    both = set(git.paths("diff", "--name-only", "-z", base, head)) & set(
        git.paths("diff", "--name-only", "-z", base, theirs)
    )
    try:
        git("merge", "-q", "--no-edit", "-X", "ours", theirs)
    except GitFailed:
        settle(git, head)
    report.yours += sorted(path for path in both if same_blob(git, head, path) and not same_blob(git, theirs, path))
    return theirs


def settle(git: Git, head: str) -> None:
    """End a merge in which one side deleted or replaced what the other changed: the user's side stays."""
    for path in git.paths("diff", "--name-only", "--diff-filter=U", "-z"):
        if git.maybe("cat-file", "-t", f"{head}:{path}"):
            git("checkout", "-q", head, "--", path)
        else:
            git("rm", "-q", "--cached", "--ignore-unmatch", "--", path)
    try:
        git("commit", "-q", "--no-verify", "--no-edit", "-m", "Merge the repository's changes")
    except GitFailed:
        git.maybe("merge", "--abort")
        raise


def same_blob(git: Git, commit: str, path: str) -> bool:
    """Whether `path` is the same now as in `commit`."""
    return git.maybe("rev-parse", f"HEAD:{path}") == git.maybe("rev-parse", f"{commit}:{path}")


def update_by_hashes(source: Path, folder: Path, before: dict[str, str], report: Report, suffix: str) -> None:
    """Without git: a three-way comparison of each file, between what was delivered, what is there and what is new."""
    after = hashes_of(source)
    report.outcome = "unchanged"
    for path, digest in after.items():
        target = folder / path
        now = hash_of(target)
        if now == digest:
            continue
        if now is not None and path in before and now != before[path]:
            if digest != before[path]:
                report.yours.append(path)
            continue
        if now is not None and path not in before:
            new = target.with_name(f"{target.stem}_{suffix}{target.suffix}")
            target.rename(new)
            report.renamed[path] = str(new.relative_to(folder))
        elif now is None and path in before:
            report.restored.append(path)
        put(source / path, target)
        report.outcome = "updated"
    for path in sorted(set(before) - set(after)):
        if hash_of(folder / path) == before[path]:
            (folder / path).unlink()
            report.outcome = "updated"


def put(source: Path, target: Path) -> None:
    """Copy one file so that it is there completely or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.new")
    try:
        shutil.copy2(str(source), str(new), follow_symlinks=False)
        if not new.is_symlink():
            new.chmod(new.stat().st_mode | 0o200)
        new.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            new.unlink()


def hashes_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below `folder`."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
    return {str(path.relative_to(folder)): hash_of(path) or "" for path in files if ".git" not in path.parts}


def hash_of(path: Path) -> str | None:
    """SHA-256 of a file or of a link's target; None if there is none."""
    if path.is_symlink():
        return hashlib.sha256(b"link:" + os.fsencode(path.readlink())).hexdigest()
    if not path.is_file():
        return "folder" if path.exists() else None
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()


def stamp(now: Callable[[], datetime.datetime]) -> str:
    """A time for file names."""
    return now().strftime("%Y%m%d%H%M%S")


def recorded(home: Path, name: str) -> dict[str, Any]:
    """What :func:`remember` wrote for the folder `name`."""
    try:
        found = json.loads((home / STATE / f"{name}.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def known_hashes(home: Path, name: str) -> dict[str, str]:
    """The hashes of what was delivered last to the folder `name`."""
    hashes = recorded(home, name).get("hashes")
    return hashes if isinstance(hashes, dict) else {}


def remember(home: Path, folder: Path, origin: str, report: Report, hashes: dict[str, str]) -> None:
    """Leave the report in the home."""
    path = home / STATE / f"{folder.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    document = dict(dataclasses.asdict(report), at=at, origin=origin, hashes=hashes)
    new = path.with_name(f".{path.name}.new")
    new.write_text(json.dumps(document, indent=1))
    new.replace(path)


def usable(home: Path) -> str:
    """Empty if a server can work in `home`, else why not."""
    probe = home / f".hubkiln-probe-{os.getpid()}"
    try:
        probe.write_bytes(b"\0" * 262144)
        return ""
    except OSError as error:
        return reason(error)
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def surroundings(home: Path, folder: Path, opened: str, url: str, trouble: str) -> dict[str, str]:
    """Environment variables for the server: where it works and what it shows first."""
    env = {}
    if trouble:
        env["HOME"] = tempfile.mkdtemp(prefix="home-")
        print(f"Hubkiln: settings are kept in {env['HOME']} and lost at the end, because {trouble}", flush=True)
    root = home if home in folder.parents else folder
    env["JUPYTERHUB_ROOT_DIR"] = str(root)
    if url:
        path = "/".join(part for part in (str(folder.relative_to(root)), opened) if part not in ("", "."))
        env["JUPYTERHUB_DEFAULT_URL"] = f"{url.rstrip('/')}/{quote(path)}" if path else url
    return env


def main(arguments: list[str] | None = None) -> None:
    """Deliver, say what was done, and become the program after ``--``."""
    parser = argparse.ArgumentParser(description="Bring a repository's files home, then run a program.")
    parser.add_argument("--source", type=Path, default=Path("/srv/repo"))
    parser.add_argument("--given", type=Path, default=Path("/srv/home"), help="what the image wants in the home")
    parser.add_argument("--name", required=True, help="folder in the home")
    parser.add_argument("--subdir", default="", help="folder of the repository that counts as its root")
    parser.add_argument("--open", default="", help="path to show first, below the repository's root")
    parser.add_argument("--url", default="", help="URL under which the server shows files, such as /lab/tree")
    parser.add_argument("program", nargs="+")
    given = parser.parse_args(arguments)
    home = Path.home()
    trouble = usable(home)
    report = Report(why=trouble) if trouble else deliver(given.source, home, given.name)
    if not trouble and (missed := bring_home(given.given, home)):
        print(f"Hubkiln: what postBuild put into the home was not all brought there: {missed}", flush=True)
    for line in report.lines():
        print(f"Hubkiln: {line}", flush=True)
    folder = given.source if report.outcome == "kept" else home / report.folder
    opened = "/".join(part for part in (given.subdir, given.open) if part)
    os.environ.update(surroundings(home, folder, opened, given.url, trouble))
    inside = folder / given.subdir
    os.chdir(str(inside if inside.is_dir() else folder))
    os.execvp(given.program[0], given.program)


if __name__ == "__main__":
    main()

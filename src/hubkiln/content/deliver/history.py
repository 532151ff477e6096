"""What the user's clone knows: which version was delivered, and how the objects of a new one get into it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .disk import Entry, write_whole
from .git import BASE, Git

TRAILER = "Hubkiln-Delivered"
"""In the message of a commit that joins the user's work with a version of the repository: which version that was."""

_WORK = "%an%x1f%ae%x1f%at%x1f%P"
"""What stays of a commit when it is amended."""

_WALK = 2000
_REMEMBERED = 200


class Delivered:
    """What is remembered in the clone itself, in the folder ``hubkiln`` of its ``.git``."""

    def __init__(self, git: Git) -> None:
        self.place = os.path.join(git.place, "hubkiln")
        self._git = git
        self._file = os.path.join(self.place, "delivered.json")
        self._found: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError), open(self._file, "rb") as file:
            found = json.load(file)
            self._found = found if isinstance(found, dict) else {}

    def commits(self) -> list[str]:
        """Every version that was delivered, the last one first."""
        last = self._git.commit(BASE)
        return [*([last] if last else []), *self._found.get("commits", ())]

    def lay(self, commit: str) -> tuple[Mapping[str, Entry], frozenset[str]]:
        """Of the delivered `commit`: files whose bytes are not git's, and files that were left out."""
        if self._found.get("commit") != commit:
            return {}, frozenset()
        other = {path: Entry(*entry) for path, entry in self._found.get("other", {}).items()}
        return other, frozenset(self._found.get("absent", ()))

    def remember(self, commit: str, other: Mapping[str, Entry], absent: frozenset[str]) -> None:
        """`commit` was delivered."""
        commits = [commit, *(one for one in self.commits() if one != commit)][:_REMEMBERED]
        document = {"commit": commit, "commits": commits, "other": other, "absent": sorted(absent)}
        os.makedirs(self.place, exist_ok=True)
        write_whole(self._file, json.dumps(document).encode())
        if self._git.commit(BASE) != commit:
            self._git("update-ref", "--create-reflog", "-m", "hubkiln: delivered", BASE, commit)


def base_of(git: Git, head: str, theirs: str, delivered: Delivered, hint: str) -> str:
    """
    The version that the user's files grew from; empty if none can be told. `hint` is one that was there for certain.

    The user's history says it: the nearest commit that was delivered, or that joined one to the user's work. A newer
    one that the user fetched by hand counts too.
    """
    common = git.maybe("merge-base", head, theirs) if head else ""
    at, found = _nearest(git, head, [*delivered.commits(), hint]) if head else ("", "")
    if found:
        fetched = common and not git.is_ancestor(common, at) and git.is_ancestor(found, common)
        return common if fetched else found
    likely = [common, *delivered.commits()[:20], hint]
    likely = [commit for commit in dict.fromkeys(likely) if commit and git.commit(commit)]
    if likely:
        return min(likely, key=lambda commit: _distance(git, commit, head))
    for branch in git.maybe("for-each-ref", "--format=%(objectname)", "refs/remotes").split():
        if head and (upstream := git.maybe("merge-base", head, branch)):
            return upstream
    return ""


def _distance(git: Git, commit: str, head: str) -> int:
    """In how many files the two differ: who amended or rebased a version away has its files all the same."""
    return git.maybe("diff-tree", "-r", "-z", "--name-only", commit, head).count("\0") if head else 0


def _nearest(git: Git, head: str, commits: Sequence[str]) -> tuple[str, str]:
    """The commit of the user's history that tells the version, and the version; `commits` are those delivered."""
    given = [commit for commit in dict.fromkeys(commits) if commit]
    form = ("--no-walk=unsorted", "--ignore-missing", f"--format=%H%x1f{_WORK}")
    rewritten: dict[str, list[str]] = {}  # more than one where the repository amended as well
    for line in git.maybe("log", *form, *given).splitlines() if given else ():
        commit, _, work = line.partition("\x1f")
        rewritten.setdefault(work, []).append(commit)
    told = f"--format=%H%x1f%P%x1f%(trailers:key={TRAILER},valueonly,separator=%x20)%x1f{_WORK}"
    for line in git.maybe("log", "--first-parent", f"-{_WALK}", told, head).splitlines():
        commit, parents, joined, work = line.split("\x1f", 3)
        if commit in given:
            return commit, commit
        others = [one for one in parents.split()[1:] if one in given]
        alike = sorted(rewritten.get(work, ()), key=lambda one: _distance(git, one, commit))
        for one in (*joined.split()[-1:], *others, *alike):
            if one and git.commit(one):
                return commit, one
    return "", ""


def bring_objects(source: Git, git: Git, commit: str, known: str) -> None:
    """The objects of `commit`, and of its history where `source` has that whole, into the user's clone."""
    if git.says("ls-tree", "-r", commit):
        return
    whole = not os.path.exists(os.path.join(source.place, "shallow")) and not source.maybe(
        "config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$"
    )
    if whole:
        without = [f"^{known}"] if known and source.commit(known) else []
        listed = source("rev-list", "--objects", "--no-object-names", commit, *without)
    else:
        trees = source("ls-tree", "-r", "-t", "-z", "--full-tree", commit).split("\0")
        blobs = [line.split("\t")[0].split(" ")[2] for line in trees if line and " commit " not in line.split("\t")[0]]
        listed = "\n".join([commit, source("rev-parse", f"{commit}^{{tree}}"), *blobs])
    asked = f"{listed}\n"
    missing = [
        line.split(" ")[0]
        for line in git("cat-file", "--batch-check", give=asked).splitlines()
        if line.endswith(" missing")
    ]
    if missing:
        pack = source.raw("pack-objects", "--stdout", "-q", "--window=0", give="\n".join(missing).encode() + b"\n")
        git.raw("index-pack", "--stdin", "--fix-thin", give=pack)
    _end_history(git, commit)


def _end_history(git: Git, commit: str) -> None:
    """Tell git that the parents of `commit` are not here, if they are not."""
    header = os.fsdecode(git.raw("cat-file", "commit", commit)).partition("\n\n")[0]
    parents = [line[7:] for line in header.splitlines() if line.startswith("parent ")]
    if all(git.has(parent) for parent in parents):
        return
    path = os.path.join(git.place, "shallow")
    found: list[str] = []
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        found = file.read().split()
    if commit not in found:
        write_whole(path, "".join(f"{one}\n" for one in (*found, commit)).encode())

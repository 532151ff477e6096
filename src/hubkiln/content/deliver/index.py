"""The index of the user's clone: read, brought to another commit, put aside where it is damaged."""

from __future__ import annotations

import contextlib
import os
import re
import shutil

from .disk import Disk, Entry, mode_of
from .git import Git
from .report import GitFailed

_DAMAGED = re.compile(r"index file (smaller|corrupt)|bad (index|signature)|unordered stage|malformed.* index")


class Index:
    """What the clone of `git` lists of the folder `home`; a new index is made at the path `work` first."""

    def __init__(self, git: Git, home: Disk, work: str) -> None:
        self.git, self.home, self.work = git, home, work
        self.skipped: set[str] = set()
        """Files that a sparse checkout leaves out, as last read."""
        self.marked: set[str] = set()
        """Files that git is told not to look at."""

    def conflicts(self) -> str:
        """What git lists of conflicts; an index that is damaged is put aside, as files and commits are all there."""
        try:
            return self.git("ls-files", "--unmerged", "-z")
        except GitFailed as error:
            if not _DAMAGED.search(str(error)):
                raise
            index = os.path.join(self.git.place, "index")
            os.replace(index, f"{index}.damaged")
            return self.git("ls-files", "--unmerged", "-z")

    def read(self) -> dict[str, Entry]:
        """What it lists; files that a sparse checkout leaves out are kept in mind."""
        found: dict[str, Entry] = {}
        self.skipped, self.marked = set(), set()
        for line in self.git("ls-files", "-s", "-t", "-z").split("\0"):
            what, _, path = line.partition("\t")
            words = what.split(" ")
            if len(words) == 4 and words[3] == "0":
                found[path] = Entry(words[1], words[2])
                if words[0] == "S":
                    self.marked.add(path)
                    if mode_of(self.home.path(path)) is None:
                        self.skipped.add(path)
        return found

    def write(self, commit: str) -> None:
        """Make it the one of `commit`; what is known of files that did not change is kept."""
        index, new = os.path.join(self.git.place, "index"), os.path.join(self.git.place, "index.lock")
        self.read()
        with open(new, "xb"):
            pass
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(index, self.work)
            try:
                self.git("read-tree", "-m", commit, env={"GIT_INDEX_FILE": self.work})
            except GitFailed:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self.work)
                self.git("read-tree", commit, env={"GIT_INDEX_FILE": self.work})
            self._mark()
            os.replace(self.work, index)
        finally:
            os.unlink(new)

    def _mark(self) -> None:
        """Let it leave out, or not look at, the files that the user's did; else they would seem deleted."""
        env = {"GIT_INDEX_FILE": self.work}
        if self.marked:
            listed = self.marked & set(self.git("ls-files", "-z", env=env).split("\0"))
            names = "".join(f"{path}\0" for path in sorted(listed))
            self.git("update-index", "--skip-worktree", "-z", "--stdin", give=names, env=env)

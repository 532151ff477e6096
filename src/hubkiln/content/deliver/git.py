"""git over one repository, by commands that store and read objects and references and do nothing else.

No command here looks at attributes or runs a filter, driver, hook or editor; of settings only those of the repository
itself are read, and those that matter are overruled. The user's settings give a name and an address.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping

from .disk import Entry
from .report import GitFailed

BASE = "refs/hubkiln/delivered"
"""The commit that was delivered last."""

_FIXED = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.splitIndex=false",
    "core.untrackedCache=false",
    "core.sparseCheckout=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.commitGraph=false",
    "index.skipHash=false",
    "merge.conflictStyle=merge",
    "i18n.commitEncoding=UTF-8",
    "gc.auto=0",
    "maintenance.auto=false",
)
_NO_SETTINGS = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
}


def available() -> bool:
    """Whether this environment has git."""
    return shutil.which("git") is not None


def git_dir(folder: str) -> str | None:
    """Where the repository of `folder` itself is kept; None if the folder is no repository."""
    found = os.path.join(folder, ".git")
    if os.path.isdir(found):
        return found if os.path.isfile(os.path.join(found, "HEAD")) else None
    try:
        with open(found, "rb") as file:
            said = file.read(4096)
    except OSError:
        return None
    if not said.startswith(b"gitdir: "):
        return None
    there = os.path.normpath(os.path.join(folder, os.fsdecode(said[8:].rstrip(b"\r\n"))))
    return there if os.path.isfile(os.path.join(there, "HEAD")) else None


def merge_file(folder: str, *arguments: str) -> tuple[int, bytes]:
    """What ``git merge-file`` prints, in a `folder` that is in no repository; the number of conflicts, or -1."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env.update(_NO_SETTINGS, GIT_CEILING_DIRECTORIES=os.path.dirname(os.path.realpath(folder)))
    done = subprocess.run(["git", "merge-file", "-p", "-q", *arguments], cwd=folder, env=env, capture_output=True)
    return (done.returncode if done.returncode < 128 else -1), done.stdout


class Git:
    """The repository at `place`, whose files are in `folder`."""

    def __init__(self, place: str, folder: str) -> None:
        self.place, self.folder = os.path.abspath(place), os.path.abspath(folder)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        self._env = dict(
            kept,
            GIT_DIR=self.place,
            GIT_WORK_TREE=self.folder,
            GIT_LITERAL_PATHSPECS="1",
            GIT_NO_LAZY_FETCH="1",
            GIT_NO_REPLACE_OBJECTS="1",
            GIT_OPTIONAL_LOCKS="0",
            GIT_TERMINAL_PROMPT="0",
            **_NO_SETTINGS,
        )

    def _run(
        self, arguments: tuple[str, ...], give: bytes = b"", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        words = ["git", *(word for setting in _FIXED for word in ("-c", setting)), *arguments]
        return subprocess.run(words, cwd=self.folder, env={**self._env, **(env or {})}, input=give, capture_output=True)

    def raw(self, *arguments: str, give: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """
        Standard output of ``git <arguments>``, to which `give` is given.

        Raises:
            GitFailed: it ended with an error; the message is what it said.
        """
        done = self._run(arguments, give, env)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            what = _first(said) or f"code {done.returncode}"
            raise GitFailed(f"git {arguments[0]} failed: {what} (look at {self._at_fault(what)})")
        return done.stdout

    def _at_fault(self, what: str) -> str:
        """The file that is probably to be mended or removed when git says `what`; else that of the settings."""
        if found := re.search(r"refs/[\w./-]*\w", what):
            return f"{self.place}/{found.group()}"
        if "not a git repository" in what:
            return self.place
        name = next((name for name in ("shallow", "index", "packed-refs", "HEAD") if name in what), "config")
        return f"{self.place}/{name}"

    def __call__(self, *arguments: str, give: str = "", env: Mapping[str, str] | None = None) -> str:
        """As :meth:`raw`, in text without the last line's end."""
        return os.fsdecode(self.raw(*arguments, give=os.fsencode(give), env=env)).rstrip("\n")

    def maybe(self, *arguments: str) -> str:
        """As a call, but empty when it fails."""
        try:
            return self(*arguments)
        except GitFailed:
            return ""

    def says(self, *arguments: str) -> bool:
        """Whether the command ends well."""
        try:
            self.raw(*arguments)
        except GitFailed:
            return False
        return True

    def commit(self, name: str) -> str:
        """The commit that `name` means here; empty if there is none."""
        return self.maybe("rev-parse", "-q", "--verify", f"{name}^{{commit}}")

    def has(self, oid: str) -> bool:
        """Whether the object is here."""
        return self.says("cat-file", "-e", oid)

    def is_ancestor(self, one: str, other: str) -> bool:
        """Whether commit `one` is part of the history of `other`."""
        return self.says("merge-base", "--is-ancestor", one, other)

    def entries(self, commit: str) -> dict[str, Entry]:
        """The files of `commit`; none for an empty name."""
        found: dict[str, Entry] = {}
        for line in self("ls-tree", "-r", "-z", "--full-tree", commit).split("\0") if commit else ():
            if line:
                what, _, path = line.partition("\t")
                mode, _, oid = what.split(" ")
                found[path] = Entry(mode, oid)
        return found

    def tree(self, entries: Mapping[str, Entry]) -> str:
        """Write a tree of `entries`."""
        with tempfile.TemporaryDirectory() as folder:
            env = {"GIT_INDEX_FILE": os.path.join(folder, "index")}
            lines = "".join(f"{entry.mode} {entry.oid}\t{path}\0" for path, entry in entries.items())
            self("update-index", "-z", "--index-info", give=lines, env=env)
            return self("write-tree", "--missing-ok", env=env)

    def store(self, data: bytes) -> str:
        """Write a blob."""
        return os.fsdecode(self.raw("hash-object", "-w", "--stdin", "--no-filters", give=data)).strip()

    def store_files(self, paths: Iterable[str]) -> None:
        """Write blobs of the content of files."""
        lines = b"".join(_quoted(os.fsencode(path)) for path in paths)
        if lines:
            self.raw("hash-object", "-w", "--no-filters", "--stdin-paths", give=lines)

    def record(self, tree: str, parents: Iterable[str], message: str, person: tuple[str, str]) -> str:
        """Write a commit by `person`, name and address."""
        arguments = ["commit-tree", tree, *(word for parent in parents for word in ("-p", parent))]
        try:
            return self(*arguments, give=message, env=_signed(*person))
        except GitFailed:  # git does not take every name
            return self(*arguments, give=message, env=_signed(*NOBODY))


NOBODY = ("You", "you@localhost")


def person(place: str) -> tuple[str, str]:
    """Name and address as the user's own settings, or the repository's at `place`, give them."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env.update(GIT_DIR=place, GIT_CONFIG_NOSYSTEM="1", LC_ALL="C.UTF-8")
    found = []
    for key, otherwise in zip(("user.name", "user.email"), NOBODY):
        done = subprocess.run(["git", "config", "--get", key], cwd=place, env=env, capture_output=True)
        said = done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""
        found.append(said or otherwise)
    return found[0], found[1]


def _signed(name: str, address: str) -> dict[str, str]:
    return {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", name), ("EMAIL", address))
    }


def _quoted(path: bytes) -> bytes:
    """`path` as a line that git reads back, whatever bytes it has."""
    return b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"\n'


def _first(said: list[str]) -> str:
    """The line that tells what was wrong: the first complaint, not the advice after it."""
    for line in said:
        if "No space left" in line or "quota exceeded" in line:
            return line
    for line, after in zip(said, [*said[1:], ""]):
        if line.startswith(("fatal: ", "error: ")):
            what = line.split(": ", 1)[1]
            return f"{what} {after.strip()}" if what.endswith(":") else what
    return said[-1] if said else ""

"""Repositories inside the one that is delivered: kept up with it, and followed where it renames or drops one.

A folder that the repository has no submodule at any more is treated like any other of its files: what the user did not
touch goes, edits stay. git's own part of it goes too, unless something of the user's is in there alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from .copying import bring_module
from .disk import FOLDER, MODULE, Disk, Entry, clear, mode_of, write_whole
from .git import BASE, Git, git_dir
from .history import Delivered
from .locks import unfinished
from .plan import another_name
from .report import GitFailed, Kept, Report


class Submodules:
    """Those of the user's clone at `home`, between two versions of the repository."""

    def __init__(self, git: Git, home: Disk, report: Report, suffix: str) -> None:
        self._git, self._home, self._report, self._suffix = git, home, report, suffix
        self.delivered: dict[str, Entry] = {}
        """Files of those that the repository has no more, as they were delivered."""
        self.dropped: dict[str, str] = {}
        """Those of which git's part is to go before files are changed, and the commit that was delivered of each."""
        self.hints: dict[str, str] = {}
        """Of those that the repository has: the commit that was delivered last, as far as it is known."""

    def follow(self, base: Mapping[str, Entry], theirs: Mapping[str, Entry], commits: tuple[str, str]) -> None:
        """Rename what was renamed, move away what is edited and in the way, and find out what is to go."""
        self._theirs, self._renames = theirs, Addresses(self._git, *commits)
        self.hints = {path: entry.oid for path, entry in base.items() if entry.mode == MODULE}
        for path, oid in sorted(self.hints.items()):
            there = theirs.get(path)
            folder = self._home.path(path)
            if (there is not None and there.mode == MODULE) or not self._home.reachable(path):
                continue
            if os.path.islink(folder) or git_dir(folder) is None:
                self._home.prune(f"{path}/.git")  # what `git submodule deinit` leaves: an empty folder
                continue
            new = self._renames.new_place(path, base, theirs)
            if new and self._home.reachable(new) and self._home.kind(new) is None:
                self._rename(path, new, oid)
            else:
                self._leave(path, oid)

    def _rename(self, path: str, new: str, oid: str) -> None:
        """The user's folder goes where the repository's went, with all that is in it."""
        found = _Inner(self._home.path(path), oid)
        if found.own() or any(found.edited()):
            self._report.moved[path] = new
        if found.git.commit(oid) and not found.git.commit(BASE):
            found.git("update-ref", BASE, oid)
        self._move(path, new)
        self.hints[new] = oid

    def _move(self, path: str, new: str) -> None:
        os.makedirs(os.path.dirname(self._home.path(new)), exist_ok=True)
        place = git_dir(self._home.path(path))
        self._home.move(path, new)
        self._home.prune(path)
        folder = self._home.path(new)
        if place is not None and os.path.isfile(os.path.join(folder, ".git")):  # which says where it is by a path
            write_whole(os.path.join(folder, ".git"), os.fsencode(f"gitdir: {os.path.relpath(place, folder)}\n"))
            Git(place, folder).maybe("config", "core.worktree", os.path.relpath(folder, place))

    def _leave(self, path: str, oid: str) -> None:
        """The repository has files of its own at `path` now, or nothing."""
        found = _Inner(self._home.path(path), oid)
        taken = any(one == path or one.startswith(f"{path}/") for one in self._theirs)
        own = found.own()
        if taken and (own or any(found.edited())):
            new = another_name(self._home, self._theirs, path, self._suffix)
            self._move(path, new)
            self._report.renamed[path] = new
            return
        for name, entry in found.files.items():
            below = f"{path}/{name}"
            if entry.mode == MODULE:
                if git_dir(self._home.path(below)) is not None and self._home.reachable(below):
                    self._leave(below, entry.oid)
            elif self._theirs.get(below) != entry and self._home.kind(below) is not None:
                self.delivered[below] = entry
        if not own:
            self.dropped[path] = found.commit
        else:
            self._report.yours.append(path)
            self._report.gone.append(path)

    def drop(self, path: str, commit: str) -> None:
        """Remove git's part of the submodule at `path`, delivered as `commit`, if nothing of the user's is in it."""
        folder = self._home.path(path)
        place = git_dir(folder) if self._home.reachable(path) and not os.path.islink(folder) else None
        if place is None or _Inner(folder, commit).own():
            return
        clear(os.path.join(folder, ".git"))
        if place.startswith(os.path.join(self._git.place, "modules") + os.sep):
            clear(place)
        self._home.prune(f"{path}/.git")

    def bring(self, path: str, source: str, known: bool) -> bool:
        """Copy the submodule `source` to `path` if there is none; `known` is whether there was one."""
        folder = self._home.path(path)
        if mode_of(folder) is not None and not (os.path.isdir(folder) and not os.listdir(folder)):
            return False
        if known and mode_of(folder) is None:
            self._report.restored.append(path)
        bring_module(source, folder)
        return True

    def readdress(self, path: str, source: str) -> None:
        """Where the repository gave a submodule another address, the user's clone of it has that too."""
        before, now = self._renames.before.get(path, ""), self._renames.now.get(path, "")
        mine, theirs = git_dir(self._home.path(path)), git_dir(source)
        if not before or not now or before == now or mine is None or theirs is None:
            return
        git, key = Git(mine, self._home.path(path)), "remote.origin.url"
        if _same(git.maybe("config", "--get", key), before):
            git.maybe("config", key, Git(theirs, source).maybe("config", "--get", key) or now)


class Addresses:
    """Where submodules come from, as ``.gitmodules`` of two commits say."""

    def __init__(self, git: Git, before: str, now: str) -> None:
        self.before, self.now = _addresses(git, before), _addresses(git, now)

    def new_place(self, path: str, base: Mapping[str, Entry], theirs: Mapping[str, Entry]) -> str:
        """Where the submodule at `path` is now; empty if it is nowhere, or that cannot be told."""
        address = self.before.get(path)
        found = [
            new
            for new, entry in theirs.items()
            if entry.mode == MODULE and new not in base and address and self.now.get(new) == address
        ]
        inside = [new for new in found if new.startswith(f"{path}/") or path.startswith(f"{new}/")]
        return found[0] if len(found) == 1 and not inside else ""


def _addresses(git: Git, commit: str) -> dict[str, str]:
    """By path."""
    words = ("--get-regexp", r"^submodule\..*\.(path|url)$")
    said = git.maybe("config", "--blob", f"{commit}:.gitmodules", "-z", *words) if commit else ""
    found: dict[str, dict[str, str]] = {}
    for line in said.split("\0"):
        key, _, value = line.partition("\n")
        name, _, what = key.rpartition(".")
        found.setdefault(name, {})[what] = value
    return {one["path"]: one["url"].rstrip("/") for one in found.values() if "path" in one and "url" in one}


def _same(address: str, written: str) -> bool:
    """Whether a clone's `address` is the one that ``.gitmodules`` has `written`, which may count from the outer's."""
    if written.startswith(("./", "../")):
        return _stem(address).endswith("/" + _stem(written).lstrip("./"))
    return _stem(address) == _stem(written)


def _stem(address: str) -> str:
    return address.rstrip("/").removesuffix(".git")


class _Inner:
    """One submodule as it lies in the home, and what was delivered of it."""

    def __init__(self, folder: str, oid: str) -> None:
        place = git_dir(folder)
        assert place is not None
        self.git = Git(place, folder)
        self._folder, delivered = folder, Delivered(self.git)
        self._ours = list(filter(self.git.commit, (*delivered.commits(), oid)))
        self.commit = self._ours[0] if self._ours else ""
        other, absent = delivered.lay(self.commit)
        files = {**self.git.entries(self.commit), **other}
        self.files = {path: entry for path, entry in files.items() if path not in absent}

    def own(self) -> bool:
        """Whether git's part holds what is nowhere else: commits, a stash, something staged or unfinished."""
        if not self.commit:
            return True
        try:
            unfinished(self.git.place, self._folder, self.git("ls-files", "--unmerged", "-z"))
            if self.git("rev-list", "-1", "--all", "HEAD", "--not", "--remotes", *self._ours):
                return True
            return not any(self.git.says("diff-index", "--cached", "--quiet", one) for one in self._ours)
        except (Kept, GitFailed):
            return True

    def edited(self) -> Iterator[str]:
        """Its files that the user changed."""
        kind = self.git.maybe("rev-parse", "--show-object-format") or "sha1"
        disk = Disk(self._folder, kind)
        for path, entry in self.files.items():
            if entry.mode == MODULE:
                below = disk.path(path)
                if disk.reachable(path) and git_dir(below) is not None:
                    inner = _Inner(below, entry.oid)
                    yield from (path for _ in (1,) if inner.own() or any(inner.edited()))
            elif (found := disk.state(path)) is not None and found not in (entry, Entry(FOLDER, "")):
                yield path

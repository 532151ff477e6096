"""Updates a clone in the home to the version that was started: the user's edits are committed, then both are joined.

The user's branch, or detached head, goes on: to the new version itself where the user added nothing, else to a commit
that joins both. Submodules are updated in the same way, each on its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .disk import FOLDER, MODULE, Disk, Entry, mode_of
from .git import Git, git_dir, person
from .history import TRAILER, Delivered, base_of, bring_objects
from .index import Index
from .journal import Journal
from .locks import break_stale, unfinished
from .merging import Lines
from .plan import Plan, Planner, Sides
from .report import GitFailed, Kept, Report, reason
from .submodules import Submodules


class Clone:
    """The user's clone at `folder`, to be updated from the one at `source`."""

    def __init__(self, source: str, folder: str, report: Report, suffix: str, hint: str = "") -> None:
        self.source, self.folder, self.report, self.suffix, self.hint = source, folder, report, suffix, hint
        theirs, mine = git_dir(source), git_dir(folder)
        if theirs is None or mine is None:
            raise Kept(f"{folder}/.git cannot be read")
        self.git, self.other = Git(mine, folder), Git(theirs, source)
        kind = self.git.maybe("rev-parse", "--show-object-format") or "sha1"
        self.home, self.lying = Disk(folder, kind), Disk(source, kind)
        self.delivered = Delivered(self.git)
        self.listing = Index(self.git, self.home, os.path.join(self.delivered.place, "index"))
        self.journal = Journal(self.delivered.place, self.home)
        self.inside = Submodules(self.git, self.home, report, suffix)

    def update(self) -> None:
        """
        Bring the version that `source` is at.

        Raises:
            Kept, GitFailed, OSError: it could not be brought; the user's files are as they were, or the next update
            carries on.
        """
        os.makedirs(self.delivered.place, exist_ok=True)
        break_stale(self.git.place, self.folder)
        unfinished(self.git.place, self.folder, self.listing.conflicts())
        carried_on = self.resume()
        theirs = self.other("rev-parse", "--verify", "HEAD^{commit}")
        self.head = self.git.commit("HEAD")
        bring_objects(self.other, self.git, theirs, self.head)
        base = base_of(self.git, self.head, theirs, self.delivered, self.hint)
        self._compare(base, theirs)
        plan = self.planner.make([path for path, entry in self.theirs.items() if entry.mode == MODULE])
        new = theirs != base and self.differs
        if plan or new:
            self.journal.begin(plan, lambda written: self._later(plan, written, theirs, new))
            self.resume()
        self._update_modules()
        self.report.outcome = "updated" if carried_on or plan or new or self.modules_changed else "unchanged"

    def _compare(self, base: str, theirs: str) -> None:
        """Read all sides."""
        git = self.git
        self.base, self.theirs = git.entries(base), git.entries(theirs)
        self.heads, self.index = git.entries(self.head), self.listing.read()
        other, was_absent = self.delivered.lay(base)
        lay_before = {**self.base, **{path: entry for path, entry in other.items() if path in self.base}}
        lay_now, absent = dict(lay_before), set()
        for path in [path for path in lay_now if path not in self.theirs]:
            del lay_now[path]
        for path, entry in self.theirs.items():
            if entry.mode == MODULE:
                lay_now[path] = entry
            elif mode_of(self.lying.path(path)) is None:
                absent.add(path)
            elif self.base.get(path) != entry or path in was_absent:
                found = self.lying.state(path)
                if found is None or found.mode == FOLDER:
                    absent.add(path)
                else:
                    lay_now[path] = found
        self.absent = frozenset(absent)
        self.laid = ({path: entry for path, entry in lay_now.items() if entry != self.theirs[path]}, self.absent)
        self.lay_before = lay_before
        self.inside.follow(self.base, self.theirs, (base, theirs))
        self.differs = self.base != self.theirs
        skip = absent | {path for path in self.listing.skipped if path in self.theirs}
        modules = {path for path, entry in (*self.index.items(), *self.heads.items()) if entry.mode == MODULE}
        known = (self.index.keys() | self.heads.keys() | self.base.keys() | self.inside.delivered.keys()) - modules
        before = {path: entry for path, entry in lay_before.items() if path not in skip and entry.mode != MODULE}
        sides = Sides(
            base=before | self.inside.delivered,
            theirs={path: entry for path, entry in lay_now.items() if path not in skip and entry.mode != MODULE},
            source=self.lying,
            home=self.home,
            known=known.__contains__,
            listed=(self.index.keys() - modules).__contains__,
            absent=was_absent - absent,
            merger=Lines(git, base, theirs, self.base),
            dropped=self.inside.dropped,
        )
        self.planner = Planner(sides, self.report, self.suffix)

    def _later(self, plan: Plan, written: Mapping[str, Entry], theirs: str, new: bool) -> Mapping[str, Any]:
        """What must be known to end the update, commits included."""
        lay = dict(self.laid[0])
        for path in plan.writes:
            if (
                path in plan.taken
                and path in self.theirs
                and path in written
                and path not in self.report.moved.values()
            ):
                lay.pop(path, None)
                if written[path] != self.theirs[path]:
                    lay[path] = written[path]
        document: dict[str, Any] = {"theirs": theirs, "other": lay, "absent": sorted(self.absent), "commit": ""}
        document |= {"report": self.report.files(), "dropped": self.inside.dropped}
        if not new:
            return document
        mine, parent, who = self._edits(plan), self.head, person(self.git.place)
        staged = (path for path, entry in self.index.items() if self.heads.get(path) != entry)
        if any(mine.get(path) != self.index[path] for path in staged):
            parent = self._save(self.index, parent, "Your staged changes, kept before an update\n", who)
        parent = self._save(mine, parent, "Your changes, kept before an update\n", who)
        result = self.git.tree(self._result(plan, mine, written))
        return dict(document, head=self.head, commit=self._join(result, parent, theirs, who))

    def _save(self, entries: Mapping[str, Entry], parent: str, message: str, who: tuple[str, str]) -> str:
        """A commit of `entries` after `parent`, which is returned if it has the same."""
        tree = self.git.tree(entries)
        if not entries if not parent else tree == self.git("rev-parse", f"{parent}^{{tree}}"):
            return parent
        return self.git.record(tree, [parent] if parent else [], message, who)

    def _edits(self, plan: Plan) -> dict[str, Entry]:
        """The files that the user's clone knows, as they are."""
        mine = dict(self.index)
        listed = self.git("diff-files", "--name-only", "--no-relative", "-z")
        changed = set(listed.split("\0")) & self.index.keys()
        store = []
        for path in sorted(changed | (plan.mine.keys() & self.index.keys())):
            if self.index[path].mode == MODULE or path in self.listing.skipped:
                continue
            found = plan.mine[path] if path in plan.mine else self.home.state(path)
            if found is None:
                if path not in self.theirs:
                    del mine[path]
            elif found.mode != FOLDER:
                entry = self._named(path, found)
                mine[path] = entry
                if entry == found:
                    store.append(path)
        self._store(store)
        return mine

    def _named(self, path: str, found: Entry) -> Entry:
        """What git calls the file `found`: the repository's own name where it lies as it was delivered."""
        if self.lay_before.get(path) == found and path in self.base:
            return self.base[path]
        return found

    def _store(self, paths: list[str]) -> None:
        links = [path for path in paths if os.path.islink(self.home.path(path))]
        for path in links:
            self.git.store(os.fsencode(os.readlink(self.home.path(path))))
        self.git.store_files(os.path.abspath(self.home.path(path)) for path in paths if path not in links)

    def _result(self, plan: Plan, mine: Mapping[str, Entry], written: Mapping[str, Entry]) -> dict[str, Entry]:
        """The files after the update."""
        result = dict(mine)
        for old, new in plan.moves.items():
            for path in [path for path in result if path == old or path.startswith(f"{old}/")]:
                result[new + path[len(old) :]] = result.pop(path)
        for path in plan.taken:
            result.pop(path, None)
            if path in self.theirs:
                result[path] = self.theirs[path]
        for path, write in plan.writes.items():
            if not write.source:
                self.git.store(write.data)
                result[path] = written[path]
        for path, entry in self.theirs.items():
            if path in self.absent or path in self.listing.skipped:
                if result.get(path) == self.base.get(path):
                    result[path] = entry
            elif entry.mode == MODULE and (self.index.get(path) == self.base.get(path) or path not in self.index):
                result[path] = entry
        for path, entry in self.base.items():
            gone = entry.mode == MODULE or path in self.listing.skipped
            if gone and path not in self.theirs and self.index.get(path) == entry:
                result.pop(path, None)
        return result

    def _join(self, tree: str, parent: str, theirs: str, who: tuple[str, str]) -> str:
        """The commit to go on from."""
        mine = not parent or self.git.is_ancestor(parent, theirs) or parent in self.delivered.commits()
        if mine and tree == self.git("rev-parse", f"{theirs}^{{tree}}"):
            return theirs
        parents = [parent] if parent else []
        if not parent or not self.git.is_ancestor(theirs, parent):
            parents.append(theirs)
        return self.git.record(tree, parents, f"Join the repository at {theirs[:12]}\n\n{TRAILER}: {theirs}\n", who)

    def resume(self) -> bool:
        """Carry out what was begun, now or by a start that was cut off; whether there was something."""
        document = self.journal.underway()
        if not document:
            self.journal.end()
            return False
        for path, delivered in document.get("dropped", {}).items():
            self.inside.drop(path, delivered)
        self.journal.carry_out()
        commit, head = document["commit"], self.git.commit("HEAD")
        if commit and head in (document["head"], commit):
            if head != commit:
                self.git("update-ref", "-m", "hubkiln: update", "HEAD", commit, head or "0" * len(commit))
            self.listing.write(commit)
        other = {path: Entry(*entry) for path, entry in document["other"].items()}
        self.delivered.remember(document["theirs"], other, frozenset(document["absent"]))
        self.report.recall(document["report"])
        self.journal.end()
        return True

    def _update_modules(self) -> None:
        """Update the repositories inside this one."""
        self.modules_changed = False
        for path, entry in sorted(self.theirs.items()):
            source, folder = self.lying.path(path), self.home.path(path)
            if entry.mode != MODULE or git_dir(source) is None or not self.home.reachable(path):
                continue
            inner = Report()
            try:
                brought = self.inside.bring(path, source, path in self.inside.hints)
                Clone(source, folder, inner, self.suffix, self.inside.hints.get(path, "")).update()
                self.inside.readdress(path, source)
                if brought:
                    inner.outcome = "updated"
            except (Kept, GitFailed, OSError) as error:
                inner.outcome = "kept"
                self.report.missed[path] = reason(error)
            self.report.take(inner, path)
            self.modules_changed |= inner.outcome == "updated"

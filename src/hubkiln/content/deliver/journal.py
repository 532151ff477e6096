"""Carries a plan out so that a start that is cut off anywhere is carried on by the next one.

All new contents are written beside the folder first, so that a full disk is met before anything changes. Then a
journal says what is to be where; then files are renamed into place, each one at once.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .disk import LINK, PROGRAM, Disk, Entry, clear, copy, write_whole
from .plan import Plan


class Journal:
    """Kept in the folder `place`, which is ours."""

    def __init__(self, place: str, home: Disk) -> None:
        self._place, self._home = place, home
        self._file = os.path.join(place, "underway.json")
        inside = os.path.isdir(place) and os.stat(place).st_dev == os.stat(home.root).st_dev
        self._new = os.path.join(place, "new") if inside or not os.path.isdir(place) else home.path(".hubkiln-new")

    def begin(self, plan: Plan, more: Callable[[Mapping[str, Entry]], Mapping[str, Any]]) -> None:
        """Write down `plan`, with what `more` says for later when it knows what each written file holds."""
        clear(self._new)
        os.makedirs(self._new)
        try:
            writes: dict[str, dict[str, Any]] = {}
            entries: dict[str, Entry] = {}
            staged = Disk(self._new, self._home.kind_of_hash)
            for number, (path, write) in enumerate(plan.writes.items()):
                new = os.path.join(self._new, str(number))
                if write.source:
                    copy(write.source, new)
                else:
                    _write(new, write.data, write.mode)
                entry = entries[path] = staged.state(str(number)) or Entry("", "")
                writes[path] = {"old": write.old, "new": entry, "file": new}
            document = dict(more(entries), moves=plan.moves, removes=plan.removes, writes=writes)
            write_whole(self._file, json.dumps(document).encode())
        except BaseException:
            with contextlib.suppress(OSError):
                clear(self._new)
            raise

    def underway(self) -> dict[str, Any]:
        """What was begun and not ended; empty if there is nothing."""
        try:
            with open(self._file, "rb") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def carry_out(self) -> None:
        """Change the files; what is done already, or was changed by the user since, is passed over."""
        home, document = self._home, self.underway()
        for old, new in document["moves"].items():
            if home.kind(old) is not None and home.kind(new) is None:
                home.move(old, new)
        for path, entry in document["removes"].items():
            found = home.state(path)
            if found == Entry(*entry):
                home.remove(path)
            elif found is None and home.reachable(path):
                home.prune(path)
        for path, write in document["writes"].items():
            found = home.state(path)
            old = Entry(*write["old"]) if write["old"] else None
            empty = found is not None and os.path.isdir(home.path(path)) and not os.path.islink(home.path(path))
            if (found in (None, old) or empty) and found != Entry(*write["new"]) and os.path.lexists(write["file"]):
                home.place(write["file"], path)

    def end(self) -> None:
        """All is done, or there was nothing to do: nothing of ours stays behind."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)
        clear(self._new)


def _write(path: str, data: bytes, mode: str) -> None:
    if mode == LINK:
        os.symlink(os.fsdecode(data), path)
        return
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if mode == PROGRAM else 0o644)

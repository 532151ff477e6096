"""Updates a folder that is no git repository: each file is compared by the hash of what was delivered last."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .disk import FOLDER, Disk, Entry
from .journal import Journal
from .plan import Planner, Sides
from .report import Report


def entries_of(folder: str) -> dict[str, Entry]:
    """Every file below `folder`, bar git's own."""
    disk, found = Disk(folder), {}
    for path in sorted(disk.files("")):
        if ".git" not in path.split("/") and (entry := disk.state(path)) is not None and entry.mode != FOLDER:
            found[path] = entry
    return found


def update_by_hashes(
    source: str, folder: str, place: str, before: Mapping[str, Entry], report: Report, suffix: str
) -> dict[str, Entry]:
    """
    Bring `source` to `folder`; what was delivered is returned, to be given as `before` the next time.

    `place` is a folder of ours for what is under way.
    """
    os.makedirs(place, exist_ok=True)
    home, source_disk = Disk(folder), Disk(source)
    journal = Journal(place, home)
    carried_on = resumed(journal, report)
    before = carried_on or before
    after = entries_of(source)
    known = before.keys()
    sides = Sides(before, after, source_disk, home, known.__contains__, known.__contains__)
    plan = Planner(sides, report, suffix).make()
    if plan:
        journal.begin(plan, lambda written: {"delivered": after, "report": report.files()})
        journal.carry_out()
        journal.end()
    report.outcome = "updated" if plan or carried_on else "unchanged"
    return after


def resumed(journal: Journal, report: Report) -> dict[str, Entry]:
    """What a start that was cut off was to deliver, now that it is; empty if there was none."""
    document: dict[str, Any] = journal.underway()
    if not document:
        journal.end()
        return {}
    journal.carry_out()
    report.recall(document["report"])
    journal.end()
    return {path: Entry(*entry) for path, entry in document["delivered"].items()}

"""Delivers to a home: which folder is the repository's, whether it is new there, and what is remembered of it."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .by_git import Clone
from .by_hashes import entries_of, update_by_hashes
from .copying import copy_all, made_own
from .disk import FOLDER, MODULE, Disk, Entry, clear, mode_of, write_whole
from .git import BASE, Git, available, git_dir
from .history import Delivered
from .locks import alone
from .report import GitFailed, Kept, Report, reason

STATE = Path(".local/share/hubkiln/delivered")
"""Below the home: one JSON file per folder, with the last report and, without git, the hashes of what was delivered."""


def deliver(
    source: Path, home: Path, name: str, now: Callable[[], datetime.datetime] = datetime.datetime.now
) -> Report:
    """Bring `source` to a folder of `home`, by git where both sides have it; failures are only reported."""
    report = Report()
    try:
        with alone(str(home / STATE / f"{name}.lock")):
            _deliver(source, home, name, report, now().strftime("%Y%m%d%H%M%S"))
    except (OSError, shutil.Error, GitFailed, Kept) as error:
        report.outcome, report.why = "kept", reason(error)
        if report.folder and (home / report.folder).is_dir():
            with contextlib.suppress(OSError):
                _remember(home, report, recorded(home, report.folder))
    return report


def _deliver(source: Path, home: Path, name: str, report: Report, suffix: str) -> None:
    place = git_dir(str(source))
    if place is not None and available():
        report.commit = Git(place, str(source)).commit("HEAD")
    origin = origin_of(source)
    report.folder = name if _is_ours(home, name, origin, place is not None) else _other_name(name, origin)
    folder, found = home / report.folder, recorded(home, report.folder)
    hashes: Mapping[str, Entry] = {}
    if mode_of(str(folder)) is None or (folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())):
        hashes = bring_new(source, folder)
        report.outcome = "new"
    elif git_dir(str(folder)) is None:
        hashes = update_by_hashes(
            str(source), str(folder), str(home / STATE / f"{folder.name}.new"), _hashes(found), report, suffix
        )
    elif not available():
        raise Kept(f"this environment has no git to update ~/{report.folder} with; it was left as it is")
    elif not report.commit:
        raise Kept(f"{source}/.git has no commit that could be read")
    else:
        Clone(str(source), str(folder), report, suffix).update()
    _remember(home, report, {"origin": origin, "hashes": hashes})


def _is_ours(home: Path, name: str, origin: str, by_git: bool) -> bool:
    """Whether the files may go to the folder `name`: it is absent, empty, or they came there before."""
    folder = home / name
    kind = mode_of(str(folder))
    if kind is None:
        return True
    if folder.is_symlink() or not folder.is_dir():
        return False
    if not any(folder.iterdir()):
        return True
    before = recorded(home, name)
    if (place := git_dir(str(folder))) is None:
        return not by_git and bool(before) and before.get("origin") == origin and "hashes" in before
    if not available():
        return bool(before) and by_git
    same = bool(before) and before.get("origin") == origin
    if same:
        Git(place, str(folder))("rev-parse", "--git-dir")  # a clone of a newer git than this one is said to be that
    if origin_of(folder) == origin:
        return by_git and (bool(origin) or same)
    return by_git and bool(origin) and same and _was_delivered(folder)


def _was_delivered(folder: Path) -> bool:
    """Whether the clone came from here, though its user has given it another remote, such as a fork of their own."""
    place = git_dir(str(folder))
    return place is not None and bool(Git(place, str(folder)).commit(BASE))


def _other_name(name: str, origin: str) -> str:
    return f"{name}-{hashlib.sha256(origin.encode('utf-8', 'surrogateescape')).hexdigest()[:6]}"


def origin_of(folder: Path) -> str:
    """Where `folder` came from, in a form that can be compared."""
    place = git_dir(str(folder))
    if place is None or not available():
        return ""
    git = Git(place, str(folder))
    git("config", "--list", "--name-only")  # settings that cannot be read are said
    url = git.maybe("config", "--get", "remote.origin.url").rstrip("/")
    return url[:-4] if url.endswith(".git") else url


def bring_new(source: Path, folder: Path) -> dict[str, Entry]:
    """Copy everything at once: either all of it is there or nothing. Returns what is there, without git."""
    new = folder.with_name(f".{folder.name}.new")
    clear(str(new))
    try:
        copy_all(str(source), str(new))
        place = git_dir(str(new))
        if place is not None and available():
            _made_users(place, str(new))
        if folder.is_dir():
            folder.rmdir()
        new.rename(folder)
    finally:
        clear(str(new))
    return entries_of(str(folder)) if place is None else {}


def _made_users(place: str, folder: str) -> None:
    """A copied clone becomes the user's: on a branch, with what was delivered remembered."""
    made_own(place, folder)
    git = Git(place, folder)
    commit = git.commit("HEAD")
    if not commit:
        return
    if not git.maybe("symbolic-ref", "-q", "HEAD"):
        git("update-ref", "refs/heads/main", commit)
        git("symbolic-ref", "HEAD", "refs/heads/main")
    disk, other, absent = Disk(folder, git.maybe("rev-parse", "--show-object-format") or "sha1"), {}, []
    for path, entry in git.entries(commit).items():
        found = disk.state(path) if entry.mode != MODULE else entry
        if found is None or found.mode == FOLDER:
            absent.append(path)
        elif found != entry:
            other[path] = found
    Delivered(git).remember(commit, other, frozenset(absent))


def recorded(home: Path, name: str) -> dict[str, Any]:
    """What was remembered of the folder `name`."""
    try:
        found = json.loads((home / STATE / f"{name}.json").read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _hashes(found: Mapping[str, Any]) -> dict[str, Entry]:
    """Of what was delivered; the note lies in the home, so what of it makes no sense is not remembered."""
    hashes = found.get("hashes")
    if not isinstance(hashes, dict):
        return {}
    told = {path: entry for path, entry in hashes.items() if isinstance(entry, list) and len(entry) == 2}
    return {path: Entry(*entry) for path, entry in told.items() if all(isinstance(one, str) for one in entry)}


def _remember(home: Path, report: Report, more: Mapping[str, Any]) -> None:
    """Leave the report in the home."""
    path = home / STATE / f"{report.folder}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    kept = {name: more[name] for name in ("origin", "hashes") if name in more}
    write_whole(str(path), json.dumps(dict(vars(report), at=at, **kept), indent=1).encode())

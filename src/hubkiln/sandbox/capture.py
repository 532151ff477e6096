"""What a run step changed: an overlay's upper folder becomes a tree, to be written as one more image layer.

Deletions become whiteout entries. An opaque mark is kept only where a layer below has that folder: the kernel puts
one on every new folder, and in an image it would hide the same folder of other layers. Times are normalised, so
compiled Python files that carry their source's time are left out. A hard link becomes a second file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubkiln.beneath import DEEPEST
from hubkiln.errors import BuildFailed
from hubkiln.sandbox.identity import INNER, Identity
from hubkiln.sandbox.owners import Owned, noted
from hubkiln.trees import Entry, Tree

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"

SKIPPED = frozenset(
    (
        *("dev", "proc", "run", "sys", "tmp", "var/tmp"),
        *("etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"),
        *("var/cache/apt", "var/lib/apt/lists", "var/cache/ldconfig/aux-cache"),
        *("var/cache/debconf/config.dat-old", "var/cache/debconf/templates.dat-old"),
        *("var/lib/dpkg/status-old", "var/lib/dpkg/diversions-old", "var/lib/dpkg/statoverride-old"),
        *("var/log/apt", "var/log/dpkg.log", "var/log/alternatives.log", "var/log/bootstrap.log"),
        *("var/lib/dpkg/lock", "var/lib/dpkg/lock-frontend", "var/lib/dpkg/triggers/Lock"),
        *("etc/.pwd.lock", "etc/group-", "etc/gshadow-", "etc/passwd-", "etc/shadow-", "etc/subgid-", "etc/subuid-"),
        *("root/.cache", "home/jovyan/.cache"),
    )
)
"""Never part of a layer: what the sandbox itself puts there, caches and logs."""

_MARKS = ("user.overlay", "trusted.overlay")
_TIMESTAMP_PYC = 0

Owner = Callable[[int], int]
"""Real owner on disk to the owner inside."""


@dataclass(frozen=True, slots=True)
class _From:
    upper: Path
    lowers: Sequence[Path]
    below: str
    skip: frozenset[str]
    uid: Owner
    gid: Owner
    taken_over: bool

    def owned(self, file: Path, what: os.stat_result) -> Owned:
        """``(uid, gid, mode)`` inside."""
        found = noted(file, what) if self.taken_over else None
        return found or (self.uid(what.st_uid), self.gid(what.st_gid), stat.S_IMODE(what.st_mode))

    def path(self, relative: str) -> str:
        return "/".join(part for part in (self.below, relative) if part)

    def hides(self, relative: str) -> bool:
        """True if a layer below has something at `relative`."""
        return any(os.path.lexists(lower / relative) for lower in self.lowers)


def capture(
    upper: Path,
    lowers: Sequence[Path],
    uid: Owner,
    gid: Owner,
    *,
    below: str = "",
    skip: frozenset[str] = SKIPPED,
    taken_over: bool = False,
) -> Tree:
    """
    The tree of what was written to `upper` over `lowers`, which were stacked at `below` (``""`` for ``/``).

    `skip` names paths below ``/`` to leave out, with all that is in them. `taken_over` is for what the root of an
    ordinary user's sandbox wrote (:mod:`hubkiln.sandbox.owners`). The tree refers to files in `upper`.

    Raises:
        BuildFailed: a device file, or a name that image layers reserve.
    """
    source = _From(upper, lowers, below.strip("/"), skip, uid, gid, taken_over)
    parts = source.below.split("/") if source.below else []
    above = [Entry(path="/".join(parts[: n + 1]), mode=0o755) for n in range(len(parts) - 1)]
    top = [_entry(source, upper, "")] if parts else []
    found = [*above, *(entry for entry in top if entry), *_walk(source, upper, "")]
    return Tree(tuple(sorted(found, key=lambda entry: entry.path)))


def _walk(source: _From, folder: Path, relative: str) -> Iterator[Entry]:
    if relative.count("/") >= DEEPEST:
        raise BuildFailed(
            f"The step made folders over {DEEPEST} deep in one another.", hint="Put fewer into one another."
        )
    if is_marked(folder, "opaque", b"y") and source.hides(relative):
        yield _mark(source, f"{relative}/{OPAQUE}".lstrip("/"))
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        below = f"{relative}/{name}".lstrip("/")
        if source.path(below) in source.skip:
            continue
        entry = _entry(source, folder / name, below)
        if entry is None:
            continue
        yield entry
        if stat.S_ISDIR((folder / name).lstat().st_mode):
            yield from _walk(source, folder / name, below)


def _entry(source: _From, file: Path, relative: str) -> Entry | None:
    path, what = source.path(relative), file.lstat()
    if is_whiteout(file, what):
        parent, _, name = relative.rpartition("/")
        return _mark(source, f"{parent}/{WHITEOUT}{name}".lstrip("/")) if source.hides(relative) else None
    if file.name.startswith(WHITEOUT):
        raise BuildFailed(f"The step made {path}, a name that image layers reserve for deletions.", hint="Rename it.")
    uid, gid, mode = source.owned(file, what)
    if stat.S_ISDIR(what.st_mode):
        return Entry(path=path, mode=mode, uid=uid, gid=gid)
    if stat.S_ISLNK(what.st_mode):
        return Entry(path=path, mode=0o777, link=os.fsdecode(file.readlink()), uid=uid, gid=gid)
    if stat.S_ISREG(what.st_mode):
        if _is_dated_pyc(file):
            return None
        return Entry(path=path, mode=mode, size=what.st_size, source=file, uid=uid, gid=gid)
    if stat.S_ISCHR(what.st_mode) or stat.S_ISBLK(what.st_mode):
        raise BuildFailed(f"The step made a device file, {path}.", hint="Images made here cannot hold device files.")
    return None  # a pipe or socket that somebody left


def is_whiteout(file: Path, what: os.stat_result) -> bool:
    """True if `file`, of which `what` is the status, marks a deletion, in either of the kernel's ways."""
    if stat.S_ISCHR(what.st_mode):
        return what.st_rdev == 0
    return stat.S_ISREG(what.st_mode) and what.st_size == 0 and is_marked(file, "whiteout", None)


def is_marked(file: Path, mark: str, value: bytes | None) -> bool:
    """True if `file` has the overlay's attribute `mark`, with that `value` if one is given."""
    for space in _MARKS:
        with suppress(OSError):
            found = os.getxattr(file, f"{space}.{mark}", follow_symlinks=False)
            return value is None or found == value
    return False


def _mark(source: _From, relative: str) -> Entry:
    return Entry(path=source.path(relative), mode=0o644, source=b"")


def _is_dated_pyc(file: Path) -> bool:
    if file.suffix != ".pyc" or file.parent.name != "__pycache__":
        return False
    with file.open("rb") as content:
        return int.from_bytes(content.read(8)[4:], "little") == _TIMESTAMP_PYC


def owner(identity: Identity, user: int, *, root: bool, subordinate: tuple[int, int] = (0, 0)) -> Owner:
    """
    Translates real owners on disk to those inside.

    `user` is the identity's own uid (or gid). `root` and `subordinate` tell of a step that was root in an ordinary
    user's namespace: our own id was 0 there, and the range's first was 1.
    """

    def inside(number: int) -> int:
        if identity.shift is not None:
            if number == user:
                return INNER
            return number - identity.shift if identity.shift <= number < identity.shift + identity.width else 0
        if not root:
            return INNER
        first, count = subordinate
        return number - first + 1 if first <= number < first + count else 0

    return inside

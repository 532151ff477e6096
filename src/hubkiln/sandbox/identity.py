"""Who a sandbox is, seen from the host: which real uid its files and processes have.

The rule that everything else follows: nothing inside a sandbox ever has the host's uid 0. In a user namespace that
maps our uid 0 the kernel would still let a process write ``/proc/sys``, so when we are root we drop to an
unprivileged real uid, and where an image's own owners matter we use a namespace that maps its root to a shifted uid.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from hubkiln.errors import ServiceError

INNER = 1000
"""uid and gid that images give to their user."""

ROOT_MODE_UID = 64100
"""Real uid and gid of sandboxes when we are root; ``HUBKILN_SANDBOX_UID`` overrides it."""

SHIFT = 1_900_000_000
"""Where an image's uid 0 lies on the host when we are root: in a range nobody hands out."""

WIDTH = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The real owner of everything a sandbox makes."""

    uid: int
    """Real uid of the user inside."""

    gid: int

    shift: int | None = None
    """Set when we are root: real uid of an image's root; its uid `n` is ``shift + n``, except 1000, which is `uid`."""

    def of(self, uid: int | None) -> Identity:
        """The same for the user with the real uid `uid`; itself for None, and where we are not root."""
        return self if uid is None or self.shift is None else Identity(uid=uid, gid=uid, shift=self.shift)

    @property
    def privileged(self) -> bool:
        """True when we are root, so must drop; False when a user namespace does it."""
        return self.shift is not None

    @property
    def inner_uid(self) -> int:
        """What ``id -u`` says over the host's ``/usr``."""
        return self.uid if self.privileged else INNER

    @property
    def inner_gid(self) -> int:
        """What ``id -g`` says over the host's ``/usr``."""
        return self.gid if self.privileged else INNER

    def host_uid(self, uid: int) -> int:
        """Real owner on disk of a file that an image says belongs to `uid`."""
        return self.uid if self.shift is None else _shifted(uid, self.uid, self.shift)

    def host_gid(self, gid: int) -> int:
        """Real group on disk of a file that an image says belongs to `gid`."""
        return self.gid if self.shift is None else _shifted(gid, self.gid, self.shift)

    def id_map(self) -> tuple[str, str]:
        """
        ``(uid_map, gid_map)`` for a user namespace with all of an image's owners, when we are root.

        Raises:
            ServiceError: it would map the host's root.
        """
        assert self.shift is not None
        return _map(self.uid, self.shift), _map(self.gid, self.shift)


def _shifted(number: int, user: int, shift: int) -> int:
    return user if number == INNER else shift + min(max(number, 0), WIDTH - 1)


def _map(user: int, shift: int) -> str:
    if user <= 0 or shift <= 0:
        raise ServiceError("A sandbox must never be the host's root.", hint="Set HUBKILN_SANDBOX_UID to an unused uid.")
    after = INNER + 1
    return f"0 {shift} {INNER}\n{INNER} {user} 1\n{after} {shift + after} {WIDTH - after}\n"


def current(uid: int | None = None) -> Identity:
    """
    Identity for sandboxes started by this process; `uid` stands for our own effective uid in tests.

    Raises:
        ServiceError: ``HUBKILN_SANDBOX_UID`` is not a usable uid.
    """
    own = os.geteuid() if uid is None else uid
    if own != 0:
        return Identity(uid=own, gid=os.getegid())
    chosen = os.environ.get("HUBKILN_SANDBOX_UID", str(ROOT_MODE_UID))
    if not chosen.isdecimal() or not 0 < int(chosen) < SHIFT:
        raise ServiceError(
            f"HUBKILN_SANDBOX_UID is {chosen!r}, which is not an unprivileged uid.",
            hint="Set it to an unused number above 0, or unset it.",
        )
    return Identity(uid=int(chosen), gid=int(chosen), shift=SHIFT)


class HasIdentity(Protocol):
    """An engine, as far as whose files its sandboxes have."""

    @property
    def identity(self) -> Identity:
        """Of everything made for its sandboxes."""

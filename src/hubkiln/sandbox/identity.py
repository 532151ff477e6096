"""Who a sandbox is, seen from the host: which real uid its files and processes have.

The rule that everything else follows: nothing inside a sandbox ever has the host's uid 0. In a user namespace that
maps our uid 0 the kernel would still let a process write ``/proc/sys``, so when we are root we drop to an
unprivileged real uid, and where an image's own owners matter we use a namespace that maps its root to a shifted uid.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Protocol

from hubkiln.confined import Owners
from hubkiln.errors import ServiceError
from hubkiln.sandbox.surroundings import Surroundings

INNER = 1000
"""uid and gid that images give to their user."""

ROOT_MODE_UID = 64100
"""Real uid and gid of sandboxes when we are root; ``HUBKILN_SANDBOX_UID`` overrides it."""

SHIFT = 1_900_000_000
"""Where an image's uid 0 lies on the host when we are root: in a range nobody hands out."""

WIDTH = 65536

NARROW_SHIFT, NARROW_WIDTH = 10_000, 50_000
"""The same in a container that has 65536 uids in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The real owner of everything a sandbox makes."""

    uid: int
    """Real uid of the user inside."""

    gid: int

    shift: int | None = None
    """Set when we are root: real uid of an image's root; its uid `n` is ``shift + n``, except 1000, which is `uid`."""

    contained: bool = False
    """Root of a container, without power over the machine: sandboxes are made in a user namespace of their own."""

    width: int = WIDTH
    """How many uids an image may have."""

    def of(self, uid: int | None) -> Identity:
        """The same for the user with the real uid `uid`; itself for None, and where we are not root."""
        return self if uid is None or self.shift is None else replace(self, uid=uid, gid=uid)

    @property
    def privileged(self) -> bool:
        """True when we are root, so must drop; False when a user namespace does it."""
        return self.shift is not None

    @property
    def inner_uid(self) -> int:
        """What ``id -u`` says over the host's ``/usr``."""
        return self.uid if self.privileged and not self.contained else INNER

    @property
    def inner_gid(self) -> int:
        """What ``id -g`` says over the host's ``/usr``."""
        return self.gid if self.privileged and not self.contained else INNER

    @property
    def owners(self) -> tuple[Owners, ...]:
        """Real owners of all that it stands for, when we are root."""
        if self.shift is None:
            return ()
        return (*map(Owners, dict.fromkeys((self.uid, self.gid))), Owners(self.shift, self.width))

    def host_uid(self, uid: int) -> int:
        """Real owner on disk of a file that an image says belongs to `uid`."""
        return self.uid if self.shift is None else _shifted(uid, self.uid, self.shift, self.width)

    def host_gid(self, gid: int) -> int:
        """Real group on disk of a file that an image says belongs to `gid`."""
        return self.gid if self.shift is None else _shifted(gid, self.gid, self.shift, self.width)

    def id_map(self) -> tuple[str, str]:
        """
        ``(uid_map, gid_map)`` for a user namespace with all of an image's owners, when we are root.

        Raises:
            ServiceError: it would map the host's root.
        """
        assert self.shift is not None
        return _map(self.uid, self.shift, self.width), _map(self.gid, self.shift, self.width)

    def maker_map(self) -> tuple[str, str]:
        """The same for the namespace that mounts in a container: our own root is in it, under a number nobody is."""
        uids, gids = self.id_map()
        return f"{uids}{self.width} 0 1\n", f"{gids}{self.width} 0 1\n"

    def same_map(self) -> str:
        """Map of a namespace inside that of :meth:`maker_map` with all of its owners but our own root."""
        after = INNER + 1
        return f"0 0 {INNER}\n{INNER} {INNER} 1\n{after} {after} {self.width - after}\n"


def _shifted(number: int, user: int, shift: int, width: int) -> int:
    return user if number == INNER else shift + min(max(number, 0), width - 1)


def _map(user: int, shift: int, width: int) -> str:
    if user <= 0 or shift <= 0:
        raise ServiceError("A sandbox must never be the host's root.", hint="Set HUBKILN_SANDBOX_UID to an unused uid.")
    after = INNER + 1
    return f"0 {shift} {INNER}\n{INNER} {user} 1\n{after} {shift + after} {width - after}\n"


def current(uid: int | None = None, around: Surroundings | None = None, *, chosen: int = ROOT_MODE_UID) -> Identity:
    """
    Identity for sandboxes started by this process; `uid` stands for our own effective uid in tests, `around` for
    what we may do. Where we are root, the sandboxes are those of the uid `chosen`.

    Raises:
        ServiceError: we are root, and may become nobody else.
    """
    own = os.geteuid() if uid is None else uid
    if own != 0:
        return Identity(uid=own, gid=os.getegid())
    around = around or Surroundings.here()
    number = chosen
    if around.rules_the_machine:
        return Identity(uid=number, gid=number, shift=SHIFT)
    if around.can_become_others and around.has(number, 1):
        if around.has(SHIFT, WIDTH):
            return Identity(uid=number, gid=number, shift=SHIFT, contained=True)
        if around.has(NARROW_SHIFT, NARROW_WIDTH) and not NARROW_SHIFT <= number < NARROW_SHIFT + NARROW_WIDTH:
            return Identity(uid=number, gid=number, shift=NARROW_SHIFT, contained=True, width=NARROW_WIDTH)
    if not around.initial:
        return Identity(uid=0, gid=0)  # root in name: outside it is whoever started the container
    raise ServiceError(
        "Hubkiln is root here, but may not become anybody else, so a sandbox would be root, too.",
        hint="Start it as another user (`runAsUser: 1000`, `docker run --user 1000`), or let it have the "
        "capabilities SETUID, SETGID and CHOWN.",
    )


class HasIdentity(Protocol):
    """An engine, as far as whose files its sandboxes have."""

    @property
    def identity(self) -> Identity:
        """Of everything made for its sandboxes."""

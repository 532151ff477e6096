"""What an environment stands on, as others see it."""

from __future__ import annotations

from dataclasses import dataclass

from hubkiln.images import ImageName, ParentImage
from hubkiln.packages import CondaLock
from hubkiln.values import Interpreter


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What an environment stands on."""

    name: str
    """In keys: ``host``, or the base image's manifest digest."""

    interpreter: Interpreter
    """Its path is the one seen inside."""

    minors: tuple[str, ...]
    """Python versions to choose from."""

    rootfs: tuple[str, ...] = ()
    """Folders below ``images/layers``, bottom first; empty over the host, and until :meth:`Bases.unpacked`."""

    parent: ParentImage | None = None
    """The image underneath; None over the host."""

    source: ImageName | None = None
    """Where the base's layers are; None for our own layout."""

    conda: CondaLock | None = None
    """Conda packages over it, which bring the interpreter."""

    accounts: tuple[str, str] | None = None
    """``/etc/passwd`` and ``/etc/group`` with our user added, of a base image that was not made for us."""

    @property
    def is_host(self) -> bool:
        """True over this machine's own ``/usr``."""
        return self.parent is None

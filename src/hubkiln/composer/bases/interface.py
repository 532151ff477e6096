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
    """Python versions that it has."""

    rootfs: tuple[str, ...] = ()
    """Folders below ``images/layers``, bottom first; empty over the host, and until :meth:`Bases.unpacked`."""

    parent: ParentImage | None = None
    """The image underneath; None over the host."""

    source: ImageName | None = None
    """Where the base's layers are; None for our own layout."""

    digest: str = ""
    """Of the base image's manifest; empty over this machine."""

    kernel: Interpreter | None = None
    """The Python of the kernel beside the server, where notebooks run in another than `interpreter`."""

    conda: CondaLock | None = None
    """Conda packages over it, which bring the interpreter; the kernel's, where one is beside the server."""

    accounts: tuple[str, str] | None = None
    """``/etc/passwd`` and ``/etc/group`` with our user added, of a base image that was not made for us."""

    @property
    def python_roots(self) -> tuple[str, ...]:
        """Folders of this machine that its Pythons need besides ``/usr``."""
        pythons = (self.interpreter, *((self.kernel,) if self.kernel else ()))
        return tuple(dict.fromkeys(str(root) for python in pythons for root in python.roots))

    @property
    def condas(self) -> bool:
        """Whether conda brings the server's Python."""
        return self.conda is not None and self.kernel is None

    @property
    def is_host(self) -> bool:
        """True over this machine's own ``/usr``."""
        return self.parent is None

    @property
    def takes_pythons(self) -> bool:
        """Whether a Python that it lacks can be brought: to this machine, and to base images of ours."""
        return self.accounts is None

"""What run steps may use: one frozen value for building packages, ``apt.txt`` and ``postBuild`` alike."""

from __future__ import annotations

from dataclasses import dataclass

from hubkiln.sandbox.interface import Network
from hubkiln.values import Limits

GIB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSettings:
    """Limits of one step; ``None`` means not limited."""

    seconds: float | None = 1800
    """Half an hour: the slowest honest builds (large C++ extensions) end well before."""

    memory_bytes: int | None = 4 * GIB
    """What a compiler with two large files at once needs."""

    disk_bytes: int | None = 10 * GIB
    """Written by one step, scratch files included; most images are smaller as a whole."""

    processes: int | None = 4096
    """Stops fork bombs, never `make -j`."""

    network: Network = Network.HOST
    """``NONE`` where steps must not reach anything; builds that fetch then fail, and say so."""

    @property
    def limits(self) -> Limits:
        """As a room takes them."""
        return Limits(
            memory_bytes=self.memory_bytes,
            processes=self.processes,
            seconds=self.seconds,
            disk_bytes=self.disk_bytes,
        )

"""What run steps may use: one frozen value for building packages, ``apt.txt`` and ``postBuild`` alike.

Read from variables, so that the service and the command line use the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hubkiln.egress import Reach, read_reach
from hubkiln.errors import BadSpec
from hubkiln.setting_values import Values
from hubkiln.values import Limits

GIB = 1024**3

OPEN_FILES = 65536
"""Most files that one process may have open: more than any program asks for."""


USUAL_REACH = Reach(public=True, packages=True)
"""Enough for what downloads; nothing of the machine's own."""


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

    reach: Reach = USUAL_REACH
    """What steps may reach over the network: never the machine's own, where a stranger's code would find services
    without passwords and other users' kernels. Builds that fetch what they may not reach fail, and say so."""

    @property
    def limits(self) -> Limits:
        """As a room takes them."""
        return Limits(
            memory_bytes=self.memory_bytes,
            processes=self.processes,
            seconds=self.seconds,
            disk_bytes=self.disk_bytes,
            file_bytes=self.disk_bytes,
            open_files=OPEN_FILES,
        )

    def __str__(self) -> str:
        """For people: ``at most 30 min, 4 GiB of memory, 10 GiB of disk, 4096 processes; may reach everything``."""
        named = [
            (self.seconds, f"{(self.seconds or 0) / 60:g} min"),
            (self.memory_bytes, f"{(self.memory_bytes or 0) / GIB:g} GiB of memory"),
            (self.disk_bytes, f"{(self.disk_bytes or 0) / GIB:g} GiB of disk"),
            (self.processes, f"{self.processes} processes"),
        ]
        limits = ", ".join(text for value, text in named if value is not None)
        return f"{f'at most {limits}' if limits else 'no limits'}; may reach {self.reach}"


def settings(variables: Mapping[str, str]) -> StepSettings:
    """
    From ``HUBKILN_STEP_…``; see :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one of them cannot be read.
    """
    values = Values(variables)
    usual = values.put_into(
        StepSettings(),
        seconds="step_seconds",
        memory_bytes="step_memory",
        disk_bytes="step_disk",
        processes="step_processes",
    )
    network = values.get("step_network")
    return usual if network is None else replace(usual, reach=_reach(network))


def _reach(text: str) -> Reach:
    try:
        return read_reach(text)
    except BadSpec as error:
        raise BadSpec(f"HUBKILN_STEP_NETWORK: {error.message}", hint=error.hint) from None

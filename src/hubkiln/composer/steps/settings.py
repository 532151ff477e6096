"""What run steps may use: one frozen value for building packages, ``apt.txt`` and ``postBuild`` alike.

Read from variables, so that the service and the command line use the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hubkiln.egress import EVERYTHING, Reach, read_reach
from hubkiln.errors import BadSpec
from hubkiln.values import Limits

GIB = 1024**3

OPEN_FILES = 65536
"""Most files that one process may have open: more than any program asks for."""

_SIZE = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": GIB, "T": 1024 * GIB}
_UNLIMITED = "none"


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

    reach: Reach = EVERYTHING
    """What steps may reach over the network. Builds that fetch what they may not reach fail, and say so."""

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


def settings(environ: Mapping[str, str]) -> StepSettings:
    """
    From ``HUBKILN_STEP_SECONDS``, ``…_MEMORY``, ``…_DISK`` (``512M``, ``4G``), ``…_PROCESSES``, each ``none`` for no
    limit, and ``…_NETWORK`` (:func:`read_reach`).

    Raises:
        BadSpec: one of them cannot be read.
    """
    usual = StepSettings()
    seconds = _number(environ, "HUBKILN_STEP_SECONDS", usual.seconds)
    processes = _number(environ, "HUBKILN_STEP_PROCESSES", usual.processes)
    network = environ.get("HUBKILN_STEP_NETWORK")
    return StepSettings(
        seconds=seconds,
        memory_bytes=_bytes(environ, "HUBKILN_STEP_MEMORY", usual.memory_bytes),
        disk_bytes=_bytes(environ, "HUBKILN_STEP_DISK", usual.disk_bytes),
        processes=None if processes is None else int(processes),
        reach=usual.reach if network is None else read_reach(network),
    )


def _number(environ: Mapping[str, str], name: str, usual: float | None) -> float | None:
    text = environ.get(name)
    if text is None:
        return usual
    if text.lower() == _UNLIMITED:
        return None
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise BadSpec(f"{name} is {text!r}, which is not a number.", hint="Write a number above 0, or none.")
    return int(text)


def _bytes(environ: Mapping[str, str], name: str, usual: int | None) -> int | None:
    text = environ.get(name)
    if text is None:
        return usual
    if text.lower() == _UNLIMITED:
        return None
    found = _SIZE.fullmatch(text.strip())
    count = int(float(found["count"]) * _UNITS[found["unit"].upper()]) if found else 0
    if count < 1:
        raise BadSpec(f"{name} is {text!r}, which is not a size.", hint="Write it like 512M or 4G, or none.")
    return count

"""Processes that may outlive us: named by pid and start time, so a reused pid is never taken for one of ours."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process of this boot."""

    pid: int
    started: int
    """Clock ticks since boot, from ``/proc/<pid>/stat``."""

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has `pid` now; None if it is gone."""
        found = _stat(pid)
        return cls(pid, found[1]) if found else None

    @classmethod
    def ours(cls) -> ProcessId:
        """The one that we are."""
        found = cls.of(os.getpid())
        assert found is not None  # we are here
        return found

    def alive(self) -> bool:
        """False once it has ended, with all its threads, even while nobody has waited for it."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.started and found[0] not in "ZX"

    def stopped(self) -> bool:
        """True while a signal or a debugger holds it up."""
        found = _stat(self.pid)
        return found is not None and found[1] == self.started and found[0] in "Tt"

    def signal(self, number: signal.Signals) -> None:
        """Send `number`; nothing happens if it has ended."""
        with suppress(ProcessLookupError, PermissionError):
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.alive():
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)

    async def ended(self) -> None:
        """Return when it has ended."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            if self.alive():
                await readable(descriptor)
        finally:
            os.close(descriptor)

    def children(self) -> list[ProcessId]:
        """Its children now, whichever thread started them; those of one thread oldest first."""
        pids: list[int] = []
        for thread in sorted(Path(f"/proc/{self.pid}/task").glob("*/children")):
            with suppress(OSError):
                pids += map(int, thread.read_text().split())
        return [process for process in map(ProcessId.of, pids) if process is not None]


async def readable(descriptor: int) -> None:
    """Return when `descriptor` can be read without waiting."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def tell() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, tell)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def place() -> str:
    """This boot and PID namespace, within which a pid means something; empty where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    others = int(fields[17]) > 1  # where the first thread has ended and others run, the kernel says Z of the whole
    return "S" if fields[0] == "Z" and others else fields[0], int(fields[19])

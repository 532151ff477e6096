"""Ports for servers that are told where to listen."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

_OURS = range(20_000, 30_000)
"""Where ports are looked for: below what kernels give to whoever asks for any, which are taken again in a moment."""

_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIALS = 200


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now, nor is given by the kernel to somebody later."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """As many different ones."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            _bind(probe)
        return [int(probe.getsockname()[1]) for probe in probes]


def _bind(probe: socket.socket) -> None:
    for port in random.SystemRandom().sample(_OURS, _TRIALS):
        if not _kernel_gives(port):
            with suppress(OSError):  # somebody listens there
                return probe.bind(("127.0.0.1", port))
    probe.bind(("127.0.0.1", 0))


def _kernel_gives(port: int) -> bool:
    with suppress(OSError, ValueError):
        lowest, highest = map(int, _KERNELS.read_text().split())
        return lowest <= port <= highest
    return True

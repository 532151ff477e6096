"""Ports for servers that are told where to listen."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

_OURS = range(20_000, 30_000)
"""Where ports are looked for: below what kernels give to whoever asks for any, which are taken again in a moment."""

_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_TRIALS = 200


def free_port() -> int:
    """A port that nobody listens on now, at whatever IPv4 address, nor is given by the kernel to somebody later."""
    return free_ports(1)[0]


def free_ports(count: int, among: Sequence[int] = _OURS) -> list[int]:
    """As many different ones of those `among` which they are looked for; where all are taken, any."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            _bind(probe, among)
        return [int(probe.getsockname()[1]) for probe in probes]


def _bind(probe: socket.socket, among: Sequence[int]) -> None:
    for port in random.SystemRandom().sample(among, min(_TRIALS, len(among))):
        if not _kernel_gives(port):
            with suppress(OSError):  # somebody listens there
                return probe.bind(("", port))
    probe.bind(("", 0))


def _kernel_gives(port: int) -> bool:
    with suppress(OSError, ValueError):
        lowest, highest = map(int, _KERNELS.read_text().split())
        return lowest <= port <= highest
    return True

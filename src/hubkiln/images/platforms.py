"""What images call a machine: ``linux/amd64``."""

from __future__ import annotations

import platform

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "ppc64le": "ppc64le", "s390x": "s390x"}


def own_platform() -> str:
    """What this machine runs, and so what it composes."""
    machine = platform.machine()
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"

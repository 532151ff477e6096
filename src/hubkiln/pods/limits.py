"""What a step's pod is held to, read from its description: as it was asked for, or as the API server took it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from hubkiln.pods.api import Json
from hubkiln.pods.standing import CONTAINER
from hubkiln.sandbox import Capability
from hubkiln.values import Limits

_UNITS = {"n": "1e-9", "u": "1e-6", "m": "1e-3", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15"}
_UNITS |= {f"{letter}i": str(1024**power) for power, letter in enumerate("KMGTPE", 1)} | {"E": "1e18"}
_GIB = 1024**3


def amount(quantity: object) -> Decimal:
    """
    A quantity as Kubernetes writes it: ``100m``, ``2``, ``4Gi``, ``1e3``.

    Raises:
        ArithmeticError: it is none.
    """
    text = str(quantity)
    unit = next((unit for unit in sorted(_UNITS, key=len, reverse=True) if text.endswith(unit)), "")
    return Decimal(text.removesuffix(unit)) * Decimal(_UNITS.get(unit, "1"))


def within(requests: Mapping[str, Any], limits: Mapping[str, Any]) -> Json:
    """`requests` without any above its limit, which no API server takes."""
    return {name: _less(asked, limits[name]) if name in limits else asked for name, asked in requests.items()}


def _less(asked: object, most: object) -> object:
    try:
        return min(asked, most, key=amount)
    except ArithmeticError:
        return asked  # the API server says what is wrong with it


def limits_of(pod: Json) -> Limits:
    """What `pod` is held to by its node; processes are none of a pod's to limit."""
    (container,) = (one for one in pod["spec"]["containers"] if one["name"] == CONTAINER)
    limits = (container.get("resources") or {}).get("limits") or {}
    found: dict[str, Decimal] = {}
    for name, quantity in limits.items():
        try:
            found[name] = amount(quantity)
        except ArithmeticError:
            continue  # such a pod is not taken
    memory, disk, cpus = (found.get(name) for name in ("memory", "ephemeral-storage", "cpu"))
    return Limits(
        memory_bytes=None if memory is None else int(memory),
        disk_bytes=None if disk is None else int(disk),
        cpus=None if cpus is None else float(cpus),
        seconds=pod["spec"].get("activeDeadlineSeconds"),
    )


def told(limits: Limits) -> str:
    """For people: ``at most 4 GiB of memory, 10 GiB of disk, 45 min with its pull; no limit of CPU``."""
    named = [
        ("memory", limits.memory_bytes, f"{(limits.memory_bytes or 0) / _GIB:g} GiB of memory"),
        ("disk", limits.disk_bytes, f"{(limits.disk_bytes or 0) / _GIB:g} GiB of disk"),
        ("CPU", limits.cpus, f"{limits.cpus or 0:g} CPU"),
        ("time", limits.seconds, f"{(limits.seconds or 0) / 60:g} min with its pull"),
    ]
    held = ", ".join(text for _, value, text in named if value is not None)
    free = " and ".join(name for name, value, _ in named if value is None)
    return "; ".join([*([f"at most {held}"] if held else []), *([f"no limit of {free}"] if free else [])])


def capability(reason: str, limits: Limits) -> Capability:
    """What is so of step pods with `limits`, where `reason` says why none can be made."""
    if reason:
        return Capability(works=False, reason=reason, limits_reason=reason)
    named = {"memory": limits.memory_bytes, "CPU": limits.cpus}
    missing = " and ".join(name for name, value in named.items() if value is None)
    return Capability(
        works=True,
        memory_enforced=limits.memory_bytes is not None,
        cpu_enforced=limits.cpus is not None,
        limits_reason=f"Step pods have no limit of {missing}." if missing else "",
    )

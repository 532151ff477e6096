"""What the embedded hub offers: sizes that this machine has, and an environment of any kind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hubkiln.spawners import DEFAULT_IMAGE

GIB = 2**30
SIZES = ((1, 1), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64))
"""(CPUs, GiB) to choose from, cut to what there is."""


def default_profiles(cpus: int | None = None, memory_bytes: int | None = None) -> list[dict[str, Any]]:
    """One profile with the options *resources* and *image*, in KubeSpawner's schema."""
    return [
        {
            "slug": "server",
            "display_name": "Jupyter server",
            "default": True,
            "translated": True,
            "profile_options": {
                "resources": {
                    "display_name": "Resources",
                    "choices": sizes(cpus or usable_cpus(), memory_bytes or usable_memory()),
                },
                "image": {
                    "display_name": "Environment",
                    "choices": {
                        "default": {
                            "display_name": "Jupyter, nothing added",
                            "description": "JupyterLab with Python",
                            "default": True,
                            "kubespawner_override": {"image": DEFAULT_IMAGE},
                        }
                    },
                    "unlisted_choice": {
                        "enabled": True,
                        "display_name": "Image",
                        "display_name_in_choices": "Another image",
                        "description_in_choices": "Type the name of an image that has JupyterHub in it",
                        "validation_regex": r"[\w.:@/+-]+",
                        "validation_message": "Write it like registry/name:tag.",
                        "kubespawner_override": {"image": "{value}"},
                    },
                    "dynamic_image_building": {"enabled": True},
                },
            },
        }
    ]


def sizes(cpus: int, memory_bytes: int) -> dict[str, Any]:
    """Choices of resources that fit, the smallest first; a machine smaller than all gets itself."""
    memory = max(1, memory_bytes // GIB)
    fitting = [(c, m) for c, m in SIZES if c <= cpus and m <= memory]
    if not fitting:
        return {"all": _size(cpus, memory_bytes / GIB, memory_bytes)}
    found = {f"cpu{c}-mem{m}": _size(c, m, m * GIB) for c, m in fitting}
    list(found.values())[min(1, len(found) - 1)]["default"] = True
    return found


def _size(cpus: int, gib: float, memory_bytes: int) -> dict[str, Any]:
    return {
        "display_name": f"{cpus} CPU{'s' if cpus > 1 else ''}, {gib:.3g} GB",
        "kubespawner_override": {"cpu_limit": cpus, "mem_limit": memory_bytes},
    }


def usable_cpus() -> int:
    """Processors that we may use."""
    return len(os.sched_getaffinity(0))


def usable_memory() -> int:
    """Bytes of memory of the machine, or of the control group we are in."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        try:
            total = min(total, int(limit.read_text()))
        except (OSError, ValueError):
            continue
    return total

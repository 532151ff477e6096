"""What wheels fit an interpreter on a platform: uv's platform names turned into packaging's tags and markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags

from hubkiln.errors import Unsupported
from hubkiln.values import Interpreter

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_PLATFORM = re.compile(r"(x86_64|aarch64)-manylinux_2_(\d+)")


def tags_for(python: Interpreter, platform: str) -> list[Tag]:
    """Wheel tags that fit, best first; `platform` is uv's name, ``x86_64-manylinux_2_28``."""
    major, minor = map(int, python.minor.split("."))
    platforms = list(_platforms(platform))
    tags = list(cpython_tags((major, minor), platforms=platforms))
    return [*tags, *compatible_tags((major, minor), f"cp{major}{minor}", platforms)]


def environment_for(python: Interpreter, platform: str) -> Environment:
    """Values of environment markers."""
    return Environment(
        implementation_name="cpython",
        implementation_version=python.version,
        os_name="posix",
        platform_machine=_parts(platform)[0],
        platform_python_implementation="CPython",
        platform_release="",
        platform_system="Linux",
        platform_version="",
        python_full_version=python.version,
        python_version=python.minor,
        sys_platform="linux",
    )


def _platforms(platform: str) -> Iterator[str]:
    machine, floor = _parts(platform)
    for glibc in range(floor, 4, -1):
        yield f"manylinux_2_{glibc}_{machine}"
        if glibc in _LEGACY:
            yield f"{_LEGACY[glibc]}_{machine}"
    yield f"linux_{machine}"


def _parts(platform: str) -> tuple[str, int]:
    match = _PLATFORM.fullmatch(platform)
    if match is None:
        raise Unsupported(
            f"The platform {platform!r} is not known.",
            hint="Settings take x86_64-manylinux_2_NN or aarch64-manylinux_2_NN.",
        )
    return match[1], int(match[2])

"""Which system an image is: told by the files that are in it, for an image's name promises nothing."""

from __future__ import annotations

import re

from hubkiln.errors import ServiceError
from hubkiln.sandbox import Places

_MACHINES = ("x86_64", "aarch64", "i386", "armhf", "riscv64", "ppc64le", "s390x")
_MUSL = tuple(f"/lib/ld-musl-{machine}.so.1" for machine in _MACHINES)
_GLIBC = tuple(
    f"{folder}/libc.so.6"
    for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", *(f"/lib/{one}-linux-gnu" for one in _MACHINES))
)
_NAMES = ("/etc/os-release", "/usr/lib/os-release")
_MOST = 64 * 1024


def without_glibc(places: Places) -> str:
    """
    Why wheels for glibc cannot run in the image that lies at `places`, in words: empty where they can.

    A Debian with musl beside its own library is none; an Alpine with a loader of glibc's name is one.
    """
    if any(_is_file(places, path) for path in _GLIBC):
        return ""
    name = _name(places) or "It"
    if any(_is_file(places, path) for path in _MUSL):
        return f"{name} has musl for a C library, not glibc, for which there are few wheels."
    return f"{name} has no C library that programs could share."


def _name(places: Places) -> str:
    """What the system calls itself."""
    for path in _NAMES:
        if not _is_file(places, path):
            continue
        found = places.find(path)
        assert found is not None
        with found.open("rb") as file:
            text = file.read(_MOST).decode(errors="replace")
        for key in ("PRETTY_NAME", "NAME"):
            if match := re.search(rf"^{key}=[\"']?([\x20-\x7e]{{1,60}}?)[\"']?\s*$", text, re.MULTILINE):
                return match[1]
    return ""


def _is_file(places: Places, path: str) -> bool:
    try:
        found = places.find(path)
    except ServiceError:  # links without end
        return False
    return found is not None and found.is_file()

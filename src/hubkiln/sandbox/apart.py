"""How programs that handle strangers' data outside a sandbox see this machine: all of it, but nothing to write to.

Where we are root, a small program of our own drops to nobody (:mod:`hubkiln.confined`), who may not even enter the data
folder. So it is started with the host's files read-only, without network, and with the few folders that it works with
mounted in a place that anybody may enter. Where bubblewrap cannot do that, it runs as it is.

Other people's programs (git, uv) are in :mod:`hubkiln.sandbox.nobody`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hubkiln.confined import HELPER_UID
from hubkiln.errors import EngineMissing
from hubkiln.sandbox.settings import host_settings
from hubkiln.sandbox.tools import find_bwrap

_PLACE = "/run/hubkiln-apart"
_CAPABILITIES = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
"""To load a Python that lies in a closed folder, and then to become nobody."""

_GIVING_AWAY = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_MKNOD")
"""To write files of other owners, and the marks of deletions."""


@dataclass(frozen=True, slots=True)
class View:
    """What a program is started through, and where it then finds our folders."""

    words: tuple[str, ...]
    """To stand before its command line."""

    places: Mapping[Path, str]

    @property
    def drops(self) -> bool:
        """Whether it can become nobody in it."""
        return bool(self.words) or os.geteuid() != 0

    def at(self, path: Path) -> str:
        """Where the program finds `path`."""
        for folder, place in self.places.items():
            if path.is_relative_to(folder):
                return f"{place}/{path.relative_to(folder)}"
        return str(path)


def view(*, readable: Path, writable: Path | None = None) -> View:
    """A view with the folder `readable`, and with `writable`, which is given to nobody where that is whom it is for."""
    if os.geteuid() != 0 or not works():
        return View((), {})
    words = [*_base(), "--tmpfs", "/run", "--perms", "0755", "--dir", _PLACE]
    words += ["--ro-bind", str(readable), f"{_PLACE}/read"]
    places = {readable: f"{_PLACE}/read"}
    if writable is not None:
        os.chown(writable, HELPER_UID, HELPER_UID)
        words += ["--bind", str(writable), f"{_PLACE}/write"]
        places = {writable: f"{_PLACE}/write"} | places
    return View((*words, "--"), places)


def walled(
    root: Path, *, readable: Sequence[Path], writable: Sequence[Path], programs: Sequence[Path] = ()
) -> tuple[str, ...]:
    """
    Words before the command line of a program that must give files away, so has to stay root: it sees the host
    read-only and of the data folder `root` what is named alone, has no network, and little of root's power.

    Nothing where we are not root or bubblewrap does not work. `programs` are what it starts besides Python.
    """
    if os.geteuid() != 0 or not works():
        return ()
    real = root.resolve()
    loaded = (*map(Path, sys.path), Path(sys.executable), Path(sys.prefix), Path(__file__), *programs)
    hidden = [] if any(path.resolve().is_relative_to(real) for path in loaded) else ["--tmpfs", str(real)]
    words = [*_base(_GIVING_AWAY), *hidden]
    for how, folders in (("--ro-bind", readable), ("--bind", writable)):
        for folder in folders:
            places = [folder.resolve()]
            if hidden and folder.is_relative_to(root):  # a folder in it may be a link, to another disk
                places.append(real / folder.relative_to(root))
            words += [word for place in dict.fromkeys(places) for word in (how, str(folder.resolve()), str(place))]
    return (*words, "--")


def _base(capabilities: Sequence[str] = _CAPABILITIES) -> list[str]:
    allowed = [word for name in capabilities for word in ("--cap-add", name)]
    apart = ["--unshare-net", "--unshare-ipc", "--unshare-uts", "--die-with-parent"]
    return [
        str(find_bwrap(host_settings().bwrap)),
        "--ro-bind",
        "/",
        "/",
        "--dev",
        "/dev",
        *apart,
        "--cap-drop",
        "ALL",
        *allowed,
    ]


@cache
def works() -> bool:
    """Whether bubblewrap can make such a view here, when we are root; tried once."""
    try:
        words = [*_base(), "--tmpfs", "/run", "--", "/bin/true"]
    except EngineMissing:
        return False
    return subprocess.run(words, capture_output=True, check=False, env={}).returncode == 0

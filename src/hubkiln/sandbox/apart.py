"""How programs that handle strangers' data outside a sandbox see this machine: all of it, but nothing to write to.

Where we are root, a small program of our own drops to nobody (:mod:`hubkiln.confined`), who may not even enter the data
folder. So it is started with the host's files read-only, without network, and with the few folders that it works with
mounted in a place that anybody may enter. Where bubblewrap cannot do that, it runs as it is.

What unpacks and compiles is behind walls of :mod:`hubkiln.sandbox.wall`; other people's programs (git, uv) are in
:mod:`hubkiln.sandbox.nobody`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hubkiln.confined import HELPER_UID
from hubkiln.errors import EngineMissing
from hubkiln.sandbox.nobody_view import DROP
from hubkiln.sandbox.settings import host_settings
from hubkiln.sandbox.tools import find_bwrap

_PLACE = "/run/hubkiln-apart"


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
    words = [*base(), "--tmpfs", "/run", "--perms", "0755", "--dir", _PLACE]
    words += ["--ro-bind", str(readable), f"{_PLACE}/read"]
    places = {readable: f"{_PLACE}/read"}
    if writable is not None:
        os.chown(writable, HELPER_UID, HELPER_UID)
        words += ["--bind", str(writable), f"{_PLACE}/write"]
        places = {writable: f"{_PLACE}/write"} | places
    return View((*words, "--"), places)


def base(capabilities: Sequence[str] = DROP) -> list[str]:
    """Bubblewrap's words for the host read-only without network, and root's `capabilities`."""
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
        words = [*base(), "--tmpfs", "/run", "--", "/bin/true"]
    except EngineMissing:
        return False
    return subprocess.run(words, capture_output=True, check=False, env={}).returncode == 0

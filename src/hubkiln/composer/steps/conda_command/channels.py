"""Where packages come from: the channels that a script, its repository or nobody names, as far as the admin allows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .refused import Refused

COMPANY = ("defaults", "anaconda", "main", "r", "pkgs/main", "pkgs/r")
"""Anaconda Inc.'s own."""


def _chosen() -> Path:
    """Channels that ``conda config`` added, a line each: beside the command, for as long as the step runs."""
    return Path(sys.argv[0]).with_name("channels")


def chosen() -> list[str]:
    """Those."""
    return _chosen().read_text().split() if _chosen().exists() else []


def choose(names: Sequence[str]) -> None:
    """Let these be added from now on."""
    _chosen().write_text("\n".join(dict.fromkeys(names)))


def channels(asked: Sequence[str], override: bool, settings: dict[str, Any]) -> list[str]:
    """Addresses of the channels `asked` for, then of those that the script or the repository has set up."""
    named = [part for one in asked for part in one.split(",") if part]
    if not override:
        named += chosen()
        named += settings["channels"] or settings["default_channels"]
    found = [address(one, settings) for one in named if one != "nodefaults"]
    usual = [address(one, settings) for one in settings["default_channels"]]
    return list(dict.fromkeys(one for one in found if one)) or [one for one in usual if one]


def address(channel: str, settings: dict[str, Any]) -> str | None:
    """
    Where `channel` is; None for a company's own that is left out.

    Raises:
        Refused: the admin does not allow it.
    """
    allowed, host = settings["allowed_channels"], settings["host"].rstrip("/")
    channel = channel.removeprefix("https://conda.anaconda.org/").rstrip("/")
    if channel in COMPANY and channel not in (allowed or ()):
        print(f"The channel `{channel}` is left out: this installation does not allow it.")
        return None
    url = channel if "://" in channel else f"{host}/{channel}"
    inside = url.startswith(f"{host}/") and (allowed is None or url.removeprefix(f"{host}/") in allowed)
    if not inside and not {channel, url} & {one.rstrip("/") for one in allowed or ()}:
        raise Refused(f"the channel `{channel}` is not allowed here: use conda-forge, or ask the administrator.")
    return url

"""What an admin chose of this machine's sandboxes: whose they are, what they may call, what makes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubkiln.errors import BadSpec
from hubkiln.sandbox.identity import ROOT_MODE_UID, SHIFT, WIDTH
from hubkiln.sandbox.seccomp import calls_of
from hubkiln.setting_values import Values, named

USER_UIDS = (SHIFT + WIDTH, SHIFT + 2 * WIDTH - 1)
"""Straight behind the range of images' own owners."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The same for all engines of a process."""

    uid: int = ROOT_MODE_UID
    """Of sandboxes and stores, where we are root; a number that no distribution gives away."""

    user_uids: tuple[int, int] = USER_UIDS
    """First and last uid of users, where we are root."""

    more_calls: frozenset[str] | None = frozenset()
    """System calls that work besides the usual ones; None for all."""

    all_programs: bool = True
    """Whether sandboxes over the host's ``/usr`` have all of its programs; else those that our base image has."""

    bwrap: Path | None = None
    """The bubblewrap to use; None for the one from PyPI, or the system's."""


def host_settings(environ: Mapping[str, str] = os.environ) -> HostSettings:
    """
    From variables; see :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one cannot be read, or cannot be.
    """
    values = Values(environ)
    usual = HostSettings()
    uid: int = values.get("sandbox_uid", usual.uid)
    if uid >= SHIFT:
        raise _refused("sandbox_uid", str(uid), "an unprivileged uid", "an unused number above 0")
    uids = values.get("user_uids")
    return HostSettings(
        uid=uid,
        user_uids=usual.user_uids if uids is None else uid_range(uids),
        more_calls=calls_of(values.get("seccomp_allow", "")),
        all_programs=values.get("host_programs", "base") == "all",
        bwrap=values.get("bwrap"),
    )


def uid_range(text: str) -> tuple[int, int]:
    """
    The range `text`, as ``first-last``.

    Raises:
        BadSpec: it is no range of unprivileged uids, or meets that of images' owners.
    """
    first, _, last = text.partition("-")
    numbers = [int(part) for part in (first, last) if part.isascii() and part.isdecimal()]
    if len(numbers) != 2 or not 1000 <= numbers[0] <= numbers[1] < 2**32 - 1 or _meet(*numbers):
        written = f"it like {USER_UIDS[0]}-{USER_UIDS[1]}, from 1000 on, apart from {SHIFT}-{SHIFT + WIDTH - 1}"
        raise _refused("user_uids", text, "a range of uids for users", written)
    return numbers[0], numbers[1]


def _meet(first: int, last: int) -> bool:
    return first < SHIFT + WIDTH and last >= SHIFT


def _refused(key: str, text: str, what: str, written: str) -> BadSpec:
    return BadSpec(f"{named(key).variable} is {text!r}, which is not {what}.", hint=f"Write {written}.")

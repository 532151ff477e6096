"""CPython's releases: when each minor version came out, and what may be chosen where nobody asks for one. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from hubkiln.values import Interpreter

RELEASED = {
    "2.7": date(2010, 7, 3),
    "3.4": date(2014, 3, 16),
    "3.5": date(2015, 9, 13),
    "3.6": date(2016, 12, 23),
    "3.7": date(2018, 6, 27),
    "3.8": date(2019, 10, 14),
    "3.9": date(2020, 10, 5),
    "3.10": date(2021, 10, 4),
    "3.11": date(2022, 10, 24),
    "3.12": date(2023, 10, 2),
    "3.13": date(2024, 10, 7),
    "3.14": date(2025, 10, 7),
}
"""First release of each minor version that packages have wheels for, oldest first."""

OLDEST_SERVER = (3, 10)
"""The oldest Python that can run the Jupyter server; notebooks of older ones get a kernel beside it."""

KERNELS = ("2.7", "3.5", "3.6", "3.7", "3.8", "3.9")
"""Those that can be a kernel beside the server."""

OLDEST_BROUGHT = (3, 7)
"""The oldest that uv can install."""

SETTLED = timedelta(days=183)
"""How old a Python is before packages can be expected to have wheels for it."""

LATE = 20
"""A patch number as late as most minor versions get: packages that need `>=3.7.1` are not to rule 3.7 out."""


def settled(minors: Iterable[str], at: datetime) -> tuple[str, ...]:
    """Those of `minors` that had been out for half a year `at` that moment, newest first."""
    known = [minor for minor in minors if minor in RELEASED]
    old = [minor for minor in known if datetime.combine(RELEASED[minor], time.min, UTC) + SETTLED <= at]
    return tuple(sorted(old, key=number, reverse=True))


def is_kernel(minor: str) -> bool:
    """Whether `minor` is too old for the server."""
    return number(minor)[:2] < OLDEST_SERVER


def is_two(minor: str) -> bool:
    """Whether it is Python 2, which has no virtual environments, and byte code beside its sources."""
    return minor.startswith("2.")


def number(version: str) -> tuple[int, ...]:
    """``3.10`` as numbers, for sorting."""
    return tuple(map(int, version.split(".")))


def how_to_get(minor: str) -> str:
    """What helps where `minor` is not on a machine; nobody is told to install what does not exist."""
    if minor not in RELEASED:
        newest = max(RELEASED, key=number)
        return f"The newest Python that is known here is {newest}: ask for another version."
    if number(minor) < OLDEST_BROUGHT:
        return f"Ask for another version, or ask an admin to install it, for example with `pyenv install {minor}`."
    return f"Ask for another version, or ask an admin to install it, for example with `uv python install {minor}`."


def some(minor: str) -> Interpreter:
    """A Python of `minor` that is nowhere, to ask which packages it would get."""
    return Interpreter(version=f"{minor}.{LATE}", path=Path(), roots=())


def span(minors: Iterable[str]) -> str:
    """``2.7–3.6, 3.8`` for versions of which some follow each other."""
    order = list(RELEASED)
    runs: list[list[str]] = []
    for minor in sorted(set(minors) & set(order), key=order.index):
        if runs and order.index(minor) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(minor)
        else:
            runs.append([minor])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)

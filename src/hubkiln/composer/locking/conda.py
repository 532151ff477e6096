"""Recipes with conda packages: which Python they get, what their environment stands on, how it is started.

Conda packages, Python among them, are part of the base: everything after them (wheels, run steps, the content) is
made the same way whether Python comes from this machine, a base image or conda.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hubkiln import recipes
from hubkiln.composer.bases.interface import Base
from hubkiln.errors import Unsupported
from hubkiln.packages import (
    ACTIVATE,
    CondaLock,
    CondaRequest,
    CondaSettings,
    Lock,
    Packages,
    conda_python,
    have_rattler,
    number,
    stack_minors,
    unsolved_python,
)
from hubkiln.recipes import Recipe
from hubkiln.setting_table import Values
from hubkiln.values import PREFIX, Say


def settings(variables: Mapping[str, str]) -> CondaSettings:
    """The admin's: ``HUBKILN_CONDA_CHANNELS`` (names and URLs that may be used), ``HUBKILN_CONDA_HOST`` (a mirror)."""
    values, usual = Values(variables), CondaSettings()
    allowed, host = values.get("conda_channels", ()), values.get("conda_host", usual.host)
    default = usual.default_channels if not allowed or set(usual.default_channels) <= set(allowed) else allowed[:1]
    return replace(usual, host=host, allowed_channels=allowed or None, default_channels=default)


def missing() -> str | None:
    """How to get what conda packages need, if it is not installed."""
    try:
        have_rattler()
    except Unsupported as error:
        return error.hint
    return None


def before_solving(base: Base, recipe: Recipe, default: str) -> Base:
    """`base` with the Python version that `recipe` will get from conda; the host's or base's own is not used."""
    minors = tuple(sorted(stack_minors(), key=number))
    minor = recipe.python or recipes.choose_python(recipe, minors, default)
    return replace(base, interpreter=unsolved_python(minor), minors=minors)


async def solve(packages: Packages, recipe: Recipe, base: Base, as_of: datetime | None, say: Say) -> CondaLock:
    """
    The exact conda packages of `recipe`.

    Raises:
        LockFailed, Refused, RecipeError, Unreachable, Unsupported: see :func:`hubkiln.packages.conda.lock_conda`.
    """
    minor = base.interpreter.minor
    request = CondaRequest(specs=recipe.conda, channels=recipe.channels, python=minor, as_of=as_of)
    lock = await packages.conda.solve(request, say)
    say(f"{len(lock.packages)} conda packages, with Python {conda_python(lock).version}.\n")
    return lock


def with_conda(base: Base, conda: CondaLock | None) -> Base:
    """`base` with the packages of `conda` over it."""
    if conda is None:
        return base
    name = hashlib.sha256(f"{base.name} {conda.digest}".encode()).hexdigest()
    return replace(base, name=f"conda:{name}", interpreter=conda_python(conda), conda=conda)


def entrypoint(prefix: Path, lock: Lock) -> tuple[str, ...]:
    """What sets the variables that conda packages want to have set, if any of them does; it runs what it is given."""
    if lock.conda is None or not (prefix / ACTIVATE).is_file():
        return ()
    return (f"/{PREFIX}/{ACTIVATE}",)

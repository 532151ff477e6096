"""Recipes with conda packages: which Python they get, what their environment stands on, how it is started.

Conda packages, Python among them, are part of the base: everything after them (wheels, run steps, the content) is
made the same way whether Python comes from this machine, a base image or conda.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hubkiln import recipes
from hubkiln.composer.bases import Base
from hubkiln.errors import AccessDenied, Refused, Unreachable, Unsupported
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
from hubkiln.setting_values import Values
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
    try:
        lock = await packages.conda.solve(request, say)
    except (Unreachable, AccessDenied, Refused) as error:
        raise type(error)(error.message, hint=await way_out(error.hint, recipe, packages)) from error
    say(f"{len(lock.packages)} conda packages, with Python {conda_python(lock).version}.\n")
    return lock


async def way_out(hint: str, recipe: Recipe, packages: Packages) -> str:
    """`hint`, and where the package index has all that `recipe` wants from a closed channel, that as a way around."""
    names = [split_name(spec) for spec in recipe.conda]
    wanted = sorted({name for name in names if name not in ("python", "pip")})
    if not wanted or not await packages.all_in_index(wanted):
        return hint
    shown = ", ".join(wanted[:8]) + (", …" if len(wanted) > 8 else "")
    return f"{hint} Or list {shown} in requirements.txt instead of environment.yml: the package index has them too."


def split_name(spec: str) -> str:
    """The package's name in a conda spec: ``conda-forge::numpy >=1.2`` is ``numpy``."""
    return re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


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

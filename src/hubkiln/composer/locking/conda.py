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
    KERNELS,
    CondaLock,
    CondaRequest,
    CondaSettings,
    Lock,
    Packages,
    conda_python,
    have_rattler,
    is_kernel,
    layout_for,
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


def condas_minor(recipe: Recipe, default: str) -> str:
    """
    The Python version that `recipe` will get from conda, whatever this machine has: a kernel's only if it must be.

    Raises:
        Unsupported: there is none that it allows.
    """
    if recipe.python is not None:
        return recipe.python
    beside = KERNELS if recipe.requires_python else ()
    return recipes.choose_python(recipe, (*beside, *stack_minors()), default)


def before_solving(base: Base, minor: str) -> Base:
    """`base` with conda's Python `minor`: in the place of its own, or beside it where that cannot run the server."""
    if is_kernel(minor):
        return replace(base, kernel=unsolved_python(minor))
    minors = tuple(sorted(stack_minors(), key=number))
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
    return f"{hint} Or list {shown} in requirements.txt instead of {recipe.conda_file}: the package index has them too."


def split_name(spec: str) -> str:
    """The package's name in a conda spec: ``conda-forge::numpy >=1.2`` is ``numpy``."""
    return re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


def over(base: Base, conda: CondaLock) -> Base:
    """`base` with the packages of `conda` over it, their Python the only one that counts."""
    name = hashlib.sha256(f"{base.name} {conda.digest}".encode()).hexdigest()
    return replace(base, name=f"conda:{name}", interpreter=conda_python(conda), conda=conda)


def with_conda(base: Base, lock: Lock) -> Base:
    """`base` with the conda packages of `lock`, if it has any: over it, or as the kernel beside the server."""
    if lock.conda is not None:
        return over(base, lock.conda)
    if lock.kernel is None or lock.kernel.conda is None:
        return base
    kernel = over(base, lock.kernel.conda)
    return replace(kernel, interpreter=base.interpreter, kernel=kernel.interpreter)


def entrypoint(prefix: Path, lock: Lock) -> tuple[str, ...]:
    """What sets the variables that conda packages want to have set, if any of them does; it runs what it is given."""
    for one in (lock, lock.kernel):
        if one is not None and one.conda is not None:
            script = f"{layout_for(one.python).prefix}/{ACTIVATE}"
            if (prefix / script.removeprefix(f"{PREFIX}/")).is_file():
                return (f"/{script}",)
    return ()

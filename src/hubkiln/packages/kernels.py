"""A lock with a kernel: what notebooks run in, kept in the text of the lock that the server runs from. Pure."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace

from hubkiln.errors import LockFailed
from hubkiln.packages.cpython import some
from hubkiln.packages.interface import Lock
from hubkiln.packages.lockfile import parse_lock
from hubkiln.packages.over_conda import conda_of, conda_python

_TABLE = "\n[tool.hubkiln-kernel]\n"


def with_kernel(server: Lock, kernel: Lock) -> Lock:
    """The lock of a `server` and of the `kernel` beside it."""
    table = f"{_TABLE}python = {json.dumps(kernel.python)}\nlock = {json.dumps(kernel.text)}\n"
    return replace(server, text=f"{server.text.rstrip()}\n{table}", kernel=kernel)


def kernel_of(text: str, platform: str) -> Lock | None:
    """
    The kernel that a lock's `text` carries.

    Raises:
        LockFailed, RecipeError: it cannot be read.
    """
    if _TABLE not in text:
        return None
    try:
        found = tomllib.loads(text)["tool"]["hubkiln-kernel"]
        inner, python = str(found["lock"]), some(str(found["python"]))
        conda = conda_of(inner)
        return replace(parse_lock(inner, conda_python(conda) if conda else python, platform), conda=conda)
    except (tomllib.TOMLDecodeError, LookupError, TypeError, ValueError) as error:
        raise LockFailed("The stored lock cannot be read.", hint="Build with a fresh lock (refresh).") from error

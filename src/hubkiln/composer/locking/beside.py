"""The server beside a kernel: the Jupyter stack, and what of a recipe is meant for the server.

That is ``requirements3.txt``, as in repo2docker; and extensions of the server that the kernel's requirements name,
which could do nothing there. They are tried, without the recipe's pins, which are for the kernel's Python.
"""

from __future__ import annotations

import re

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.composer.bases import Base
from hubkiln.errors import LockFailed
from hubkiln.packages import STACK, Lock, LockRequest, Packages
from hubkiln.recipes import Recipe
from hubkiln.values import Say

_EXTENSION = re.compile(
    r"(jupyterlab|jupyter-(server|lsp|.*-(proxy|server|extension|nbextensions?)|resource)|nb(git|server|time)).*|rise"
)


def extensions(requirements: tuple[str, ...]) -> tuple[str, ...]:
    """Names among `requirements` that extend the server, as far as names tell; the server's own parts are not."""
    own = {canonicalize_name(Requirement(line).name) for line in STACK}
    names = [canonicalize_name(Requirement(line).name) for line in requirements]
    return tuple(name for name in names if _EXTENSION.fullmatch(name) and name not in own)


async def lock_server(packages: Packages, recipe: Recipe, base: Base, say: Say) -> Lock:
    """
    The packages of the server on `base`, as they are today: it must work with today's hub.

    Raises:
        LockFailed: what ``requirements3.txt`` asks for cannot be had. Unreachable.
    """
    asked = LockRequest(requirements=recipe.server, python=base.interpreter)
    if more := extensions(recipe.requirements):
        try:
            wanted = LockRequest(requirements=(*recipe.server, *more), python=base.interpreter)
            lock = await packages.lock(wanted, lambda text: None)
            say(f"The server gets {', '.join(more)}, too, because the repository asks for it.\n")
            return lock
        except LockFailed:
            say(f"Note: {', '.join(more)} cannot be had for the server's Python; it is in the kernel alone.\n")
    return await packages.lock(asked, say)

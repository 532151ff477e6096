"""The server beside a kernel: the Jupyter stack, and what of a recipe is meant for the server.

That is ``requirements3.txt``, as in repo2docker; and extensions of the server that the kernel's requirements name,
which could do nothing there. They are tried, without the recipe's pins, which are for the kernel's Python.
"""

from __future__ import annotations

import re
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hubkiln.composer.bases import Base
from hubkiln.composer.locking.conda import split_name
from hubkiln.composer.locking.python_choice import with_python
from hubkiln.errors import LockFailed
from hubkiln.packages import STACK, Lock, LockRequest, Packages, conda_python, with_kernel
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


def notebooks(base: Base) -> Base:
    """What a kernel stands on, as if there were no server beside it; `base` itself if none is."""
    return replace(base, interpreter=base.kernel or base.interpreter, kernel=None)


async def with_server(packages: Packages, recipe: Recipe, base: Base, kernel: Lock, say: Say) -> Lock:
    """
    The lock of the `kernel` of `recipe` and of the server on `base` that it is beside.

    Raises:
        as :func:`lock_server`.
    """
    assert base.kernel is not None
    python = conda_python(kernel.conda) if kernel.conda is not None else base.kernel
    say(f"Notebooks run in a kernel of Python {python.version}; the server has {base.interpreter.minor}.\n")
    server = await lock_server(packages, recipe, base, say)
    text = with_python(server.text, base.interpreter.minor, f"the server beside a kernel of {python.minor}")
    return with_kernel(replace(server, text=text), kernel)


async def lock_server(packages: Packages, recipe: Recipe, base: Base, say: Say) -> Lock:
    """
    The packages of the server on `base`, as they are today: it must work with today's hub.

    Raises:
        LockFailed: what ``requirements3.txt`` asks for cannot be had. Unreachable.
    """
    asked = LockRequest(requirements=recipe.server, python=base.interpreter)
    condas = (name for name in map(split_name, recipe.conda) if _EXTENSION.fullmatch(canonicalize_name(name)))
    if more := extensions((*recipe.requirements, *condas)):
        try:
            wanted = LockRequest(requirements=(*recipe.server, *more), python=base.interpreter)
            lock = await packages.lock(wanted, lambda text: None)
            say(f"The server gets {', '.join(more)}, too, because the repository asks for it.\n")
            return lock
        except LockFailed:
            say(f"Note: {', '.join(more)} cannot be had for the server's Python; it is in the kernel alone.\n")
    return await packages.lock(asked, say)

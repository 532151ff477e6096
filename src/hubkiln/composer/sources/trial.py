"""How pip builds a wheel, and builds it again where its source needs what today's setuptools no longer has."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from hubkiln.composer.steps import GIVE_NODE, Tail, older_setuptools
from hubkiln.errors import BuildFailed
from hubkiln.packages import layout_for
from hubkiln.values import Say

OUT = "/srv/wheels"

_LIMITED = (
    'limits=$(mktemp) && echo \'{}\' > "$limits" && export PIP_BUILD_CONSTRAINT="$limits" PIP_CONSTRAINT="$limits" && '
)
"""The first is read by pip 25.3 and later, the second by those before."""

_CONFLICT = re.compile(r"(?:No matching distribution found for|Cannot install) setuptools", re.IGNORECASE)


def pip_wheel(argument: str, minor: str, limit: str = "") -> list[str]:
    """
    The command that builds; the shell sets the permissions that new files get, and the way to Node.js.

    `limit` is one to what builds the package, ``setuptools<82``.
    """
    words = [layout_for(minor).executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", OUT, "--", argument]
    limited = _LIMITED.format(limit) if limit else ""
    return ["sh", "-c", f'{GIVE_NODE}umask 022; {limited}exec "$@"', "sh", *words]


async def tried(build: Callable[[str, Say], Awaitable[Path]], minor: str, say: Say) -> Path:
    """
    What `build` makes, given a limit to setuptools and where to say what it says: none, then those of its failures.

    Each limit follows from what the source itself needs, so that it is the same on every machine.

    Raises:
        BuildFailed: as `build`; the first, where a limit is none that the source allows.
    """
    limit, first = "", None
    while True:
        said = Tail(say)
        try:
            return await build(limit, said)
        except BuildFailed as error:
            first = first or error
            if limit and _CONFLICT.search(said.text):
                raise first from error
            older = older_setuptools(said.text, minor, limit)
            if older is None:
                raise
            say(f"It needs what today's setuptools no longer has, and is built again with {older}.\n")
            limit = older

"""Solves conda specs in a process of its own: it reads what anybody may put into a channel's index.

``python -m hubkiln.packages.conda_solver`` reads one question and says lines of JSON, the last of which is the answer.
Where we are root it is nobody (:mod:`hubkiln.sandbox.nobody`) and keeps the indexes in a folder that is nobody's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hubkiln import processes
from hubkiln.confined import confine
from hubkiln.errors import (
    AccessDenied,
    BuildFailed,
    HubkilnError,
    LockFailed,
    RecipeError,
    Refused,
    ServiceError,
    TooLarge,
    Unreachable,
    Unsupported,
)
from hubkiln.packages.conda_solve import have_rattler, lock_conda
from hubkiln.packages.conda_values import CondaLock, CondaSettings, parse_lock
from hubkiln.packages.interface import CondaRequest
from hubkiln.sandbox import as_nobody, given
from hubkiln.values import Say

MEMORY_BYTES = 8 << 30
"""Of address space, as for what looks through packages."""

_LARGEST_INDEX = 4 << 30
_GRACE_SECONDS = 30
_ERRORS = {
    error.__name__: error
    for error in (AccessDenied, LockFailed, RecipeError, Refused, TooLarge, Unreachable, Unsupported)
}


async def solve_apart(
    request: CondaRequest, settings: CondaSettings, cache: Path, say: Say, *, hidden: Sequence[Path]
) -> CondaLock:
    """
    See :func:`hubkiln.packages.conda_solve.lock_conda`; of the folders `hidden` the process sees its indexes alone.

    Raises:
        as there; BuildFailed: the process broke off.
    """
    have_rattler()
    await asyncio.to_thread(given, cache / "indexes", sys.executable, python=True)
    urls = [settings.host, *(settings.allowed_channels or ())]
    channels = [Path(unquote(urlsplit(url).path)) for url in urls if url.startswith("file:")]
    wall = as_nobody(sys.executable, hidden=hidden, readable=channels, writable=[cache / "indexes"], python=True)
    asked = asdict(request) | {"as_of": request.as_of and request.as_of.isoformat()}
    words, env = processes.own_module(__name__)
    said = _Said(say)
    await processes.run(
        [*wall, *words],
        env=env,
        cwd=Path("/"),
        say=said,
        seconds=settings.solve_seconds + _GRACE_SECONDS,
        input=json.dumps([asked, asdict(settings), str(cache)]).encode(),
    )
    if said.lock is None:
        raise said.failed or BuildFailed(
            "The process that solves conda packages broke off, perhaps for lack of memory.",
            hint="Give versions for the large packages, or use fewer channels.",
        )
    return said.lock


class _Said:
    """What the process says, a piece at a time."""

    def __init__(self, say: Say) -> None:
        self._say, self._rest = say, ""
        self.lock: CondaLock | None = None
        self.failed: HubkilnError | None = None

    def __call__(self, text: str) -> None:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            if not line.startswith("{"):
                continue
            told: dict[str, Any] = json.loads(line)
            if "said" in told:
                self._say(str(told["said"]))
            elif "failed" in told:
                name, message, hint = map(str, told["failed"])
                self.failed = _ERRORS.get(name, ServiceError)(message, hint=hint)
            else:
                self.lock = parse_lock(str(told["lock"]))


def _tell(**words: object) -> None:
    print(json.dumps(words), flush=True)


async def _answer(asked: dict[str, Any], settings: dict[str, Any], cache: str) -> None:
    known: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in settings.items()}
    try:
        lock = await lock_conda(
            asked["specs"],
            asked["channels"],
            python_minor=asked["python"],
            settings=CondaSettings(**known),
            cache=Path(cache),
            say=lambda text: _tell(said=text),
            as_of=datetime.fromisoformat(asked["as_of"]) if asked["as_of"] else None,
        )
        _tell(lock=lock.text)
    except HubkilnError as error:
        _tell(failed=[type(error).__name__, error.message, error.hint])


def main() -> None:
    """Answer what the standard input asks."""
    if os.geteuid() != 0:
        confine(memory_bytes=MEMORY_BYTES, file_bytes=_LARGEST_INDEX, processes=True)
    asyncio.run(_answer(*json.load(sys.stdin)))


if __name__ == "__main__":
    main()

"""Unpacks wheels in a process of its own: thousands of small files would keep Python's one lock from the downloads.

``python -m hubkiln.packages.unpacker`` reads a line for each wheel from its standard input and answers with a line;
it ends with its input, so it never outlives us.
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import asdict
from pathlib import Path

from hubkiln import processes
from hubkiln.confined import Owners, confine
from hubkiln.errors import DiskFull, HubkilnError, ServiceError, TooLarge
from hubkiln.folders import take
from hubkiln.packages.archive import BadWheel, Bounds
from hubkiln.packages.interface import Layout
from hubkiln.packages.unpack import Owner, unpack
from hubkiln.packages.wheels import plan_wheel
from hubkiln.packages.worker import Worker
from hubkiln.removal import remove
from hubkiln.sandbox import Wall

_MEMORY_BYTES = 4 << 30
"""Of address space: what is known of many files."""

_ERRORS = {error.__name__: error for error in (BadWheel, DiskFull, ServiceError, TooLarge)}


class Unpacker:
    """One process; not for two threads at once. It is started when it is needed."""

    def __init__(self, owner: Owner | None, bounds: Bounds, folder: Path, wall: Wall) -> None:
        """It works in the new `folder` of its own, behind `wall`; see :func:`hubkiln.sandbox.wall.walled`."""
        words, env = processes.own_module(__name__, json.dumps([owner, asdict(bounds), wall.drops, wall.owners]))
        self._worker, self._folder = Worker([*wall.words, *words], env), folder

    def unpack(self, wheel: Path, layout: Layout, into: Path) -> None:
        """
        Put the files of `wheel` into the new folder `into`.

        Raises:
            BadWheel, TooLarge: the wheel is at fault.
            OSError: as the file system has it.
            ServiceError: the process ended.
        """
        made = self._folder / uuid.uuid4().hex
        try:
            failed = self._worker.ask([str(wheel), asdict(layout), str(made)])
        except EOFError:
            raise ServiceError(f"Unpacking {wheel.name} was ended.", hint="Try again.") from None
        if failed is not None:
            remove(made)
            raise _raised(*failed)
        take(made, into)

    def close(self) -> None:
        """End the process, and remove its folder."""
        self._worker.close()
        remove(self._folder)


def _raised(name: str, *told: object) -> Exception:
    if name == "OSError":
        return OSError(*told)
    error = _ERRORS[name].__new__(_ERRORS[name])
    HubkilnError.__init__(error, str(told[0]), hint=str(told[1]))
    return error


def _told(error: HubkilnError | OSError) -> list[object]:
    if isinstance(error, OSError):
        return ["OSError", error.errno, error.strerror, error.filename]
    name = type(error).__name__
    return [name if name in _ERRORS else "ServiceError", error.message, error.hint]


def main() -> None:
    """Unpack what the standard input names."""
    owner, told, drops, owners = json.loads(sys.argv[1])
    bounds = Bounds(**told)
    if drops:
        confine(memory_bytes=_MEMORY_BYTES, file_bytes=bounds.bytes, owners=[Owners(*one) for one in owners])
    giving = (owner[0], owner[1]) if owner else None
    for line in sys.stdin:
        wheel, layout, into = json.loads(line)
        failed: list[object] | None = None
        try:
            placed = Layout(**layout)
            unpack(plan_wheel(Path(wheel), placed, bounds), placed, Path(into), giving)
        except (HubkilnError, OSError) as error:
            failed = _told(error)
        print(json.dumps(failed), flush=True)


if __name__ == "__main__":
    main()

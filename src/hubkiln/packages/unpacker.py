"""Unpacks wheels in a process of its own: thousands of small files would keep Python's one lock from the downloads.

``python -m hubkiln.packages.unpacker`` reads a line for each wheel from its standard input and answers with a line;
it ends with its input, so it never outlives us.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hubkiln import processes
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError, ServiceError, TooLarge
from hubkiln.packages.archive import BadWheel, Bounds
from hubkiln.packages.bytecode import Compiler
from hubkiln.packages.interface import Layout
from hubkiln.packages.start_list import start_list
from hubkiln.packages.unpack import Owner, unpack
from hubkiln.packages.wheels import plan_wheel
from hubkiln.packages.worker import Worker
from hubkiln.values import Interpreter

_ERRORS = {error.__name__: error for error in (BadWheel, BuildFailed, DiskFull, ServiceError, TooLarge)}


class Unpacker:
    """One process; not for two threads at once. It is started when it is needed."""

    def __init__(
        self, compiler: Interpreter | None, owner: Owner | None, bounds: Bounds, wall: Sequence[str] = ()
    ) -> None:
        """`wall` stands before its command line; see :func:`hubkiln.sandbox.apart.walled`."""
        settings = [str(compiler.path), compiler.version] if compiler else None, owner, asdict(bounds)
        words, env = processes.own_module(__name__, json.dumps(settings))
        self._worker = Worker([*wall, *words], env)

    def unpack(self, wheel: Path, layout: Layout, into: Path, *, listed: bool) -> None:
        """
        Put the files of `wheel` into the new folder `into`, with byte code where there is a compiler: of all modules,
        or of those :mod:`listed <hubkiln.packages.start_list>`.

        Raises:
            BadWheel, TooLarge: the wheel is at fault.
            BuildFailed: the compiler is another Python than it was.
            OSError: as the file system has it.
            ServiceError: the process ended.
        """
        try:
            failed = self._worker.ask([str(wheel), asdict(layout), str(into), listed])
        except EOFError:
            raise ServiceError(f"Unpacking {wheel.name} was ended.", hint="Try again.") from None
        if failed is not None:
            raise _raised(*failed)

    def close(self) -> None:
        """End the process."""
        self._worker.close()


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
    compiler, owner, bounds = json.loads(sys.argv[1])
    python = Interpreter(path=Path(compiler[0]), version=compiler[1], roots=()) if compiler else None
    giving = (owner[0], owner[1]) if owner else None
    compiling = Compiler(python, giving) if python else None
    try:
        for line in sys.stdin:
            wheel, layout, into, listed = json.loads(line)
            failed: list[object] | None = None
            try:
                placed = Layout(**layout)
                planned = plan_wheel(Path(wheel), placed, Bounds(**bounds))
                unpack(planned, placed, Path(into), giving, compiling, start_list() if listed else None)
            except (HubkilnError, OSError) as error:
                failed = _told(error)
            print(json.dumps(failed), flush=True)
    finally:
        if compiling is not None:
            compiling.close()


if __name__ == "__main__":
    main()

"""A server's log on the hub's disk, which the server must not be able to fill: written by a small process beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hubkiln.sandbox import keep_log

MOST_BYTES = 8 * 1024**2
"""Largest log: more than anybody reads, less than any disk; half a gigabyte for sixty servers."""

KEPT_BYTES = 2 * 1024**2
"""What is kept of its end when it has grown too large."""

_SECONDS = 2.0


class Keeper:
    """The process that writes one log."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child

    def finish(self) -> None:
        """Return when all that was said has been written; all who could say something have ended."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(_SECONDS)
        self._child.kill()
        self._child.wait()


@contextmanager
def writing(log: Path | None) -> Iterator[tuple[IO[bytes], Keeper | None]]:
    """What a server may write to, added to `log`; None drops it. Close it here once the server has it."""
    if log is None:
        with Path(os.devnull).open("ab") as nowhere:
            yield nowhere, None
        return
    reading, out = os.pipe()
    with os.fdopen(out, "wb", buffering=0) as output:
        with os.fdopen(reading, "rb", buffering=0) as source, log.open("a+b") as file:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", keep_log.__file__, str(MOST_BYTES), str(KEPT_BYTES)],
                stdin=source,
                stdout=file,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        keeper = Keeper(child)
        try:
            yield output, keeper
        except BaseException:
            output.close()
            keeper.finish()
            raise

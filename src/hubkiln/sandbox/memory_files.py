"""How bubblewrap is told its options, and so secrets in the environment: through files in memory that only it has.

A command line can be read by every user of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

Word = str | bytes
"""An option; bytes stand for the number of a file descriptor that holds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run."""

    before: tuple[str, ...]
    """Argv up to and with bubblewrap."""
    options: tuple[Word, ...]
    """bubblewrap's options, for ``--args``."""
    argv: tuple[str, ...]
    """What bubblewrap runs inside."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A command with its descriptors open; :meth:`close` them once it has started."""

    argv: tuple[str, ...]
    descriptors: tuple[int, ...]

    def close(self) -> None:
        """Close our ends."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def opened(what: Command, extra: Sequence[str] = ()) -> Opened:
    """Put options and files of `what` into memory files; `extra` are more options."""
    descriptors: list[int] = []

    def hold(content: bytes) -> str:
        descriptor = os.memfd_create("hubkiln", os.MFD_CLOEXEC)
        descriptors.append(descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return str(descriptor)

    words = [hold(word) if isinstance(word, bytes) else word for word in (*what.options, *extra)]
    args = hold(b"".join(os.fsencode(word) + b"\0" for word in words))
    return Opened((*what.before, "--args", args, "--", *what.argv), tuple(descriptors))

"""A program: keeps the end of what it reads in the file that is its standard output, and says where it cut.

Run by path beside a server (see :mod:`hubkiln.sandbox.bounded_log`), with the standard library alone: it goes on when
the hub stops, and ends when nobody is left who could write.
"""

from __future__ import annotations

import os
import sys

_PIECE = 65536


def main(most: int, kept: int, log: int = 1, source: int = 0) -> None:
    """Never let `log` grow beyond `most` bytes and a piece; when it has, keep its last `kept`."""
    size, cut = os.lseek(log, 0, os.SEEK_END), 0
    while piece := os.read(source, _PIECE):
        size += write(log, piece)
        if size > most:
            cut += size - kept
            size = shorten(log, size, kept, cut)


def shorten(log: int, size: int, kept: int, cut: int) -> int:
    """Leave the last `kept` bytes of `log`, from the beginning of a line, below a line that tells of `cut`."""
    end = os.pread(log, kept, size - kept)
    os.ftruncate(log, 0)
    mark = f"[Hubkiln: the first {cut:,} bytes of this log were cut off here.]\n".encode()
    return write(log, mark + end[end.find(b"\n") + 1 :])


def write(log: int, data: bytes) -> int:
    """Add all of `data`; on a full disk it is lost."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(log, left) :]
        except OSError:
            break
    return len(data) - len(left)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))

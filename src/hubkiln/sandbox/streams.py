"""A layer's bytes as a tar stream: compression recognised by its first bytes, and never more than allowed."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, cast

from isal import igzip

from hubkiln.errors import TooLarge, Unsupported

Seen = Callable[[bytes], object]
"""Told bytes, in order, such as a hash's ``update``."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def too_large(most: int) -> TooLarge:
    """For a layer of more than `most` bytes."""
    return TooLarge(f"An image layer is larger than {most // 1024**2} MiB unpacked.", hint="Choose a smaller image.")


class Bounded(io.RawIOBase):
    """Reads `inner`, but not more than `most` bytes; `seen` is told each piece."""

    def __init__(self, inner: IO[bytes], most: int, seen: Seen | None = None) -> None:
        self._inner, self._seen = inner, seen
        self._left = most
        self._most = most

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill `buffer`."""
        chunk = self._inner.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise too_large(self._most)
        if self._seen is not None:
            self._seen(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)


@contextmanager
def plain(stream: IO[bytes], most: int, seen: Seen | None = None) -> Iterator[IO[bytes]]:
    """
    The uncompressed bytes of `stream`, at most `most` of them; closes neither. `seen` is told what was read.

    Raises:
        Unsupported: a compression that cannot be read here.
    """
    head = stream.read(4)
    whole = io.BufferedReader(_Joined(head, stream), 1 << 20)
    if head.startswith(_GZIP):
        with _gunzipped(whole) as unpacked:
            yield io.BufferedReader(Bounded(unpacked, most, seen), 1 << 20)
    elif head == _ZSTD:
        with _unzstd(whole) as unpacked:
            yield io.BufferedReader(Bounded(unpacked, most, seen), 1 << 20)
    else:
        yield io.BufferedReader(Bounded(whole, most, seen), 1 << 20)


class _Joined(io.RawIOBase):
    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head = head
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        chunk, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        chunk = chunk or self._rest.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _gunzipped(stream: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", igzip.IGzipFile(fileobj=stream))  # type: ignore[no-untyped-call]


@contextmanager
def _unzstd(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    program = shutil.which("zstd")
    if program is None:
        raise Unsupported(
            "A layer of that image is compressed with zstd.",
            hint="Choose another image; or an admin's turn: install the program zstd.",
        )
    with subprocess.Popen([program, "-dcq"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        feeding = threading.Thread(target=_feed, args=(stream, process.stdin), daemon=True)
        feeding.start()
        try:
            yield process.stdout
        finally:
            process.kill()
            feeding.join()
    # the exit code tells nothing more: a damaged stream ends early, which the tar reader sees


def _feed(source: IO[bytes], sink: IO[bytes]) -> None:
    with suppress(OSError, ValueError), sink:
        shutil.copyfileobj(source, sink, 1 << 20)

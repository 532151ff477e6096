"""Bodies of answers that strangers send, unpacked once at most and in pieces of a bounded size.

httpx unpacks as often as an answer says that it was packed, and each piece as a whole: 64 KiB that were packed twice
become gigabytes in memory before anybody can count them.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Iterator

import httpx

PIECE = 64 * 1024
"""Most bytes that are unpacked at a time."""

PACKING = "gzip"
"""What may be asked for as ``Accept-Encoding``; without it ``identity`` should be."""

_AS_IT_IS = ("", "identity")
_GZIP = 31
"""zlib's ``wbits`` for the format with gzip's head."""


async def pieces_of(answer: httpx.Response) -> AsyncIterator[bytes]:
    """
    The body of `answer`, which was asked for as a stream.

    Raises:
        httpx.DecodingError: it is packed in a way that nobody asked for, or cut.
        httpx.TransportError: as its own.
    """
    packed = answer.headers.get("content-encoding", "").strip().lower()
    if packed in _AS_IT_IS:
        async for piece in answer.aiter_raw():
            yield piece
        return
    if packed != PACKING:
        raise httpx.DecodingError(f"packed as {packed[:80]!r}")
    unpacking, some = zlib.decompressobj(_GZIP), False
    async for piece in answer.aiter_raw():
        some = some or bool(piece)
        for unpacked in _unpacked(unpacking, piece):
            yield unpacked
    if some and not unpacking.eof:  # an answer to HEAD says how it would be packed, and has no body
        raise httpx.DecodingError("cut")


def _unpacked(unpacking: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    while data and not unpacking.eof:
        try:
            yield unpacking.decompress(data, PIECE)
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error
        data = unpacking.unconsumed_tail

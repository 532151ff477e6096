"""The table of contents that lets a node start a container before a layer has been pulled (eStargz).

Each file already begins a gzip member of its own (:mod:`hubkiln.images.splice`); a JSON table of where, a footer that
says where the table is, and an empty landmark file ("nothing here need be fetched first") are all that is missing.
Runtimes that know nothing of this see three more small things in a normal layer.
"""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted

from hubkiln.trees import Entry

TOC = "stargz.index.json"
LANDMARK = ".no.prefetch.landmark"
RESERVED = frozenset({TOC, LANDMARK, ".prefetch.landmark"})
"""Names at the root of a layer that are the format's own."""

LANDMARK_CONTENT = b"\x0f"
TOC_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
PLAIN_SIZE = "io.containers.estargz.uncompressed-size"
FOOTER_SIZE = 51
EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()
"""Digest of an empty file, which has no member."""


class Contents:
    """
    Gathers the table as a layer is written.

    A row is text from the start, its keys sorted: a layer has thousands, and a program that writes their JSON at the
    end would keep every other thread waiting for so long.
    """

    def __init__(self) -> None:
        self._rows: list[str] = []

    def folder(self, entry: Entry) -> None:
        """A folder."""
        self._rows.append(f'{{{_common(entry)},"name":{_quoted(entry.path + "/")},"type":"dir","uid":{entry.uid}}}')

    def link(self, entry: Entry) -> None:
        """A symbolic link."""
        link, name = _quoted(entry.link or ""), _quoted(entry.path)
        common = f'"gid":{entry.gid},"linkName":{link},"mode":{entry.mode},"modtime":"{_when(entry.mtime)}"'
        self._rows.append(f'{{{common},"name":{name},"type":"symlink","uid":{entry.uid}}}')

    def file(self, entry: Entry, digest: str, offset: int) -> None:
        """A file whose bytes begin the gzip member at `offset`."""
        chunk, where = (f'"chunkDigest":"{digest}",', f'"offset":{offset},') if entry.size else ("", "")
        self._rows.append(
            f'{{{chunk}"digest":"{digest}",{_common(entry)},"name":{_quoted(entry.path)},{where}'
            f'"size":{entry.size},"type":"reg","uid":{entry.uid}}}'
        )

    def json(self) -> bytes:
        """The document; the same layer gives the same bytes."""
        return f'{{"entries":[{",".join(self._rows)}],"version":1}}'.encode()


def _common(entry: Entry) -> str:
    return f'"gid":{entry.gid},"mode":{entry.mode},"modtime":"{_when(entry.mtime)}"'


@lru_cache(64)
def _when(mtime: int) -> str:
    return datetime.fromtimestamp(mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def notes(toc: bytes, plain_size: int) -> dict[str, str]:
    """What a layer's descriptor must carry so that the table can be trusted."""
    return {TOC_DIGEST: "sha256:" + hashlib.sha256(toc).hexdigest(), PLAIN_SIZE: str(plain_size)}


def footer(toc_offset: int) -> bytes:
    """An empty gzip member whose extra field says where the table's member begins."""
    extra = b"%016xSTARGZ" % toc_offset
    head = b"\x1f\x8b\x08\x04" + b"\0" * 4 + b"\0\xff" + struct.pack("<H", len(extra) + 4)
    return head + b"SG" + struct.pack("<H", len(extra)) + extra + b"\x01\x00\x00\xff\xff" + b"\0" * 8

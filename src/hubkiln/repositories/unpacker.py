"""Unpacks strangers' archives in a process of its own, which is nobody where we are root, sees no network, writes to
one folder, and has little memory.

``python -m hubkiln.repositories.unpacker ARCHIVE FOLDER FILES BYTES`` opens both, gives its rights away, unpacks, and
writes one line: what to say and what was used, or what is wrong. What is unpacked how is in
:mod:`hubkiln.repositories.unpack`.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from pathlib import Path

from hubkiln import processes
from hubkiln.beneath import Beneath
from hubkiln.confined import HELPER_UID, confine
from hubkiln.errors import DiskFull, HubkilnError, TooLarge
from hubkiln.repositories.bounds import Allowance
from hubkiln.repositories.unpack import BadArchive, Room, unpack
from hubkiln.sandbox import apart_view, take_back
from hubkiln.values import Say

MEMORY_BYTES = 512 << 20

_LATER = ("bz2", "lzma", "encodings.cp437", "encodings.utf_8")
_ERRORS = {error.__name__: error for error in (BadArchive, TooLarge, DiskFull)}


async def unpack_apart(archive: Path, into: Path, allowance: Allowance, say: Say) -> None:
    """
    Unpack `archive` into the empty folder `into`, as :func:`hubkiln.repositories.unpack.unpack` does.

    Raises:
        BadArchive, TooLarge, DiskFull.
    """
    settings = allowance.settings
    left = settings.max_files - allowance.files_used, settings.max_bytes - allowance.bytes_used
    if os.geteuid() == 0:
        os.chown(into, HELPER_UID, HELPER_UID)
    view = await asyncio.to_thread(apart_view, readable=archive.parent, writable=into)
    words, env = processes.own_module(__name__, view.at(archive), view.at(into), *map(str, left))
    finished = await processes.run([*view.words, *words], cwd=Path("/"), env=env)
    await asyncio.to_thread(take_back, into)
    lines = finished.output.strip().splitlines()
    try:
        told = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise BadArchive("unpacking it broke off") from None
    if (failed := told.get("failed")) is not None:
        error = _ERRORS[failed[0]].__new__(_ERRORS[failed[0]])
        HubkilnError.__init__(error, failed[1], hint=failed[2])
        raise error
    allowance.take(files=told["files"], size_bytes=told["bytes"])
    for text in told["say"]:
        say(text)


def _told(error: BaseException) -> list[str]:
    if isinstance(error, OSError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            error = DiskFull("There is no space left to unpack the archive.", hint="An admin has to free some.")
        elif error.errno == errno.EFBIG:
            error = TooLarge("The archive is larger than allowed.", hint="Ask an admin to raise the limit.")
        else:
            error = BadArchive(f"it cannot be unpacked ({error.strerror})")
    if not isinstance(error, HubkilnError):
        error = BadArchive("unpacking it needs too much memory")
    return [type(error).__name__, error.message, error.hint]


def main() -> None:
    """Unpack what the command line names."""
    archive, into, files, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    for name in _LATER:
        __import__(name)
    room = Room(bytes_left=size, files_left=files)
    with open(archive, "rb") as file, Beneath(Path(into)) as folder:  # noqa: PTH123
        confine(memory_bytes=MEMORY_BYTES, file_bytes=max(size, 1))
        try:
            said = unpack(file, folder, room)
        except (HubkilnError, OSError, MemoryError) as error:
            told: dict[str, object] = {"failed": _told(error)}
        else:
            told = {"say": said, "files": files - room.files_left, "bytes": size - room.bytes_left}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()

"""Unpacks one layer of an image in a process of its own: ten thousand small files keep Python's one lock busy, and
others (downloads, logs, whoever watches) would have to wait for it.

``python -m hubkiln.local_images.unpack_layer`` reads what to do from its standard input, and writes how it failed.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from hubkiln import processes
from hubkiln.confined import Owners, confine
from hubkiln.errors import DiskFull, HubkilnError, ServiceError, TooLarge, Unsupported
from hubkiln.sandbox import MOST_LAYER_BYTES, Identity, Wall, unpack_tar

LEFT_OUT = ("stargz.index.json", ".prefetch.landmark", ".no.prefetch.landmark")
"""Files at the root of lazily pullable layers: for those who pull, never part of the image."""

_FAILED = 3
_MEMORY_BYTES = 4 << 30
"""Of address space: what is known of millions of files."""

_ERRORS = {error.__name__: error for error in (DiskFull, ServiceError, TooLarge, Unsupported)}


async def unpack_apart(
    wall: Wall, blob: Path, diff_id: str, identity: Identity, lowers: Sequence[Path], folder: Path
) -> None:
    """
    Unpack the layer `blob` into the new `folder`; cancelled, it is stopped, and what it wrote is left.

    It works behind `wall`; see :func:`hubkiln.sandbox.wall.walled`.

    Raises:
        as :func:`unpack_layer`.
    """
    asked = [str(blob), diff_id, asdict(identity), [str(path) for path in lowers], str(folder)]
    words, env = processes.own_module(__name__, json.dumps([wall.drops, wall.owners]))
    ended = await processes.run([*wall.words, *words], env=env, input=json.dumps(asked).encode())
    if ended.code == 0:
        return
    last = (ended.output.strip().splitlines() or [""])[-1]
    if ended.code == _FAILED:
        name, message, hint = json.loads(last)
        raise _ERRORS[name](message, hint=hint)
    raise ServiceError(
        f"A layer could not be unpacked: {last or ended.code}.", hint="An admin's turn: look at the data folder."
    )


def unpack_layer(blob: Path, diff_id: str, identity: Identity, lowers: Sequence[Path], folder: Path) -> None:
    """
    The same, here.

    Raises:
        Unsupported: it is damaged, unsafe, or not the layer `diff_id`.
        TooLarge, DiskFull, ServiceError.
    """
    digest = hashlib.sha256()
    with blob.open("rb") as file:
        unpack_tar(file, folder, identity, lowers=lowers, seen=digest.update)
    if f"sha256:{digest.hexdigest()}" != diff_id:
        raise Unsupported(
            "A layer of that image is not the one that its configuration names.",
            hint="The image is damaged; tell who made it.",
        )
    _tidy(folder)


def _tidy(folder: Path) -> None:
    """Remove what is there only for those who pull, as if it had never been."""
    before = folder.stat()
    found = [folder / name for name in LEFT_OUT if (folder / name).is_file()]
    for path in found:
        path.unlink()
    if found:
        os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


def main() -> int:
    """Do what the standard input says."""
    drops, owners = json.loads(sys.argv[1])
    if drops:
        confine(memory_bytes=_MEMORY_BYTES, file_bytes=MOST_LAYER_BYTES, owners=[Owners(*one) for one in owners])
    blob, diff_id, identity, lowers, folder = json.load(sys.stdin)
    try:
        unpack_layer(Path(blob), diff_id, Identity(**identity), [Path(path) for path in lowers], Path(folder))
    except HubkilnError as error:
        name = type(error).__name__
        print(json.dumps([name if name in _ERRORS else "ServiceError", error.message, error.hint]))
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())

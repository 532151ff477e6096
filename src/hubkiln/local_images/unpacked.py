"""Layers of images as folders to stack, each unpacked once for all images that begin with the same layers.

A folder's name stands for the layer and all below it, because a layer may write through their links; it is short,
because the kernel reads only 4096 bytes of folder names. Folders appear whole or not at all and are never changed.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from hubkiln.data_dir import OwnFolder
from hubkiln.errors import ServiceError
from hubkiln.images import Layer, OciLayout
from hubkiln.local_images.unpack_layer import unpack_apart
from hubkiln.sandbox import Identity, Overlay, check_length, is_marked, merge_layers, remove_tree, walled
from hubkiln.stores import use
from hubkiln.values import FORMAT, Say

_EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""The layer without anything, which Docker adds for instructions that change no file."""

_WRITES = 300
"""Longest path below the data folder of a folder for writes: ``hub/rooms/<user>--<server>/root.work``."""


class UnpackedLayers:
    """The folder ``images/layers``."""

    def __init__(self, own: OwnFolder, identity: Identity) -> None:
        self._own, self._identity = own, identity
        self._folder = own.path

    async def ensure(self, layers: Sequence[Layer], layout: OciLayout, say: Say) -> tuple[str, ...]:
        """
        Names of the folders for `layers` (bottom first), whose blobs are in `layout`; few enough for one overlay.

        Raises:
            Unsupported: a layer is damaged, unsafe, or not the one that the image's configuration names.
            TooLarge, DiskFull, ServiceError.
        """
        real = [layer for layer in layers if layer.diff_id != _EMPTY]
        shown: list[str] = []
        names = chain_names([layer.diff_id for layer in real], self._identity)
        use(self._own.root, *map(self.path, names))
        for number, name in enumerate(names):
            if not self.path(name).is_dir():
                layer = real[number]
                say(f"Unpacking layer {number + 1} of {len(real)} ({layer.descriptor.size / 1e6:.1f} MB)\n")
                lowers = [self.path(below) for below in shown]
                blob = layout.path(layer.descriptor.digest)
                await self._made(name, partial(self._unpack, blob, layer.diff_id, lowers))
            if is_marked(self.path(name), "opaque", b"y"):
                shown.clear()  # at the root the kernel does not heed it
            shown.append(name)
        return await self._stackable(tuple(shown), say)

    def held(self, diff_ids: Sequence[str]) -> set[str]:
        """Those of an image's layers (bottom first) that are here as they lie in it."""
        real = [one for one in diff_ids if one != _EMPTY]
        names = chain_names(real, self._identity)
        use(self._own.root, *map(self.path, names))
        return {one for one, name in zip(real, names, strict=True) if self.path(name).is_dir()} | {_EMPTY}

    def path(self, name: str) -> Path:
        """Where the layer is or would be."""
        return self._folder / name

    async def _unpack(self, blob: Path, diff_id: str, lowers: Sequence[Path], into: Path) -> None:
        """By a process that sees the layer, those that are unpacked, and the folder that `into` will lie in."""
        self._folder.mkdir(parents=True, exist_ok=True)
        blob.chmod(0o644)  # the data folder keeps others out
        wall = await asyncio.to_thread(
            walled,
            self._own.root,
            readable=[blob.parent, self._folder],
            writable=[into.parent],
            owners=self._identity.owners,
        )
        await unpack_apart(wall, blob, diff_id, self._identity, lowers, into)

    async def _stackable(self, names: tuple[str, ...], say: Say) -> tuple[str, ...]:
        """`names`, or one folder of all of them where they are too many for an overlay."""
        paths = [self.path(name) for name in names]
        if fits(paths, self._own.root):
            return names
        merged = chain_names([*names, "merged"], self._identity)[-1]
        use(self._own.root, self.path(merged))
        if not self.path(merged).is_dir():
            say(f"Joining {len(names)} layers, more than can be stacked\n")
            await self._made(merged, lambda into: asyncio.to_thread(merge_layers, paths, into))
        return (merged,)

    async def _made(self, name: str, make: Callable[[Path], Awaitable[object]]) -> None:
        """Let `make` fill a new folder and move it to its place; somebody may have been quicker."""
        self._own.work.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=self._own.work, prefix="layer-"))
        try:
            await make(work / "layer")
            await asyncio.to_thread(self._moved, work / "layer", self.path(name))
        finally:
            await asyncio.shield(asyncio.to_thread(remove_tree, work))

    def _moved(self, work: Path, target: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if work.is_symlink():
            raise ServiceError(
                "What was unpacked of a layer is no folder.", hint="The image is damaged; do not use it."
            )
        if work.stat().st_mode & 0o700 != 0o700:
            work.chmod(work.stat().st_mode & 0o777 | 0o700)  # a closed folder cannot be moved
        os.utime(work)  # an archive says when its folder is from; it is new here
        try:
            work.rename(target)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise ServiceError(
                    f"A layer could not be put in its place: {error.strerror}.",
                    hint="An admin's turn: look at the data folder.",
                ) from error


def chain_names(diff_ids: Sequence[str], identity: Identity) -> list[str]:
    """A name for each layer: covers it, all below it, and whose files they are on disk."""
    owner = f"root {identity.uid} {identity.shift}" if identity.privileged else "user"
    digest = hashlib.sha256(f"{FORMAT} {owner}".encode())
    names = []
    for diff_id in diff_ids:
        digest.update(f"\n{diff_id}".encode())
        names.append(base64.b32encode(digest.digest()[:15]).decode().lower())
    return names


def layer_folders(layers: Sequence[Layer], identity: Identity) -> dict[str, Layer]:
    """The folder's name of each of an image's `layers` (bottom first), wherever they are unpacked for `identity`."""
    real = [layer for layer in layers if layer.diff_id != _EMPTY]
    return dict(zip(chain_names([layer.diff_id for layer in real], identity), real, strict=True))


def fits(layers: Sequence[Path], data: Path) -> bool:
    """Whether the kernel can stack `layers` with a folder for writes anywhere below `data`."""
    longest = data / ("x" * _WRITES)
    try:
        check_length(Overlay(target="/", lowers=tuple(layers), upper=longest))
    except ServiceError:
        return False
    return True

"""The stores of local images, as those who collect see them: documents, unpacked layers, what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.folders import keep_note, read_note
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.store import image_of_document, key_of
from hubkiln.stores import FolderStore, Ref, Root, Store

IN_USE = "image.json"
"""In the folder of a room that stays open: what it runs from."""


def local_image_stores(data: DataDir) -> tuple[Store, ...]:
    """Documents of images, their unpacked layers, and notes about them."""
    return (
        FolderStore(root=data.root, folder=data.images / "documents", suffix=".json", needing=_document_needs),
        FolderStore(root=data.root, folder=data.images / "layers"),
        FolderStore(root=data.root, folder=data.images / "servers", suffix=".json"),
    )


def needs_of(image: LocalImage) -> Iterator[Ref]:
    """The folders that `image` is made of."""
    if image.environment:
        yield Ref("environments", image.environment)
    if image.content:
        yield Ref("content", image.content)
    for layer in image.rootfs:
        yield Ref("images/layers", layer)
    for _, folder in image.steps:
        yield Ref("steps", folder.partition("/")[0])


def reference_root(reference: str, why: str) -> Iterator[Root]:
    """The image of a local `reference` as something that stays; nothing for others."""
    if (key := key_of(reference)) is not None:
        yield Root(Ref("images/documents", key), why)


def keep_in_use(room: Path, image: LocalImage) -> None:
    """Note in the folder of a room what it runs from, for as long as that folder is there."""
    keep_note(room / IN_USE, {"needs": [list(ref) for ref in needs_of(image)]})


def running_roots(rooms: Path, why: str) -> Iterator[Root]:
    """What the rooms below `rooms` run from."""
    for note in sorted(rooms.glob(f"*/{IN_USE}")):
        needs = (read_note(note) or {}).get("needs", [])
        yield from (Root(Ref(str(store), str(key)), why.format(note.parent.name)) for store, key in needs)


def _document_needs(path: Path) -> Iterable[Ref]:
    try:
        return [*needs_of(image_of_document(read_note(path) or {})), Ref("images/servers", path.stem)]
    except (TypeError, ValueError, AttributeError):  # damaged: it can go like any other
        return []

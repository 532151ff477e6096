"""The stores of what was composed here, as those who collect see them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.folders import read_note
from hubkiln.stores import FolderStore, Ref, Store


def composer_stores(data: DataDir) -> tuple[Store, ...]:
    """What run steps changed, wheels that were built, and notes of what was found out."""
    built = data.root / "built"
    return (
        FolderStore(root=data.root, folder=data.images / "foreign", suffix=".json", needing=_unpacked),
        FolderStore(root=data.root, folder=data.images / "grounds", suffix=".json"),
        FolderStore(root=data.root, folder=data.steps, leave=frozenset(("empty",))),
        FolderStore(root=data.root, folder=built, leave=frozenset(("links",))),
        FolderStore(root=data.root, folder=built / "links", own=True),
        FolderStore(root=data.root, folder=data.cache / "verified"),
        FolderStore(root=data.root, folder=data.cache / "overlaps"),
    )


def _unpacked(note: Path) -> Iterable[Ref]:
    """The layers of an image that repo2docker made."""
    rootfs = (read_note(note) or {}).get("rootfs")
    return [Ref("images/layers", str(name)) for name in rootfs] if isinstance(rootfs, list) else []

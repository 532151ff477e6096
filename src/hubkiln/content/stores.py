"""The store of content, as those who collect see it."""

from __future__ import annotations

from hubkiln.data_dir import DataDir
from hubkiln.stores import FolderStore, Store


def content_stores(data: DataDir) -> tuple[Store, ...]:
    """Repositories' files, each with notes on where the same files with their history are."""
    return (FolderStore(root=data.root, folder=data.content, beside=True),)

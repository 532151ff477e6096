"""What is kept on this machine, and how it goes again: stores, leases of those who use them, collecting the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.stores.collector import Collector
    from hubkiln.stores.desks import clear_desks, held_desks, left_desk, own_desk
    from hubkiln.stores.folder_store import FolderStore
    from hubkiln.stores.interface import (
        Collection,
        CollectSettings,
        Lease,
        Ref,
        Root,
        Store,
        Swept,
        Thing,
    )
    from hubkiln.stores.leases import lease, live_leases
    from hubkiln.stores.sizes import Sizes, disk_bytes
    from hubkiln.stores.timer import Timer
    from hubkiln.stores.trash import Trash
    from hubkiln.stores.uses import WINDOW, use

__all__ = [
    "WINDOW",
    "CollectSettings",
    "Collection",
    "Collector",
    "FolderStore",
    "Lease",
    "Ref",
    "Root",
    "Sizes",
    "Store",
    "Swept",
    "Thing",
    "Timer",
    "Trash",
    "clear_desks",
    "disk_bytes",
    "held_desks",
    "lease",
    "left_desk",
    "live_leases",
    "own_desk",
    "use",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

"""Environments that users saved, and the locks that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.environments.catalogue import Catalogue
    from hubkiln.environments.interface import Environment, Known, Order, Saved, State, Version, Visibility, title
    from hubkiln.environments.kept import locks_of_files, saved_images
    from hubkiln.environments.lock_book import StoredLocks
    from hubkiln.environments.look import Looking, Sight
    from hubkiln.environments.owners import forget_environments, owned_environments, rename_environments
    from hubkiln.environments.stored import Held, Measure, StoredSize, held_by_users
    from hubkiln.environments.versions import Versions

__all__ = [
    "Catalogue",
    "Environment",
    "Held",
    "Known",
    "Looking",
    "Measure",
    "Order",
    "Saved",
    "Sight",
    "State",
    "StoredLocks",
    "StoredSize",
    "Version",
    "Versions",
    "Visibility",
    "forget_environments",
    "held_by_users",
    "locks_of_files",
    "owned_environments",
    "rename_environments",
    "saved_images",
    "title",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

"""The files of repositories as they are delivered: kept once, read as a tree, brought into a home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.content.history import PACKAGE_FILES
    from hubkiln.content.shipped import delivering
    from hubkiln.content.store import Content, Contents
    from hubkiln.content.stores import content_stores
    from hubkiln.content.tree import content_tree

__all__ = [
    "PACKAGE_FILES",
    "Content",
    "Contents",
    "content_stores",
    "content_tree",
    "delivering",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

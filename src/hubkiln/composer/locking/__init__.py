"""From a recipe to its exact packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.locking.conda import entrypoint as conda_entrypoint
    from hubkiln.composer.locking.conda import missing as conda_missing
    from hubkiln.composer.locking.conda import settings as conda_settings
    from hubkiln.composer.locking.date import moment
    from hubkiln.composer.locking.interface import LockBook, Locked
    from hubkiln.composer.locking.locking import Locking, wants_image
    from hubkiln.composer.locking.python_choice import default_python

__all__ = [
    "LockBook",
    "Locked",
    "Locking",
    "conda_entrypoint",
    "conda_missing",
    "conda_settings",
    "default_python",
    "moment",
    "wants_image",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

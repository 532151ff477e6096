"""Wheels of source: found, fetched and built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.sources.build import SourceWheels
    from hubkiln.composer.sources.interface import Sources, version_files

__all__ = [
    "SourceWheels",
    "Sources",
    "version_files",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

"""What environments stand on: this machine's own system, or a base image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkiln.faces import lazily

if TYPE_CHECKING:
    from hubkiln.composer.bases.bases import DEFAULT_BASE, Bases, Learned, default_base, read_parent
    from hubkiln.composer.bases.debian.image import BaseImage, BaseRequest, build_base
    from hubkiln.composer.bases.debian.system import PACKAGES as BASE_PACKAGES
    from hubkiln.composer.bases.first import FirstBase
    from hubkiln.composer.bases.further import labels_of as base_labels
    from hubkiln.composer.bases.interface import Base
    from hubkiln.composer.bases.probing import pythons_of
    from hubkiln.composer.bases.runtime import runtime as base_runtime

__all__ = [
    "BASE_PACKAGES",
    "DEFAULT_BASE",
    "Base",
    "BaseImage",
    "BaseRequest",
    "Bases",
    "FirstBase",
    "Learned",
    "base_labels",
    "base_runtime",
    "build_base",
    "default_base",
    "pythons_of",
    "read_parent",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__)

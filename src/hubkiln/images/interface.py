"""What the rest may know of images: references, descriptors, and the documents of local images.

A *local image* is what the sandbox engine runs: a small JSON document that names folders of the stores. An OCI
manifest of the same environment has one layer per part. Two views of one composition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Presence(StrEnum):
    """What a registry says about an image; *unknown* is an error for the admin, never a reason to rebuild."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """OCI content descriptor."""

    media_type: str
    digest: str
    """``sha256:…``"""
    size: int
    annotations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A blob of an image with the digest of its uncompressed tar."""

    descriptor: Descriptor
    diff_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """A document of :class:`hubkiln.images.local.LocalImages`; folders are names below the data folder."""

    name: str
    """Short repository name, for ``~/<name>``."""

    environment: str | None = None
    """Key of a merged environment (folder ``environments/<key>``), laid over the host's ``/usr``."""

    rootfs: tuple[str, ...] = ()
    """Unpacked layers (folders below ``images/layers``), bottom first, when the image has a root file system of its own."""

    content: str | None = None
    """Key of the repository's files (folder ``content/<key>``), seen at ``/srv/repo``."""

    python: str | None = None
    """The host interpreter's path, where the host's is used."""

    python_roots: tuple[str, ...] = ()
    """Host folders it needs besides ``/usr``."""

    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    start: str | None = None
    """Path below ``/srv/repo`` of a script that must ``exec "$@"``."""

    labels: tuple[tuple[str, str], ...] = ()

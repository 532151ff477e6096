"""What others may know of local images: the document that says which folders of the stores make up one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalImage:
    """A document of :class:`hubkiln.local_images.store.LocalImages`; folders are names below the data folder."""

    name: str
    """Short repository name, for ``~/<name>``."""

    environment: str | None = None
    """Key of a merged environment (folder ``environments/<key>``), laid over the host's ``/usr``."""

    rootfs: tuple[str, ...] = ()
    """Unpacked layers (folders below ``images/layers``), bottom first, of an image with its own root file system."""

    content: str | None = None
    """Key of the repository's files (folder ``content/<key>``), seen at ``/srv/repo``."""

    steps: tuple[tuple[str, str], ...] = ()
    """(absolute path inside, folder below ``steps``): what run steps changed there, oldest first."""

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

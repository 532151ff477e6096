"""Local images: the documents that say which folders of the stores make up an image the sandbox engine can run.

A document is content-addressed, so a reference always means the same folders; making one costs a small file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path

from hubkiln.data_dir import OwnFolder
from hubkiln.errors import NotFound
from hubkiln.folders import read_note, write_whole
from hubkiln.local_images.interface import LocalImage
from hubkiln.stores import use

REGISTRY = "hubkiln.local"
"""Host part of local references; no registry answers to it."""

_REFERENCE = re.compile(r"hubkiln\.local/(?P<name>[a-z0-9._-]+)@sha256:(?P<digest>[0-9a-f]{64})")


class LocalImages:
    """Documents below ``images/documents``."""

    def __init__(self, own: OwnFolder) -> None:
        self._root, self._folder = own.root, own.path

    def put(self, image: LocalImage) -> str:
        """Keep `image`; returns its reference, ``hubkiln.local/<name>@sha256:…``. Putting it again changes nothing."""
        data = json.dumps(dataclasses.asdict(image), sort_keys=True, separators=(",", ":")).encode()
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        use(self._root, path)
        if read_note(path) is None:
            write_whole(path, data)
        return f"{REGISTRY}/{image.name}@sha256:{digest}"

    def get(self, reference: str) -> LocalImage:
        """
        The image that `reference` names.

        Raises:
            NotFound: it is not a local reference, or its document is gone.
        """
        match = _REFERENCE.fullmatch(reference)
        if match is None:
            raise NotFound(f"{reference!r} is not an image of this machine.", hint="Build or pull it first.")
        use(self._root, self._path(match["digest"]))
        document = read_note(self._path(match["digest"]))
        if document is None:
            raise NotFound(f"The image {reference} is no longer on this machine.", hint="Build its repository again.")
        return image_of_document(document)

    def kept(self) -> list[tuple[str, LocalImage, float]]:
        """
        Every image that is here, as (reference, image, when it was last used in seconds since 1970), the latest first.

        Looking does not count as use; a document that cannot be read is left out.
        """
        found = []
        for path in self._folder.glob("*.json"):
            with suppress(OSError, TypeError):  # it went meanwhile; it is none
                used, image = path.stat().st_mtime, image_of_document(read_note(path) or {})
                reference = f"{REGISTRY}/{image.name}@sha256:{path.stem}"
                if _REFERENCE.fullmatch(reference):
                    found.append((reference, image, used))
        return sorted(found, key=lambda one: (-one[2], one[0]))

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.json"


def local_references(text: str) -> list[str]:
    """Every reference to a local image that stands in `text`."""
    return [found[0] for found in _REFERENCE.finditer(text)]


def key_of(reference: str) -> str | None:
    """The digest that names the document of a local `reference`; None if it is none."""
    match = _REFERENCE.fullmatch(reference)
    return match["digest"] if match else None


def is_local(reference: str) -> bool:
    """Whether `reference` names a local image."""
    return reference.startswith(f"{REGISTRY}/")


def image_of_document(document: dict[str, object]) -> LocalImage:
    """The image of a document as it was kept: lists become the tuples they were."""

    def frozen(value: object) -> object:
        return tuple(frozen(item) for item in value) if isinstance(value, list) else value

    known = {field.name for field in dataclasses.fields(LocalImage)}
    return LocalImage(**{name: frozen(value) for name, value in document.items() if name in known})  # type: ignore[arg-type]

"""An image out of a container engine's own storage: its layers and documents as an OCI layout in a folder.

Podman and Buildah write that themselves, and leave alone what the folder has already: an empty file in the place of a
layer that we hold spares reading hundreds of megabytes for a changed notebook. Docker writes an archive, which since
version 25 is such a layout, and before was a format of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from hubkiln.composer.repo2docker.engines import EngineCommand, engine_environment, layer_ids
from hubkiln.errors import DiskFull, ServiceError
from hubkiln.images import (
    OCI_CONFIG,
    OCI_LAYER,
    OCI_MANIFEST,
    Descriptor,
    OciLayout,
    ParentImage,
    canonical,
    descriptor_json,
    read_descriptor,
    read_layers,
)
from hubkiln.processes import run
from hubkiln.values import Say

_TAG = "image"


class ExportedImage:
    """One image of an engine, of which only those layers are read that somebody asks for."""

    def __init__(self, engine: EngineCommand, image: str, folder: Path, say: Say) -> None:
        self._engine, self._image, self._folder, self._say = engine, image, folder, say
        self._whole: asyncio.Future[tuple[Path, ...]] | None = None
        self._paths: tuple[Path, ...] = ()
        self.parent = ParentImage(layers=())
        """Its layers, as :meth:`read` found them, and its configuration."""
        self.layout = OciLayout(folder / "image")
        """Where layers lie that were not held."""

    async def read(self, held: Callable[[Sequence[str]], Collection[str]]) -> None:
        """
        Have it handed over but for the layers that `held` says, of their diff IDs, we have.

        Raises:
            as :func:`export`.
        """
        known = held(await layer_ids(self._engine, self._image))
        _, manifest = await export(self._engine, self._image, self.layout.root, self._say, held=known)
        self.parent, self._paths = _read(self.layout, manifest)

    async def layer(self, number: int) -> Path:
        """The blob of a layer, even of one that was held."""
        if self._paths[number].stat().st_size:
            return self._paths[number]
        if self._whole is None:
            self._whole = asyncio.ensure_future(self._export_whole())
        return (await asyncio.shield(self._whole))[number]

    async def _export_whole(self) -> tuple[Path, ...]:
        layout, manifest = await export(self._engine, self._image, self._folder / "whole", self._say)
        return _read(layout, manifest)[1]


def _read(layout: OciLayout, manifest: Descriptor) -> tuple[ParentImage, tuple[Path, ...]]:
    document = json.loads(layout.read(manifest.digest))
    config = json.loads(layout.read(read_descriptor(document.get("config")).digest))
    parent = ParentImage(layers=read_layers(document, config), config=config)
    return parent, tuple(layout.path(layer.descriptor.digest) for layer in parent.layers)


async def export(
    engine: EngineCommand, image: str, folder: Path, say: Say, *, held: Collection[str] = ()
) -> tuple[OciLayout, Descriptor]:
    """
    Write `image` into the absent `folder`; returns the layout and the manifest.

    Args:
        held: diff IDs of layers that are not needed; in their place may be empty files.

    Raises:
        ServiceError: the engine failed, or wrote what cannot be read; DiskFull.
    """
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)
    archive = folder.with_name(f"{folder.name}.tar")
    if engine.kind != "docker":
        for diff_id in held:
            (blobs / diff_id.removeprefix("sha256:")).touch()
    ended = await run(_command(engine, image, folder, archive), env=engine_environment())
    if ended.code:
        say(ended.output)
        if re.search(r"no space left on device", ended.output, re.I):
            raise DiskFull(hint="Free space in the data folder, then try again.")
        raise ServiceError(f"{engine.kind} could not hand the image over.", hint="The log above says why.")
    if engine.kind == "docker":
        _unpack(archive, folder)
    layout = OciLayout(folder)
    return layout, _manifest(layout)


def _command(engine: EngineCommand, image: str, folder: Path, archive: Path) -> list[str]:
    if engine.kind == "docker":
        return [*engine.base, "save", "--output", str(archive), image]
    if engine.kind == "podman":
        words = ["save", "--quiet", "--format", "oci-dir", "--uncompressed", "--output", str(folder), image]
        return [*engine.base, *words]
    return [*engine.base, "push", "--quiet", "--disable-compression", image, f"oci:{folder}:{_TAG}"]


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        if not (folder / "index.json").exists():
            _from_docker(folder)
    except (tarfile.TarError, OSError, ValueError, LookupError, TypeError) as error:
        raise ServiceError(f"What docker handed over cannot be read: {error}.", hint="Update docker.") from error
    finally:
        archive.unlink(missing_ok=True)


def _from_docker(folder: Path) -> None:
    """Make a layout of what ``docker save`` wrote before version 25: ``manifest.json`` naming tars and a document."""
    (image,) = json.loads((folder / "manifest.json").read_text())
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    named: dict[str, Descriptor] = {}
    for name in (image["Config"], *image["Layers"]):
        if name not in named:
            kind = OCI_CONFIG if name == image["Config"] else OCI_LAYER
            named[name] = _moved(folder / name, blobs, kind)
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor_json(named[image["Config"]]),
        "layers": [descriptor_json(named[name]) for name in image["Layers"]],
    }
    (folder / "written").write_bytes(canonical(document))
    manifest = _moved(folder / "written", blobs, OCI_MANIFEST)
    (folder / "index.json").write_bytes(canonical({"schemaVersion": 2, "manifests": [descriptor_json(manifest)]}))


def _moved(path: Path, blobs: Path, kind: str) -> Descriptor:
    """The file, links followed, as a blob."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    target = blobs / digest
    if not target.exists():
        path.resolve().rename(target)
        path.unlink(missing_ok=True)
        path.symlink_to(target)  # another layer's name may be a link to this one
    return Descriptor(media_type=kind, digest=f"sha256:{digest}", size=target.stat().st_size)


def _manifest(layout: OciLayout) -> Descriptor:
    """The one image in `layout`."""
    try:
        found = json.loads((layout.root / "index.json").read_bytes())["manifests"]
        digest = found[0]["digest"]
        content = json.loads(layout.read(digest))
        if "manifests" in content:  # an index, as docker writes for its own images
            usable = [one for one in content["manifests"] if layout.has(one["digest"])]
            digest = next(one["digest"] for one in usable if "layers" in json.loads(layout.read(one["digest"])))
        size = layout.path(digest).stat().st_size
    except (OSError, ValueError, LookupError, TypeError, StopIteration) as error:
        raise ServiceError("What the container engine handed over is no image.", hint="Build again.") from error
    return Descriptor(media_type=OCI_MANIFEST, digest=digest, size=size)

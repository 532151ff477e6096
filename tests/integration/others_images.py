"""Images that others made, for tests: layers written entry by entry, documents as one likes, put into a registry."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

from hubkiln.images.interface import Descriptor
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.logins import FixedLogins

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Files:
    """A layer in the making."""

    def __init__(self) -> None:
        self._out = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._out, mode="w")  # noqa: SIM115 - closed by `done`

    def folder(self, path: str, mode: int = 0o755, owner: int = 0) -> Files:
        """A folder."""
        return self._add(path, tarfile.DIRTYPE, mode=mode, owner=owner)

    def file(self, path: str, content: str | bytes = "", mode: int = 0o644, owner: int = 0) -> Files:
        """A file."""
        data = content.encode() if isinstance(content, str) else content
        return self._add(path, tarfile.REGTYPE, data, mode=mode, owner=owner)

    def link(self, path: str, target: str) -> Files:
        """A symbolic link."""
        return self._add(path, tarfile.SYMTYPE, target=target)

    def hard_link(self, path: str, target: str) -> Files:
        """Another name for a file."""
        return self._add(path, tarfile.LNKTYPE, target=target)

    def gone(self, path: str) -> Files:
        """A whiteout."""
        folder, _, name = path.rpartition("/")
        return self.file(f"{folder}/.wh.{name}" if folder else f".wh.{name}")

    def opaque(self, folder: str) -> Files:
        """Nothing of the layers below shows in `folder`."""
        return self.file(f"{folder}/.wh..wh..opq")

    def done(self) -> bytes:
        """The tar."""
        self._tar.close()
        return self._out.getvalue()

    def _add(
        self, path: str, kind: bytes, data: bytes = b"", *, mode: int = 0o777, owner: int = 0, target: str = ""
    ) -> Files:
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(data), target
        info.uid = info.gid = owner
        info.mtime = 500_000_000
        self._tar.addfile(info, io.BytesIO(data))
        return self


@dataclass
class OthersImage:
    """An image to be pushed."""

    layers: list[bytes] = field(default_factory=list)
    """Tars, bottom first."""
    config: dict[str, Any] = field(default_factory=dict)
    """What is below ``config``: ``Env``, ``Entrypoint``, …"""
    architecture: str = "amd64"
    diff_ids: list[str] | None = None
    """Lies about the layers."""
    layer_type: str = LAYER

    async def push(self, reference: str) -> str:
        """Put it there; its digest."""
        async with RegistryClient(credentials=FixedLogins()) as client:
            name = parse_name(reference)
            blobs = [gzip.compress(layer, 1, mtime=0) for layer in self.layers]
            config = {
                "architecture": self.architecture,
                "os": "linux",
                "config": self.config,
                "rootfs": {"type": "layers", "diff_ids": self.diff_ids or [digest(layer) for layer in self.layers]},
            }
            document = json.dumps(config).encode()
            for blob in (*blobs, document):
                await client.upload(name, described(blob), blob)
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": of(document, CONFIG),
                "layers": [of(blob, self.layer_type) for blob in blobs],
            }
            return (await client.put_manifest(name, json.dumps(manifest).encode())).digest


async def push_index(reference: str, images: dict[str, OthersImage]) -> str:
    """Put an index of `images` (by architecture) there; its digest."""
    entries = []
    for architecture, image in images.items():
        image.architecture = architecture
        pushed = await image.push(f"{reference}-{architecture}")
        async with RegistryClient(credentials=FixedLogins()) as client:
            data = (await client.document(parse_name(f"{reference}-{architecture}"))).data
        assert digest(data) == pushed
        entries.append(of(data, MANIFEST) | {"platform": {"os": "linux", "architecture": architecture}})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    async with RegistryClient(credentials=FixedLogins()) as client:
        return (await client.put_manifest(parse_name(reference), index, INDEX)).digest


def digest(data: bytes) -> str:
    """``sha256:…``"""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def described(data: bytes) -> Descriptor:
    """Descriptor of a blob."""
    return Descriptor(media_type="application/octet-stream", digest=digest(data), size=len(data))


def of(data: bytes, media_type: str) -> dict[str, Any]:
    """The same as a document holds it."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

"""The two documents that make layers an image: configuration and manifest.

Pure and canonical: the same layers and settings give the same bytes, so the same digest, on any machine; "does this
image exist" is then one HEAD request.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubkiln.errors import Unsupported
from hubkiln.images.interface import Descriptor, Layer
from hubkiln.images.media_types import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from hubkiln.images.platforms import own_platform

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}\Z")

CREATED = "1980-01-02T00:00:00Z"
"""Of every image where nothing better is known, as for the files inside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """How an image is started, and what is said about it."""

    env: tuple[tuple[str, str], ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    ports: tuple[str, ...] = ()
    """``8888/tcp``"""
    labels: tuple[tuple[str, str], ...] = ()
    """Source, commit, environment key, lock digest, builder version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentImage:
    """The image underneath."""

    layers: tuple[Layer, ...]
    config: Mapping[str, Any] = field(default_factory=dict)
    """Its configuration document, parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A whole image: documents and what they name."""

    config: bytes
    manifest: bytes
    layers: tuple[Layer, ...]

    @property
    def config_descriptor(self) -> Descriptor:
        """Of the configuration."""
        return Descriptor(media_type=OCI_CONFIG, digest=_digest(self.config), size=len(self.config))

    @property
    def descriptor(self) -> Descriptor:
        """Of the manifest; its digest is the image's."""
        return Descriptor(media_type=OCI_MANIFEST, digest=_digest(self.manifest), size=len(self.manifest))

    @property
    def digest(self) -> str:
        """The image's."""
        return self.descriptor.digest


def compose(
    parent: ParentImage | None,
    layers: Sequence[tuple[Layer, str]],
    runtime: Runtime,
    *,
    created: str = CREATED,
    platform: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Image:
    """
    The image of `parent`'s layers and then `layers`, each with its line of history.

    What `runtime` leaves empty comes from the base; variables and labels are merged, ours winning. The image is for
    `platform`, or for this machine.

    Raises:
        Unsupported: the base is for another platform.
    """
    known = dict(parent.config) if parent else {}
    platform = platform or own_platform()
    system, _, architecture = platform.partition("/")
    theirs = f"{known.get('os', system)}/{known.get('architecture', architecture)}"
    if theirs != platform:
        raise Unsupported(
            f"The base image is for {theirs}, not for {platform}.", hint="Name a base image for this platform."
        )
    all_layers = (*(parent.layers if parent else ()), *(layer for layer, _ in layers))
    config = {
        "architecture": architecture,
        "os": system,
        "created": created,
        "config": _started(known.get("config"), runtime),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in all_layers]},
        "history": _history(parent, known.get("history"), layers, created),
    }
    config_bytes = canonical(config)
    named = Descriptor(media_type=OCI_CONFIG, digest=_digest(config_bytes), size=len(config_bytes))
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor_json(named),
        "layers": [descriptor_json(layer.descriptor) for layer in all_layers],
    }
    if annotations:
        manifest["annotations"] = dict(annotations)
    return Image(config=config_bytes, manifest=canonical(manifest), layers=all_layers)


def joined(images: Mapping[str, Descriptor]) -> bytes:
    """The index of an image for several platforms: `images`, each by its platform."""
    manifests = []
    for platform, image in sorted(images.items()):
        system, _, architecture = platform.partition("/")
        about = {"os": system, "architecture": architecture}
        manifests.append({"mediaType": image.media_type, "digest": image.digest, "size": image.size, "platform": about})
    return canonical({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})


def canonical(document: object) -> bytes:
    """JSON with one spelling only."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def descriptor_json(descriptor: Descriptor) -> dict[str, Any]:
    """A descriptor as documents hold it."""
    found: dict[str, Any] = {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
    return found | ({"annotations": descriptor.annotations} if descriptor.annotations else {})


def read_descriptor(document: object) -> Descriptor:
    """
    Raises:
        Unsupported: it is not one we can use.
    """
    found = document if isinstance(document, dict) else {}
    digest, size, notes = found.get("digest"), found.get("size"), found.get("annotations") or {}
    if not isinstance(digest, str) or not _SHA256.match(digest) or not isinstance(size, int) or size < 0:
        hint = "Only sha256 digests are known here."
        raise Unsupported("The image's documents name a part in a way we cannot read.", hint=hint)
    annotations = {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {}
    return Descriptor(media_type=str(found.get("mediaType", "")), digest=digest, size=size, annotations=annotations)


def read_layers(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[Layer, ...]:
    """
    The layers of an existing image, bottom first.

    Raises:
        Unsupported: manifest and configuration do not belong together.
    """
    rootfs = config.get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not isinstance(diff_ids, list) or len(layers) != len(diff_ids):
        raise Unsupported("The image's manifest and configuration do not list the same layers.")
    return tuple(
        Layer(descriptor=read_descriptor(one), diff_id=str(diff_id))
        for one, diff_id in zip(layers, diff_ids, strict=True)
    )


def _started(base: object, runtime: Runtime) -> dict[str, Any]:
    config: dict[str, Any] = dict(base) if isinstance(base, dict) else {}
    env = dict(str(line).partition("=")[::2] for line in config.get("Env") or ()) | dict(runtime.env)
    labels = dict(config.get("Labels") or {}) | dict(runtime.labels)
    ports = dict(config.get("ExposedPorts") or {}) | {port: {} for port in runtime.ports}
    if runtime.entrypoint:
        config |= {"Entrypoint": list(runtime.entrypoint), "Cmd": None}  # a base's command is for the base's entrypoint
    ours = {
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Cmd": list(runtime.command),
        "WorkingDir": runtime.workdir,
        "User": runtime.user,
        "ExposedPorts": ports,
        "Labels": labels,
    }
    config |= {key: value for key, value in ours.items() if value}
    return {key: value for key, value in config.items() if value not in (None, "", [], {})}


def _history(
    parent: ParentImage | None, known: object, layers: Sequence[tuple[Layer, str]], created: str
) -> list[dict[str, Any]]:
    count = len(parent.layers) if parent else 0
    lines = [one for one in known if isinstance(one, dict)] if isinstance(known, list) else []
    if sum(not one.get("empty_layer") for one in lines) != count:
        lines = [{"created": created, "created_by": "base image"}] * count
    return lines + [{"created": created, "created_by": title} for _, title in layers]


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()

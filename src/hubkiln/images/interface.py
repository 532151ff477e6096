"""What the rest may know of images: references, descriptors, and the documents of local images.

A *local image* is what the sandbox engine runs: a small JSON document that names folders of the stores. An OCI
manifest of the same environment has one layer per part. Two views of one composition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hubkiln.images.push_target import PushTarget

Moved = Callable[[str, int, int], None]
"""Told as a blob moves: its digest, bytes done, bytes in all. Never blocks, never raises."""


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
class RegistrySettings:
    """How registries are spoken to."""

    at_once: int = 6
    """Operations in flight per client: enough to hide a round trip, few enough not to be rate-limited."""

    attempts: int = 5
    """In a row without progress, before a registry is called unreachable: about four seconds of pauses."""

    connect_seconds: float = 10
    read_seconds: float = 60
    """Longest silence in a response."""

    chunk_bytes: int = 16 * 1024**2
    """Blobs up to this size go in one request; larger ones in pieces of this size that survive a lost connection."""

    max_image_bytes: int = 30 * 1024**3
    """Largest image to pull, by the sum its manifest gives."""

    platform: str = "linux/amd64"
    """Which image of a multi-platform one."""

    plain_http: frozenset[str] = frozenset()
    """``host:port`` of registries without TLS, besides this machine's own."""

    tls_on_loopback: frozenset[str] = frozenset()
    """``host:port`` on this machine that speak TLS nevertheless."""

    token_hosts: frozenset[str] = frozenset()
    """Hosts to which any registry's login may be sent for a token, besides its own and those of its domain."""

    certificates: Path | None = None
    """PEM file of further certificate authorities to trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """Where built images go."""

    target: PushTarget | None = None
    """None keeps them on the machine that builds."""

    pull_from: str | None = None
    """What was said of where servers pull from; `target` has it, if there is one."""

    base_image: str | None = None
    """What pushed images stand on; None means the one that was built with ``hubkiln base build``."""

    seconds: float = 300
    """How long a push is tried again when the registry fails: longer than most registries take to restart."""

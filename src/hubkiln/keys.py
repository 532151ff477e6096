"""Names made of what they stand for."""

from __future__ import annotations

import hashlib
import json

from hubkiln.values import Spec


def digest(named: object) -> str:
    """A name made of everything in `named`, which JSON can hold; the order of a dictionary does not count."""
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def short_digest(named: object) -> str:
    """The same, for folders that are stacked: the kernel limits how long their paths may be together."""
    return digest(named)[:40]


def repository_key(spec: Spec) -> str:
    """The same for every ref of a repository's folder."""
    return digest([spec.provider, spec.repository, spec.subdir, *_added(spec)])


def spec_key(spec: Spec) -> str:
    """The same for all who ask for one ref of a repository's folder."""
    return digest([spec.provider, spec.repository, spec.subdir, spec.ref, *_added(spec)])


def _added(spec: Spec) -> list[dict[str, str]]:
    """What tells it from the repository's own, if anything does."""
    return [{"packages": spec.packages}] if spec.packages else []

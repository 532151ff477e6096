"""The layers of conda packages: large ones alone, small ones in groups, below the wheels that lie over them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hubkiln.composer.bases import Base
from hubkiln.images import LayerPart, LayerStore, LazyLayer, Role, group_layers
from hubkiln.packages import CondaPart, Packages, conda_python, layout_for, part_tree, partition_prefix
from hubkiln.trees import Entry
from hubkiln.values import Say

MOST = 40
"""Layers for conda packages; the rest of an image's are for what lies over and under them."""


async def conda_layers(packages: Packages, layers: LayerStore, base: Base, say: Say) -> list[LazyLayer]:
    """
    The layers of the conda packages of `base`, bottom first; none where it has none.

    Raises:
        as :meth:`hubkiln.packages.conda_prefixes.CondaPrefixes.ensure`.
    """
    if base.conda is None:
        return []
    at = layout_for(base.conda.python).prefix
    prefix = await packages.conda.ensure(base.conda, await packages.worker(conda_python(base.conda)), say)
    found = {part.key: part for part in await asyncio.to_thread(partition_prefix, prefix, target=f"/{at}")}
    wanted = [
        LayerPart(key=part.key, name=part.name or "conda", role=Role.WHEEL, size=part.size_bytes)
        for part in found.values()
    ]
    return [
        layers.lazy(one.key, _entries(prefix, at, [found[part.key] for part in one.parts]), title=one.title)
        for one in group_layers(wanted, budget=MOST)
    ]


def _entries(prefix: Path, at: str, parts: Sequence[CondaPart]) -> Callable[[], Iterable[Entry]]:
    def entries() -> Iterable[Entry]:
        """What the parts own; folders that several have are there once."""
        merged = {entry.path: entry for part in parts for entry in part_tree(prefix, part, at=at)}
        return [merged[path] for path in sorted(merged)]

    return entries

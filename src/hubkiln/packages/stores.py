"""The stores of packages, as those who collect see them; an environment knows the trees that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.folders import keep_note, read_note
from hubkiln.stores import FolderStore, Ref, Store

_PARTS = ".parts.json"
"""Beside an environment: the trees whose files it links, which cost no more while it is there."""


def package_stores(data: DataDir) -> tuple[Store, ...]:
    """Environments, unpacked packages, downloaded ones, and what indexes answered."""
    return (
        FolderStore(root=data.root, folder=data.environments, beside=True, own=True, needing=_parts),
        FolderStore(root=data.root, folder=data.trees),
        FolderStore(root=data.root, folder=data.wheels),
        FolderStore(root=data.root, folder=data.cache, fixed=False, leave=frozenset(("verified", "overlaps"))),
    )


def keep_parts(environment: Path, trees: Sequence[Path]) -> None:
    """Note what `environment` is made of, before it is there."""
    keep_note(_note(environment), {"trees": sorted({tree.name for tree in trees})})


def _note(environment: Path) -> Path:
    return environment.with_name(environment.name + _PARTS)


def _parts(environment: Path) -> Iterable[Ref]:
    trees = (read_note(_note(environment)) or {}).get("trees")
    return [Ref("trees", str(name)) for name in trees] if isinstance(trees, list) else []

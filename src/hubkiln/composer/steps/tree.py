"""What a step changed as one tree for an image layer: each place captured over what was below it there.

Places lie inside one another (``/`` holds all others), so each is captured without those inside it, and where two
name the same folder the inner one is right: the outer only has it as a mount point. What a step left in the home is
there twice, because a hub's volume may lie over the home (:mod:`hubkiln.content.deliver` copies it then).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from hubkiln.composer.steps.interface import StepLayer
from hubkiln.conventions import GIVEN_HOME, HOME
from hubkiln.data_dir import DataDir
from hubkiln.errors import EngineMissing
from hubkiln.local_images import LocalImage, home_lowers
from hubkiln.sandbox import SKIPPED, WHITEOUT, Identity, Owner, capture_changes, owner, subordinate
from hubkiln.trees import Entry, Tree
from hubkiln.values import KERNEL_LINK, PREFIX, REPO_DIR

_INNER = frozenset((PREFIX, REPO_DIR, HOME.lstrip("/"), KERNEL_LINK))
_ABOVE = frozenset(str(parent) for place in _INNER for parent in PurePosixPath(place).parents if parent.name)


def step_tree(
    data: DataDir,
    identity: Identity,
    layer: StepLayer,
    below: Sequence[StepLayer],
    bottom: Mapping[str, Sequence[Path]],
    *,
    root: bool,
) -> Tree:
    """
    The tree of `layer` over the steps `below` and, at the very bottom of each place, the folders in `bottom`.

    `root` tells of a step that was root inside.

    Raises:
        BuildFailed: a device file, or a name that image layers reserve.
    """
    stacked = [place for one in below for place in one.places]
    owners = _owners(identity, root)
    entries: dict[str, Entry] = {}
    for target, folder in sorted(layer.places):
        lowers = (*bottom.get(target, ()), *(data.steps / name for place, name in stacked if place == target))
        if target == HOME:
            rootfs = tuple(path.name for path in bottom.get("/", ()))
            lowers = home_lowers(data.rooms, LocalImage(name="home", rootfs=rootfs, steps=tuple(stacked)))
        inside = target.lstrip("/")
        skip = SKIPPED if inside else SKIPPED | _INNER
        taken = root and not identity.privileged
        found = capture_changes(data.steps / folder, lowers, *owners, below=inside, skip=skip, taken_over=taken)
        found = found if inside else _without_mount_points(found)
        parents = {entry.path for entry in found if inside.startswith(f"{entry.path}/")}
        entries |= {entry.path: entry for entry in found if not (entry.path in parents and entry.path in entries)}
        if target == HOME:
            given = {entry.path: entry for entry in _given(found)}
            entries = given | entries
    return Tree(tuple(entries[path] for path in sorted(entries)))


def _without_mount_points(found: Tree) -> Tree:
    """The root without folders that are there because the places of images are in them, and for nothing else."""
    entries = {entry.path: entry for entry in found}
    for place in sorted(_ABOVE, reverse=True):
        entry = entries.get(place)
        if entry is not None and entry.mode == 0o755 and not any(path.startswith(f"{place}/") for path in entries):
            del entries[place]
    return Tree(tuple(entries.values()))


def _given(home: Tree) -> Iterator[Entry]:
    """What is in `home` a second time, where a volume that is mounted over the home does not hide it."""
    place, given = HOME.lstrip("/"), GIVEN_HOME.lstrip("/")
    for parent in PurePosixPath(given).parents:
        if parent.name:
            yield Entry(path=str(parent), mode=0o755)
    for entry in home:
        below = entry.path.removeprefix(place)
        if below != entry.path and not PurePosixPath(below).name.startswith(WHITEOUT):
            yield replace(entry, path=f"{given}{below}")


def _owners(identity: Identity, root: bool) -> tuple[Owner, Owner]:
    if identity.privileged or not root:
        return owner(identity, identity.uid, root=root), owner(identity, identity.gid, root=root)
    return (
        owner(identity, identity.uid, root=True, subordinate=_range(Path("/etc/subuid"), identity.uid)),
        owner(identity, identity.gid, root=True, subordinate=_range(Path("/etc/subgid"), identity.uid)),
    )


def _range(file: Path, uid: int) -> tuple[int, int]:
    """
    Uids of the files of a step that was root inside.

    Without a range it was root elsewhere, in a pod, and what does not note its owner is root's.
    """
    try:
        return subordinate(file, uid)
    except EngineMissing:
        return 0, 0

"""Where a path inside a room really leads, worked out before anything is mounted.

bubblewrap makes missing mount points and follows links while it does so, and while the host's root is still in
sight. An image, or a home its user prepared, must not lead it astray: every target is resolved here first, as the
room itself would resolve it, so that no link is left to follow.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Sequence
from pathlib import Path

from hubkiln.errors import ServiceError
from hubkiln.sandbox.interface import Overlay
from hubkiln.sandbox.showing import within

_MOST_LINKS = 40


class Places:
    """What lies where, in the order it is mounted."""

    def __init__(self) -> None:
        self._places: list[tuple[str, tuple[Path, ...]]] = []

    def stack(self, overlay: Overlay) -> Overlay:
        """Note `overlay`; returns it with its target resolved."""
        target = self.resolve(overlay.target)
        upper = () if overlay.upper is None else (overlay.upper,)
        self._places.append((target, (*overlay.lowers, *upper)))
        return Overlay(target=target, lowers=overlay.lowers, upper=overlay.upper)

    def put(self, target: str, *layers: Path) -> str:
        """Note a mount of `layers` (none for something empty and new) at `target`; returns the target resolved."""
        resolved = self.resolve(target)
        self._places.append((resolved, layers))
        return resolved

    def resolve(self, path: str) -> str:
        """
        `path` without links.

        Raises:
            ServiceError: links without end.
        """
        done, todo, links = "/", _parts(path), 0
        while todo:
            step = posixpath.join(done, todo.pop(0))
            found = self._lookup(step)
            if found is None or not found.is_symlink():
                done = step
                continue
            links += 1
            if links > _MOST_LINKS:
                raise ServiceError(
                    f"{path} leads through links without end.", hint="Remove the link from the image or home."
                )
            target = posixpath.normpath(posixpath.join("/", done, os.fsdecode(found.readlink())))
            done, todo = "/", [*_parts(target), *todo]
        return done

    def find(self, path: str) -> Path | None:
        """The file of the host that is seen at `path`, links followed; None where there is none."""
        return self._lookup(self.resolve(path))

    def has(self, path: str) -> bool:
        """Whether anything is at `path`, whose folder has no links in it: a file, a folder, or a link to nowhere."""
        return self._lookup(path) is not None

    def _lookup(self, path: str) -> Path | None:
        layers, below = self._layers(path)
        for part in below[:-1]:
            layers = within(layers, part)
        for candidate in [layer / below[-1] for layer in layers] if below else layers:
            try:
                mode = candidate.lstat().st_mode
            except OSError:
                continue
            return None if stat.S_ISCHR(mode) else candidate
        return None

    def _layers(self, path: str) -> tuple[Sequence[Path], list[str]]:
        """What is stacked nearest above `path`, top first, and the way down from there."""
        holding = [place for place in self._places if place[0] in ("/", path) or path.startswith(f"{place[0]}/")]
        if not holding:
            return (), []
        target, layers = max(reversed(holding), key=lambda place: len(place[0]))
        return layers[::-1], _parts(path[len(target) :])


def _parts(path: str) -> list[str]:
    return [part for part in posixpath.normpath(posixpath.join("/", path)).split("/") if part]

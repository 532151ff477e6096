"""Commands run in local images, with a home and a folder for writes that are gone afterwards."""

from __future__ import annotations

import os
import posixpath
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hubkiln.beneath import Beneath, LeadsAway
from hubkiln.data_dir import RoomFolders
from hubkiln.errors import TooLarge
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import has_home, room_for, started
from hubkiln.sandbox import BuildEngine, Identity, Mount, remove_tree
from hubkiln.stores import lease
from hubkiln.values import Limits, Say

PROCESSES = 4096
"""Most processes and threads of a check."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs commands in images to their end, for checks."""

    folders: RoomFolders
    engine: BuildEngine
    seconds: float = 120

    async def __call__(self, image: LocalImage, argv: Sequence[str], say: Say) -> int:
        """Exit code of `argv` in `image`; its output goes to `say`."""
        with scratch(self.folders, self.engine) as (home, work):
            seen = None if has_home(self.folders, image, self.engine.identity.uid) else home
            limits = Limits(seconds=self.seconds, processes=PROCESSES)
            room = room_for(self.folders, image, home=seen, work=work, limits=limits, name="check")
            return (await self.engine.run(replace(room, kept=False), argv, say=say)).code


@contextmanager
def scratch(folders: RoomFolders, engine: BuildEngine) -> Iterator[tuple[Path, Path]]:
    """A home and a folder for writes, both gone at the end."""
    folder = folders.work / f"room-{uuid.uuid4().hex}"
    home, work = folder / "home", folder / "writes"
    with lease(folders.root, "a command in an image"):
        try:
            home.mkdir(parents=True)
            work.mkdir()
            hand_over(home, engine.identity)
            yield home, work
        finally:
            remove_tree(folder)


def hand_over(folder: Path, identity: Identity) -> None:
    """
    Make `folder` and all in it the sandbox user's, when we are root; otherwise it is already.

    Raises:
        TooLarge: folders lie too deep in one another.
    """
    if not identity.privileged:
        return
    try:
        with Beneath(folder) as beneath:
            os.chown(beneath.handle, identity.uid, identity.gid)
            for found in beneath.walk():
                os.chown(found.name, identity.uid, identity.gid, dir_fd=found.folder, follow_symlinks=False)
    except LeadsAway as error:
        raise TooLarge(
            f"Those files cannot be taken: {error.strerror}.", hint="Put fewer folders into one another."
        ) from error


def workdir(image: LocalImage) -> str | None:
    """Where commands start: the repository's folder, or the ``subdir`` that was built."""
    return f"/srv/repo/{image.workdir}" if image.content and image.workdir else None


async def attach(
    folders: RoomFolders,
    engine: BuildEngine,
    image: LocalImage,
    argv: Sequence[str],
    env: dict[str, str] | None = None,
    volumes: Sequence[Mount] = (),
) -> int:
    """
    Run `argv` in `image` at our own terminal, behind the repository's ``start``; returns its exit code.

    Targets of `volumes` that are not absolute count from where `argv` starts.
    """
    with scratch(folders, engine) as (home, work):
        seen = None if has_home(folders, image, engine.identity.uid) else home
        room = room_for(folders, image, home=seen, work=work, env=env, cwd=workdir(image), writable_content=True)
        placed = (replace(volume, target=posixpath.join(room.cwd, volume.target)) for volume in volumes)
        return await engine.interactive(replace(room, volumes=tuple(placed)), started(image, list(argv)))

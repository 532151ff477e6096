"""All that a data folder holds, in one place: which stores there are, what must stay in them, whose the rest is.

:mod:`hubkiln.stores` knows how to collect; here stands what there is to collect, and what is not to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubkiln.builds import kept_images
from hubkiln.composer import composer_stores
from hubkiln.content import content_stores
from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, database_url, sqlite_url
from hubkiln.environments import locks_of_files, saved_images
from hubkiln.errors import BadSpec
from hubkiln.folders import keep_note, writable
from hubkiln.images import image_stores, tagged_roots
from hubkiln.local_images import local_image_stores, reference_root, running_roots
from hubkiln.packages import package_stores
from hubkiln.sandbox import remove_left
from hubkiln.stores import (
    Collection,
    Collector,
    CollectSettings,
    FolderStore,
    Ref,
    Root,
    Store,
    Swept,
    held_desks,
    left_desk,
)

BASES = "base:"
"""How tags of base images begin; without one nothing can be built on them."""

ELSEWHERE = "database.json"
"""In the data folder: a service keeps its records elsewhere."""

_OWN_FILE = re.compile(r"file://[^\s\"']*/wheels/([0-9a-f]{64})/")


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of one data folder, and the records that name what is in them."""

    data: DataDir
    database: str = ""
    """Address of the database of a service that keeps its records elsewhere; besides the folder's own."""

    def closed(self) -> str:
        """What of the data folder cannot be written, and why; empty if all can."""
        data = self.data
        ours = (data.root, *data.folders, data.root / "leases", data.database)
        found = ((path, writable(path)) for path in ours if path.exists())
        return next((f"{path} cannot be written: {why}" for path, why in found if why), "")

    def stores(self) -> tuple[Store, ...]:
        """All of them."""
        return (
            *local_image_stores(self.data),
            *composer_stores(self.data),
            *package_stores(self.data),
            *content_stores(self.data),
            *image_stores(self.data),
            FolderStore(  # what killed builds left
                root=self.data.root,
                folder=self.data.work,
                fixed=False,
                leave=held_desks(self.data.root) | {self.data.sandboxes.name},
                ended=left_desk,
            ),
        )

    def nobodys(self) -> list[Path]:
        """What lies in the data folder and is no store's and none of ours: reported, and never touched."""
        folders = {store.folder for store in self.stores()}
        above = {parent for folder in folders for parent in folder.parents if self.data.root in parent.parents}
        return sorted(self._nobodys(self.data.root, folders, above))

    def _nobodys(self, folder: Path, folders: set[Path], above: set[Path]) -> Iterator[Path]:
        for entry in folder.iterdir():
            if entry in folders or self.data.keeps(entry):
                continue
            if entry in above:
                yield from self._nobodys(entry, folders, above)
            else:
                yield entry

    async def roots(self, settings: CollectSettings) -> list[Root]:
        """What stays however long ago it was used."""
        found: list[Root] = []
        for pin in settings.pins:
            found += reference_root(pin, "pinned by the admin")
        found += running_roots(self.data.hub / "rooms", "the server {} runs from it")
        found += tagged_roots(self.data, BASES, "the base image {}")
        for url in self._databases():
            async with database_at(url) as database:
                for image, owner, name in await saved_images(database):
                    found += reference_root(image, f'saved by {owner} as "{name}"')
                for image, name in await kept_images(database):
                    found += reference_root(image, f"a schedule keeps what it built of {name}")
                for repository, text in await locks_of_files(database):
                    why = f"the lock of {repository} names it, and it was built here"
                    found += (Root(Ref("wheels", sha256), why) for sha256 in sorted(set(_OWN_FILE.findall(text))))
        return found

    def keep_database(self) -> None:
        """Note whether records are kept elsewhere, so that nobody who does not know where takes them for none."""
        note = self.data.root / ELSEWHERE
        if self.database:
            keep_note(note, {"database": "elsewhere"})
        else:
            note.unlink(missing_ok=True)

    def _databases(self) -> list[str]:
        """
        Raises:
            BadSpec: records are kept elsewhere, and we are not told where.
        """
        if not self.database and (self.data.root / ELSEWHERE).exists():
            raise BadSpec(
                "The build service keeps its records in a database of its own, and what is saved there must stay.",
                hint="Name it: HUBKILN_DATABASE=postgresql://… hubkiln gc",
            )
        return [sqlite_url(self.data.database), *([database_url(self.database)] if self.database else [])]

    async def look(self, settings: CollectSettings) -> tuple[Collector, Collection]:
        """What would be collected, and who does it."""
        collector = Collector(self.data.root, self.stores(), remove=remove_left)
        beginning = collector.begin()
        return collector, collector.mark(beginning, await self.roots(settings), settings)

    async def collect(self, settings: CollectSettings) -> tuple[Collection, Swept]:
        """Take away what nobody needs; returns what was found, and what went."""
        collector, found = await self.look(settings)
        return found, collector.sweep(found)

"""Software Heritage: ``swh/swh:1:rev:…``. An identifier names its files for ever, so nothing about them can change."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote

from hubkiln.errors import BadSpec, RepositoryNotFound, Unreachable
from hubkiln.repositories.api import Api, Json, object_at, text_at, unexpected
from hubkiln.repositories.kind import Kind, Place, shown
from hubkiln.repositories.record import File, Record
from hubkiln.values import Say

_SWHID = re.compile(r"swh:1:(?P<type>dir|rev|rel|snp):(?P<hash>[0-9a-f]{40})")
_PATH = re.compile(r";path=([^;]*)")
_DEEPEST = 10
_PAUSE = 5.0


def canonical(text: str) -> str:
    """The identifier without what only tells where it was met; raises BadSpec."""
    named = text.strip().split(";")[0].lower()
    if not _SWHID.fullmatch(named):
        raise BadSpec(
            f"`{shown(text)}` names no folder of Software Heritage.",
            hint="Identifiers of folders, revisions, releases and snapshots can be built: `swh:1:rev:…`.",
        )
    return named


def read(text: str) -> Place:
    """An identifier with its qualifiers: ``;path=`` is a folder below what it names, or below its anchor."""
    text = unquote(text).strip("/").removesuffix("/HEAD")
    anchor = re.search(r";anchor=(swh:1:[a-z]{3}:[0-9a-f]{40})", text)
    path = _PATH.search(text)
    if anchor and path:
        folder = unquote(path[1]).strip("/")
        if re.match(r"swh:1:cnt:", text):
            folder, _, name = folder.rpartition("/")
            return Place(anchor[1], "", "", f"{folder}/{name}".strip("/"))
        return Place(anchor[1], "", folder)
    return Place(text.split(";")[0])


def read_page(page: SplitResult, ref: str | None) -> Place | None:
    """``/swh:1:…``, and the pages to browse; raises BadSpec."""
    path = unquote(page.path).strip("/")
    if path.startswith("swh:1:"):
        return read(path)
    for word, kind in (("directory", "dir"), ("revision", "rev"), ("release", "rel"), ("snapshot", "snp")):
        if found := re.match(rf"browse/{word}/([0-9a-f]{{40}})", path):
            return Place(f"swh:1:{kind}:{found[1]}")
    return None


@dataclass(frozen=True, slots=True)
class SoftwareHeritage:
    """Asks https://archive.softwareheritage.org/api/1/ and its vault, which packs what is wanted."""

    address: str
    api: Api
    pause: float = _PAUSE
    """Seconds between questions whether the vault is ready."""

    async def find(self, repository: str) -> Record:
        """
        The folder that `repository` means.

        Raises:
            RepositoryNotFound, Unreachable.
        """
        folder = f"swh:1:dir:{await self._folder(repository)}"
        return Record(
            key=folder.rsplit(":", 1)[1],
            repository=repository,
            url=f"{self.address}/{folder}",
            name=f"swh-{folder.rsplit(':', 1)[1][:12]}",
            files=(File(path="folder.tar.gz", url=f"{self.address}/api/1/vault/flat/{folder}/raw/"),),
            ready=self._ready,
            unpacks=True,
        )

    async def _folder(self, repository: str) -> str:
        """Follows releases and snapshots to a revision, and that to its folder."""
        _, _, kind, name = repository.split(":")
        for _ in range(_DEEPEST):
            if kind == "dir":
                return name
            if kind == "rev":
                kind, name = "dir", _hash_at(await self._ask("revision", name), "directory")
            elif kind == "rel":
                release = await self._ask("release", name)
                kind, name = _TYPES.get(text_at(release, "target_type"), "cnt"), _hash_at(release, "target")
            elif kind == "snp":
                kind, name = await self._head(name)
            else:
                break
        raise RepositoryNotFound(f"{repository} leads to no folder.", hint="Check the identifier.")

    async def _head(self, snapshot: str) -> tuple[str, str]:
        branches = object_at(await self._ask("snapshot", snapshot), "branches")
        name = "HEAD"
        for _ in range(_DEEPEST):
            branch = object_at(branches, name)
            if text_at(branch, "target_type") != "alias":
                return _TYPES.get(text_at(branch, "target_type"), "cnt"), _hash_at(branch, "target")
            name = text_at(branch, "target")
        raise RepositoryNotFound(f"The snapshot {snapshot} has no default branch.", hint="Name a revision of it.")

    async def _ask(self, what: str, name: str) -> dict[str, object]:
        url = f"{self.address}/api/1/{what}/{name}/"
        return await self.api.get(url, missing=f"Software Heritage has no {what} {name}.")

    async def _ready(self, record: Record, say: Say) -> None:
        """Ask the vault to pack the folder, and wait."""
        url = record.files[0].url.removesuffix("raw/")
        missing = f"Software Heritage has no folder {record.key}."
        answer = await self.api.get(url, missing=missing, method="POST")
        told = ""
        while (status := text_at(answer, "status")) != "done":
            if status == "failed":
                raise Unreachable(
                    "Software Heritage could not pack these files.",
                    hint="Try again later, or use where they came from.",
                )
            if told != status:
                say(f"Software Heritage packs the files ({status})\n")
                told = status
            await asyncio.sleep(self.pause)
            answer = await self.api.get(url, missing=missing, fresh=True)


def _hash_at(document: Json, name: str) -> str:
    """A hash: it stands in the next address, and of a folder it names what is kept of it; raises Unreachable."""
    found = text_at(document, name)
    if not re.fullmatch(r"[0-9a-f]{40}", found):
        raise unexpected(f"Software Heritage (`{name}`)")
    return found


_TYPES = {"directory": "dir", "revision": "rev", "release": "rel", "snapshot": "snp"}

KIND = Kind(
    title="Software Heritage",
    example="swh:1:rev:0123456789abcdef0123456789abcdef01234567",
    canonical=canonical,
    read_link=read,
    read_page=read_page,
    refs=False,
)

"""A plain archive at an address: ``archive/https%3A%2F%2Fhost%2Fcourse.zip``. Its ref may be the sha256 that it has.

Without one, an archive is what the server says it is: its ``ETag``, else when it was changed and how long it is.
Where a server says neither, it is fetched to be hashed.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from hubkiln.errors import BadSpec, RefNotFound
from hubkiln.repositories import urls
from hubkiln.repositories.download import Download
from hubkiln.repositories.following import following
from hubkiln.repositories.kind import Kind, Place, shown
from hubkiln.repositories.record import File, Record
from hubkiln.values import Spec

_ENDINGS = re.compile(r"\.(zip|tar|tgz|tbz2|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def canonical(text: str) -> str:
    """The address; raises BadSpec."""
    address = urls.canonical(text)
    if not address.startswith(("https://", "http://")) or not _ENDINGS.search(urlsplit(address).path):
        raise BadSpec(
            f"`{shown(text)}` is no archive's address.", hint="It ends with `.zip`, `.tar`, `.tar.gz`, `.tgz` or alike."
        )
    return address


def read_link(rest: str) -> Place:
    """The address is one encoded segment, a sha256 may follow; raises BadSpec."""
    text = unquote(rest).strip("/").removesuffix("/HEAD")
    text = re.sub(r"^(https?):/+", r"\1://", text)
    address, _, last = text.rpartition("/")
    if _SHA256.fullmatch(last) and _ENDINGS.search(address):
        return Place(address, last)
    return Place(text)


def elsewhere(page: SplitResult, ref: str | None) -> tuple[str, Place] | None:
    """An address that ends as archives do; ``#sha256=…`` says what it must be."""
    if not _ENDINGS.search(page.path):
        return None
    told = re.fullmatch(r"sha256=([0-9a-f]{64})", page.fragment)
    return "archive", Place(page._replace(fragment="").geturl(), told[1] if told else "")


@dataclass(frozen=True, slots=True)
class Archives:
    """Finds out which state of an archive is at its address."""

    downloads: Download
    scratch: Path | None

    async def find(self, spec: Spec) -> Record:
        """
        The archive as it is now.

        Raises:
            NotFound, AccessDenied, Refused, Unreachable, TooLarge; RefNotFound: its ref is no sha256.
        """
        url, checksum = spec.repository, ""
        if spec.ref != "HEAD":
            if not _SHA256.fullmatch(spec.ref):
                raise RefNotFound("An archive has no branches.", hint="Leave the ref empty, or give its sha256.")
            key, checksum = spec.ref, f"sha256:{spec.ref}"
        elif told := await self._told(url):
            key = hashlib.sha256(f"{url}\0{told}".encode()).hexdigest()
        else:
            key = await self._hash(url)
        name = urls.short_name(_ENDINGS.sub("", urlsplit(url).path), otherwise="archive")
        ends = _ENDINGS.search(urlsplit(url).path)
        file = File(path=f"archive{ends[0] if ends else ''}", url=url, checksum=checksum)
        return Record(key=key, repository=url, url=url, name=name, files=(file,), unpacks=True)

    async def _told(self, url: str) -> str:
        async with following(url, self.downloads.guard, method="HEAD") as (answer, _):
            if answer.status_code != 200:
                return ""  # some servers know no HEAD; fetching it says what is wrong
            etag: str = answer.headers.get("etag", "")
            if etag and not etag.startswith("W/"):
                return etag
            changed, size = answer.headers.get("last-modified", ""), answer.headers.get("content-length", "")
            return f"{changed} {size}" if changed and size else ""

    async def _hash(self, url: str) -> str:
        with tempfile.TemporaryDirectory(dir=self.scratch, prefix="archive-") as folder:
            return await self.downloads.file(File(path="archive", url=url), Path(folder, "archive"), own=True)


KIND = Kind(
    title="Archive",
    example="https%3A%2F%2Fhost%2Fcourse.zip",
    canonical=canonical,
    read_link=read_link,
    one_segment=True,
)

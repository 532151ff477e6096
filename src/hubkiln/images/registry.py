"""A client for OCI registries: documents, blobs, mounting, and the answer to “is it there?”.

One client serves many registries and many tasks at once, bounded by its settings. What goes over the wire is
:mod:`hubkiln.images.session`'s, how blobs move :mod:`hubkiln.images.transfer`'s; whole images are moved by
:mod:`hubkiln.images.pull` and :mod:`hubkiln.images.push`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import httpx

from hubkiln.egress import joined
from hubkiln.errors import AccessDenied, HubkilnError, NotFound, Unreachable, Unsupported
from hubkiln.images import failures, media_types
from hubkiln.images.auth import Want
from hubkiln.images.credentials import Credentials, DockerCredentials
from hubkiln.images.documents import json_object
from hubkiln.images.interface import Descriptor, Moved, RegistrySettings
from hubkiln.images.names import ImageName
from hubkiln.images.retrying import Again, Backoff
from hubkiln.images.session import Allowed, Answer, Ask, Session, read_small
from hubkiln.images.transfer import Download, Upload, nothing_moved


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest or index as the registry keeps it."""

    descriptor: Descriptor
    data: bytes

    @property
    def is_index(self) -> bool:
        """True for a list of images, one per platform."""
        return self.descriptor.media_type in media_types.INDEXES

    def content(self) -> Mapping[str, Any]:
        """The parsed JSON.

        Raises:
            Unreachable: it is not a JSON object.
        """
        parsed = json_object(self.data)
        if parsed is None:
            raise Unreachable("The registry sent an image document that cannot be read.")
        return parsed


class RegistryClient:
    """Speaks to registries; use as ``async with``."""

    def __init__(
        self,
        settings: RegistrySettings | None = None,
        *,
        credentials: Credentials | None = None,
        allowed: Allowed | None = None,
        backoff: Backoff | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings or RegistrySettings()
        backoff = backoff or Backoff(attempts=self.settings.attempts)
        self._session = Session(self.settings, credentials or DockerCredentials(), allowed, backoff, transport)
        self._slots = asyncio.Semaphore(self.settings.at_once)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def find(self, name: ImageName, *, push: bool = False) -> Descriptor | None:
        """
        The manifest's or index's descriptor by one HEAD, None if the registry has no such image.

        Raises:
            AccessDenied, Unreachable, Refused.
        """
        answer = await self._ask(
            "HEAD", name, f"manifests/{name.reference}", push=push, headers={"Accept": media_types.ACCEPT}
        )
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise failures.refusal(answer, name, "look up")
        digest = answer.headers.get("Docker-Content-Digest") or name.digest
        if not digest:
            return (await self.document(name)).descriptor
        size = int(answer.headers.get("Content-Length") or 0)
        return Descriptor(media_type=_media_type(answer, {}), digest=digest, size=size)

    async def document(self, name: ImageName) -> Document:
        """
        The manifest or index, checked against the digest where one was asked for.

        Raises:
            NotFound, AccessDenied, Unreachable, Refused.
        """
        answer = await self._ask("GET", name, f"manifests/{name.reference}", headers={"Accept": media_types.ACCEPT})
        if answer.status != 200:
            raise failures.refusal(answer, name, "pull")
        digest = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        if name.digest and digest != name.digest:
            raise Unreachable(
                f"{name.host} sent something else than {name}.", hint="Try again; if it stays so, do not trust it."
            )
        untyped = Document(Descriptor(media_type="", digest=digest, size=len(answer.body)), answer.body)
        media_type = _media_type(answer, untyped.content())
        return Document(Descriptor(media_type=media_type, digest=digest, size=len(answer.body)), answer.body)

    async def manifest(self, name: ImageName, platform: str | None = None) -> Document:
        """
        The manifest of one image, chosen by platform (the settings' by default) where `name` is an index.

        Raises:
            NotFound: there is none for that platform; otherwise as :meth:`document`.
            Unsupported: an image format from before 2016.
        """
        document = await self.document(name)
        if document.is_index:
            document = await self.document(
                name.at(_choose(document.content(), platform or self.settings.platform, name))
            )
        if document.descriptor.media_type not in media_types.MANIFESTS:
            raise Unsupported(
                f"{name} is not a container image we can read ({document.descriptor.media_type[:80] or 'no type'})."
            )
        return document

    async def put_manifest(
        self, name: ImageName, data: bytes, media_type: str = media_types.OCI_MANIFEST
    ) -> Descriptor:
        """
        Store a manifest under `name`'s digest or tag; its blobs must be there already.

        docker-registry sometimes refuses one that another builder stores at the same moment, with the words for a
        wrong digest, or for a blob that it lacks while another builder stores that one again (it writes the file that
        says what it has in place); so neither is a reason to give up at once.

        Raises:
            AccessDenied, Unreachable, ServiceError: it was refused.
        """
        path = f"manifests/{name.reference}"
        digest = "sha256:" + hashlib.sha256(data).hexdigest()

        async def once() -> None:
            answer = await self._ask("PUT", name, path, push=True, headers={"Content-Type": media_type}, body=data)
            if answer.status in (200, 201, 202):
                return
            if b"BLOB_UNKNOWN" in answer.body:
                raise Again(failures.lost_a_part(name))
            refused = failures.refusal(answer, name, "push to")
            if b"DIGEST_INVALID" in answer.body and name.digest in (None, digest):
                raise Again(refused)
            raise refused

        await self._session.backoff.run(once)
        return Descriptor(media_type=media_type, digest=digest, size=len(data))

    async def remove(self, name: ImageName) -> None:
        """
        Remove the manifest at `name`'s digest, with all tags of it; fine where it is gone, or nothing can be removed.

        Raises:
            AccessDenied, Unreachable.
        """
        answer = await self._ask("DELETE", name, f"manifests/{name.reference}", push=True)
        if answer.status not in (200, 202, 404, 405):
            raise failures.refusal(answer, name, "remove from")

    async def has_blob(self, name: ImageName, digest: str, *, push: bool = False) -> bool:
        """True if `name`'s repository holds the blob."""
        answer = await self._ask("HEAD", name, f"blobs/{digest}", push=push)
        if answer.status not in (200, 404):
            raise failures.refusal(answer, name, "look into")
        return answer.status == 200

    async def mount(self, name: ImageName, digest: str, source: str) -> bool:
        """
        Make the blob of repository path `source` of the same registry appear in `name`'s; True if it does now.

        False means that the registry will not, for whatever reason: upload it instead. An upload that the registry
        opened in place of mounting is cancelled.
        """
        path = f"blobs/uploads/?mount={quote(digest)}&from={quote(source, safe='')}"
        try:
            answer = await self._ask("POST", name, path, push=True, source=source)
        except AccessDenied:
            return False
        if answer.status == 202 and (location := answer.headers.get("Location")):
            want = Want(name=name, push=True)
            cancel = Ask(method="DELETE", url=joined(answer.url, location), want=want)
            async with self._slots:
                with suppress(Again, HubkilnError):  # registries forget what nobody finishes
                    async with self._session.open(cancel):
                        pass
        return answer.status == 201

    async def read_blob(self, name: ImageName, blob: Descriptor) -> bytes:
        """A small blob (an image's configuration), checked, in memory."""

        async def once() -> Answer:
            ask = Ask(method="GET", url=self._session.url(name, f"blobs/{blob.digest}"), want=Want(name=name))
            async with self._session.open(ask) as response:
                answer = Answer(response.status_code, response.headers, await read_small(response), ask.url)
            if answer.status != 200:
                raise failures.refusal(answer, name, "pull")
            if "sha256:" + hashlib.sha256(answer.body).hexdigest() != blob.digest:
                raise Again(Unreachable(f"{name.host} sent a damaged part of {name.path}."))
            return answer

        async with self._slots:
            return (await self._session.backoff.run(once)).body

    async def download(self, name: ImageName, blob: Descriptor, file: Path, moved: Moved = nothing_moved) -> None:
        """
        Stream the blob into the new file `file`, checked against its digest and size; removed again on failure.

        Raises:
            NotFound, AccessDenied, Unreachable, Refused, DiskFull.
        """
        try:
            with failures.disk("image layers"), file.open("xb") as opened:
                async with self._slots:
                    await self._session.backoff.run(Download(self._session, name, blob, opened, moved).once)
        except BaseException:
            file.unlink(missing_ok=True)
            raise

    async def upload(
        self, name: ImageName, blob: Descriptor, source: Path | bytes, moved: Moved = nothing_moved
    ) -> None:
        """
        Store a blob in `name`'s repository; a file is streamed. Given up or cancelled, nothing stays there.

        Raises:
            AccessDenied, Unreachable, Refused, ServiceError.
        """
        upload = Upload(self._session, name, blob, source, chunk=self.settings.chunk_bytes, moved=moved)
        async with self._slots:
            try:
                await self._session.backoff.run(upload.once)
            except BaseException:
                await asyncio.shield(upload.cancel())
                raise

    async def _ask(
        self,
        method: str,
        name: ImageName,
        rest: str,
        *,
        push: bool = False,
        source: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        want = Want(name=name, push=push, source=source)
        async with self._slots:
            url = self._session.url(name, rest)
            return await self._session.ask(Ask(method=method, url=url, want=want, headers=headers or {}, body=body))


def _media_type(answer: Answer, content: Mapping[str, Any]) -> str:
    named = content.get("mediaType")
    return named if isinstance(named, str) else str(answer.headers.get("Content-Type", "")).partition(";")[0].strip()


def _choose(index: Mapping[str, Any], platform: str, name: ImageName) -> str:
    """Digest of the index's image for `platform`."""
    system, _, architecture = platform.partition("/")
    seen: list[str] = []
    entries = index.get("manifests")
    for entry in entries if isinstance(entries, list) else ():
        where = entry.get("platform") if isinstance(entry, dict) else None
        if not isinstance(where, dict) or not isinstance(digest := entry.get("digest"), str):
            continue
        if (where.get("os"), where.get("architecture")) == (system, architecture):
            return digest
        seen.append(f"{where.get('os')}/{where.get('architecture')}")
    known = ", ".join(sorted(set(seen) - {"unknown/unknown"}))[:200]
    raise NotFound(f"{name} has no image for {platform}.", hint=f"It has: {known}." if known else "")

"""One reference for one image: what may be written in several ways is compared in one.

``name:tag@digest`` and ``name@digest`` are the same image, as are the name that we push to and the one that servers
pull by; what a tag of ours means, the registry says.
"""

from __future__ import annotations

from hubkiln.errors import BadSpec, NotFound
from hubkiln.images.clients import Clients
from hubkiln.images.manifest import read_descriptor
from hubkiln.images.names import ImageName, parse_name
from hubkiln.images.push_target import PushTarget


class References:
    """Knows our own names of images."""

    def __init__(self, target: PushTarget | None = None, clients: Clients | None = None) -> None:
        """`clients` ask the registry of `target`; without it, tags stand for nothing else."""
        self._target, self._clients = target, clients

    async def one(self, text: str) -> str:
        """
        The reference under which the image `text` would be known, if we built it.

        Raises:
            AccessDenied, Unreachable: what a tag of ours means cannot be found out now.
        """
        try:
            name = parse_name(text)
        except BadSpec:
            return text
        if name.digest is None:
            return await self._tagged(name, text)
        by_digest = str(name.at(name.digest))
        return self._target.pulled(by_digest) if self._target else by_digest

    async def _tagged(self, name: ImageName, text: str) -> str:
        if self._target is None or self._clients is None:
            return text
        pushed = self._target.pushed(str(name))
        if not self._target.holds(pushed):
            return text
        async with self._clients() as client:
            found = await client.find(parse_name(pushed), push=True)
        return text if found is None else self._target.pulled(str(parse_name(pushed).at(found.digest)))

    def are_ours(self, text: str) -> bool:
        """Whether `text` names an image of the repository that we push to, by whichever name."""
        return self._target is not None and self._target.holds(self._target.pushed(text))

    async def size(self, reference: str) -> int | None:
        """
        Bytes of the layers of the image that servers call `reference`; None if it is not of ours to ask, or gone.

        Raises:
            AccessDenied, Unreachable: it cannot be asked now.
        """
        pushed = self._target.pushed(reference) if self._target else reference
        if self._target is None or self._clients is None or not self._target.holds(pushed):
            return None
        try:
            async with self._clients() as client:
                manifest = (await client.manifest(parse_name(pushed))).content()
        except NotFound:
            return None
        return sum(read_descriptor(layer).size for layer in manifest.get("layers") or ())

    async def there(self, reference: str, tag: str = "") -> bool | None:
        """
        Whether the registry has the image that servers call `reference`; None if it is not of ours to ask.

        If it has, `tag` means that image afterwards: whoever tidies a registry removes what has no tag.

        Raises:
            AccessDenied, Unreachable: it cannot be asked now.
        """
        pushed = self._target.pushed(reference) if self._target else reference
        if self._target is None or self._clients is None or not self._target.holds(pushed):
            return None
        name = parse_name(pushed)
        async with self._clients() as client:
            if tag and (found := await client.find(name.tagged(tag), push=True)) and found.digest == name.digest:
                return True
            if await client.find(name, push=True) is None:
                return False
            if tag:
                document = await client.document(name)
                await client.put_manifest(name.tagged(tag), document.data, document.descriptor.media_type)
            return True

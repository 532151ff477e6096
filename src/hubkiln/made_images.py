"""What the service knows of the images that a workshop made: whether they are there, how large, and what is in them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hubkiln.assembly import Workshop
from hubkiln.builds import Built, Present
from hubkiln.data_dir import DataDir
from hubkiln.environments import Measure
from hubkiln.errors import BadSpec, HubkilnError, NotFound
from hubkiln.exporting import exported
from hubkiln.exports import FORMATS
from hubkiln.local_images import LocalImage, has_python, is_local
from hubkiln.packages import Lock
from hubkiln.stores import disk_bytes
from hubkiln.web import PackageList, PackageModel


def present_in(workshop: Workshop) -> Present:
    """Whether `workshop` has all that an image is made of, or the registry that it pushes to has the image."""

    async def present(built: Built) -> bool:
        try:
            if (there := await workshop.references.there(built.image, built.tag)) is not None:
                return there
        except HubkilnError:
            return False  # the build will say what is wrong with the registry
        try:
            image = workshop.images.get(built.image)
        except NotFound:
            return False
        return _there(workshop.data, image)

    return present


def there_in(workshop: Workshop) -> Callable[[str], Awaitable[bool | None]]:
    """Whether servers could start from an image, if `workshop` made it."""

    async def there(image: str) -> bool | None:
        try:
            if (pushed := await workshop.references.there(image)) is not None:
                return pushed
            if not is_local(image):
                return None
            return _there(workshop.data, workshop.images.get(image))
        except NotFound:
            return False
        except HubkilnError:
            return None  # its registry does not answer

    return there


def _there(data: DataDir, image: LocalImage) -> bool:
    """Whether all that `image` is made of is on this machine."""
    return all(folder.is_dir() for folder in _folders(data, image)) and has_python(data.rooms, image)


def _folders(data: DataDir, image: LocalImage) -> list[Path]:
    folders = [data.content / image.content] if image.content else []
    folders += [data.environments / image.environment] if image.environment else []
    folders += [data.steps / folder for _, folder in image.steps]
    return folders + [data.images / "layers" / layer for layer in image.rootfs]


def measure_in(workshop: Workshop) -> Measure:
    """How large images are that `workshop` made, those that it pushed as the registry has them."""

    async def measure(image: str) -> int | None:
        try:
            if (pushed := await workshop.references.size(image)) is not None:
                return pushed
            folders = _folders(workshop.data, workshop.images.get(image))
        except HubkilnError:
            return None  # gone, or its registry does not answer
        return sum([await asyncio.to_thread(disk_bytes, folder) for folder in folders])

    return measure


@dataclass(frozen=True, slots=True)
class InImages:
    """Tells the service what is in images."""

    workshop: Workshop

    async def packages(self, image: str) -> PackageList:
        """See :class:`hubkiln.web.Contents`."""
        lock = (await exported(self.workshop, image)).lock
        found = [*_packages(lock), *(_packages(lock.kernel, beside=True) if lock.kernel else ())]
        sizes = [wheel.size for wheel in lock.wheels]
        known = sum(size for size in sizes if size is not None)
        return PackageList(python=lock.python, packages=found, download_bytes=known or None)

    async def count(self, image: str) -> int | None:
        """How many packages are in `image`; None where its lock is not kept here."""
        try:
            return len((await self.packages(image)).packages)
        except HubkilnError:
            return None

    async def export(self, image: str, kind: str) -> str:
        """See :class:`hubkiln.web.Contents`."""
        if kind not in FORMATS:
            raise BadSpec(f"There is no export called {kind[:40]!r}.", hint=f"There are {', '.join(FORMATS)}.")
        return FORMATS[kind](await exported(self.workshop, image))


def _packages(lock: Lock, *, beside: bool = False) -> list[PackageModel]:
    conda = [(package.name, package.version) for package in lock.conda.packages] if lock.conda else []
    wheels = [(wheel.name, wheel.version) for wheel in lock.wheels]
    return [PackageModel(name=name, version=version, kernel=beside) for name, version in sorted([*conda, *wheels])]

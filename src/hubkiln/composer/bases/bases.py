"""What an environment stands on: this machine's ``/usr``, or a base image.

The base decides which Pythons there are and goes into every key. Over the host nothing is fetched; a base image is
looked up in a registry or in our own layout, and unpacked only when something must run on it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkiln.composer.bases.further import labels_of, tag_of, with_python
from hubkiln.composer.bases.interface import Base
from hubkiln.composer.bases.probing import pythons_of
from hubkiln.composer.bases.pythons import read_pythons
from hubkiln.conventions import HOME, LABEL_PYTHONS, UID, USER
from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, NotFound, NotReady, Unsupported
from hubkiln.folders import keep_note, read_note
from hubkiln.images import (
    Clients,
    Descriptor,
    ImageName,
    Layer,
    OciLayout,
    ParentImage,
    inspect_image,
    parse_name,
    pull_image,
    read_descriptor,
    read_layers,
)
from hubkiln.local_images import UnpackedLayers, check_platform, places_of, without_glibc
from hubkiln.packages import Packages, stack_minors
from hubkiln.sandbox import BuildEngine, accounts
from hubkiln.stores import use
from hubkiln.turns import Turns
from hubkiln.values import Interpreter, Say

DEFAULT_BASE = "base:default"
"""Tag in our layout of the base image that is taken before others."""


Learned = Callable[[Sequence[Layer], ImageName | None], None]
"""Told the layers of an image that is unpacked, and where it came from."""


class Bases:
    """Finds bases."""

    def __init__(
        self,
        data: DataDir,
        packages: Packages,
        engine: BuildEngine,
        clients: Clients,
        learned: Learned = lambda layers, source: None,
    ) -> None:
        """`learned` is told the layers that folders are of, and where they came from."""
        self._data, self._packages, self._engine = data, packages, engine
        self._layout, self._clients = OciLayout(data.layers), clients
        self._unpacked = UnpackedLayers(data.own("images/layers"), engine.identity)
        self._turns, self._learned = Turns(), learned

    async def host(self, minor: str | None) -> Base:
        """
        This machine, with its Python `minor` or its default one. Which others it has takes a second to find out.

        Raises:
            Unsupported, LockFailed: it has none such.
        """
        interpreter = await self._packages.interpreter(minor)
        return Base(name="host", interpreter=interpreter, minors=(interpreter.minor,))

    async def image(self, reference: str | None, minor: str | None, say: Say) -> Base:
        """
        The base image `reference`, or the default one, with its Python `minor` or its first one.

        An image of ours that lacks `minor` is given this machine's, in a layer of its own.

        Raises:
            NotReady: no default base was built.
            Unsupported: the image has no Python that can be used and cannot get one.
            BadSpec, NotFound, AccessDenied, Unreachable, Refused: the registry's answer.
        """
        name, parent, source = self._default() if reference is None else await self._named(reference)
        pythons, users = self._labelled(parent), None
        if not pythons:
            pythons, users = await self._probed(name, parent, source, say)
        if minor is not None and minor not in pythons:
            shown = str(source) if source is not None else f"{default_base(self._layout)} ({name[:19]})"
            there = ", ".join(pythons)
            if users is not None:
                raise Unsupported(
                    f"The base image {shown} has no Python {minor}.",
                    hint=f"It has {there}: ask for one of these; or an admin's turn: a base image that has {minor}.",
                )
            name = await self._with_python(name, parent, source, minor, f"{shown} (it has {there})", say)
            parent = read_parent(self._layout, name)
            pythons = self._labelled(parent)
        interpreter = pythons[minor or next(iter(pythons))]
        return Base(
            name=name,
            digest=name,
            interpreter=interpreter,
            minors=tuple(pythons),
            parent=parent,
            source=source,
            accounts=users,
        )

    async def check(self, reference: str) -> None:
        """
        See, before anything is fetched for it, that the base image `reference` can be had and is for this machine.

        Raises:
            BadSpec, NotFound, AccessDenied, Unreachable, Refused: the registry's answer.
            Unsupported: it is for another kind of machine.
        """
        _, parent, source = await self._named(reference)
        if source is not None:
            check_platform(source, parent.config)

    async def with_kernel(self, base: Base, minor: str, say: Say) -> Base:
        """
        `base` with a Python `minor` for a kernel beside the server.

        Raises:
            Unsupported, LockFailed: there is none, and none can be brought.
        """
        if base.parent is None:
            return replace(base, kernel=await self._packages.interpreter(minor, say))
        name, parent = base.name, base.parent
        if minor not in self._labelled(parent):
            if base.accounts is not None:
                raise Unsupported(
                    f"The base image {base.source} has no Python {minor}.",
                    hint="An admin's turn: leave --base-image to the default, which can be given one.",
                )
            shown = f"{base.source or default_base(self._layout)} (it has {', '.join(base.minors)})"
            name = await self._with_python(name, parent, base.source, minor, shown, say)
            parent = read_parent(self._layout, name)
        pythons = self._labelled(parent)
        return replace(base, name=name, digest=name, parent=parent, minors=tuple(pythons), kernel=pythons[minor])

    async def unpacked(self, base: Base, say: Say) -> Base:
        """
        The same with its layers unpacked, so that something can run on it.

        Raises:
            Unsupported, TooLarge, DiskFull; NotFound, Unreachable: the layers cannot be had.
        """
        if base.parent is None or base.rootfs:
            return base
        return replace(base, rootfs=await self._rootfs(base.parent, base.source, say))

    @asynccontextmanager
    async def ahead(self, base: Base, say: Say) -> AsyncIterator[None]:
        """
        Meanwhile begin what :meth:`unpacked` will be asked for; it ends, done or not, with the context.

        What goes wrong is told to whoever asks. Where nothing can run on it nobody will.
        """
        if await self._engine.refusal():
            yield
            return
        task = asyncio.create_task(self.unpacked(base, say))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def worker(self, base: Base) -> Interpreter:
        """See :meth:`hubkiln.packages.Packages.worker`."""
        return await self._packages.worker(base.interpreter)

    async def _with_python(
        self, name: str, parent: ParentImage, source: ImageName | None, minor: str, shown: str, say: Say
    ) -> str:
        try:
            python = await self._packages.interpreter(minor, say)
            known = self._layout.find(tag_of(name, python))
            if known is not None:
                return known.digest
            rootfs = [self._data.images / "layers" / one for one in await self._rootfs(parent, source, say)]
            return await with_python(name, parent, python, rootfs, self._layout, self._data.work, say)
        except (LockFailed, Unsupported) as error:
            way = f" Where it is, `hubkiln base build --python {minor}` makes a base image that has it."
            raise Unsupported(
                f"The base image {shown} has no Python {minor}, and this machine cannot give it one: {error.message}",
                hint=f"{error.hint}{way if minor in stack_minors() else ''}",
            ) from error

    def _default(self) -> tuple[str, ParentImage, None]:
        tag = default_base(self._layout)
        if tag is None or (found := self._layout.find(tag)) is None:
            raise NotReady(
                "There is no base image on this machine yet.",
                hint="An admin's turn: make one with `hubkiln base build`, or name one with --base-image.",
            )
        return found.digest, read_parent(self._layout, found.digest), None

    async def _named(self, reference: str) -> tuple[str, ParentImage, ImageName | None]:
        """By digest, a base seen before costs no request; by a digest alone, it is one that is kept here."""
        if reference.startswith("sha256:"):
            if not self._layout.has(reference):
                raise NotFound(
                    f"The base image {reference[:19]} is not kept on this machine.",
                    hint="An admin's turn: say where it is: --base-image REGISTRY/NAME@sha256:…",
                )
            return reference, read_parent(self._layout, reference), None
        name = parse_name(reference)
        if name.digest is None or not self._layout.has(name.digest):
            async with self._clients() as client:
                found = await inspect_image(client, name)
                config = await client.read_blob(name, config_of(found.manifest.content()))
            self._layout.make().put(config)
            self._layout.put(found.manifest.data)
            name = found.name
        assert name.digest is not None
        return name.digest, read_parent(self._layout, name.digest), name

    def _labelled(self, parent: ParentImage) -> dict[str, Interpreter]:
        """What the label of our own base images says; empty for others."""
        label = labels_of(parent).get(LABEL_PYTHONS, "")
        return {
            minor: Interpreter(version=python.version, path=Path(python.path), roots=())
            for minor, python in read_pythons(label).items()
        }

    async def _probed(
        self, name: str, parent: ParentImage, source: ImageName | None, say: Say
    ) -> tuple[dict[str, Interpreter], tuple[str, str]]:
        """What is found by running every Python of the image once, and its users; remembered."""
        note = self._data.images / "grounds" / f"{name.removeprefix('sha256:')}.json"
        use(self._data.root, note)
        if (known := read_note(note)) is None:
            say("Looking for Python in the base image.\n")
            rootfs = await self._rootfs(parent, source, say)
            found = await pythons_of(self._data, self._engine, rootfs)
            places = places_of(self._data.rooms, rootfs)
            users = accounts(places, USER, HOME, UID, UID)
            known = {
                "pythons": {python.version: str(python.path) for python in found},
                "accounts": [text.decode() for text in users],
                "why": "" if found else without_glibc(places),
            }
            keep_note(note, known)
        pythons = [
            Interpreter(version=version, path=Path(path), roots=()) for version, path in known["pythons"].items()
        ]
        if not pythons:
            why = f"The base image has no Python that can be used. {known.get('why', '')}".strip()
            raise Unsupported(why, hint="Name one with CPython 3.10 or newer and glibc.")
        passwd, group = known["accounts"]
        return {python.minor: python for python in pythons}, (passwd, group)

    async def _rootfs(self, parent: ParentImage, source: ImageName | None, say: Say) -> tuple[str, ...]:
        async with self._turns.of(tuple(layer.diff_id for layer in parent.layers)):
            if source is not None and not self._has_all(parent):
                say(f"Pulling the base image {source}\n")
                async with self._clients() as client:
                    await pull_image(client, source, self._layout)
            self._learned(parent.layers, source)
            return await self._unpacked.ensure(parent.layers, self._layout, say)

    def _has_all(self, parent: ParentImage) -> bool:
        return all(self._layout.has(layer.descriptor.digest, layer.descriptor.size) for layer in parent.layers)


def default_base(layout: OciLayout) -> str | None:
    """Tag in `layout` of the base image that is taken where none is named."""
    names = layout.names()
    return next((name for name in (DEFAULT_BASE, *names) if name in names and name.startswith("base:")), None)


def read_parent(layout: OciLayout, digest: str) -> ParentImage:
    """The base image of a manifest in `layout`."""
    manifest: dict[str, Any] = json.loads(layout.read(digest))
    config: dict[str, Any] = json.loads(layout.read(config_of(manifest).digest))
    return ParentImage(layers=read_layers(manifest, config), config=config)


def config_of(manifest: Mapping[str, Any]) -> Descriptor:
    """Descriptor of a manifest's configuration."""
    return read_descriptor(manifest.get("config"))

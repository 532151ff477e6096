"""Gives a base image of ours the Python that a repository asks for: one more layer, an image of its own digest.

The base itself stays as it is; what comes out is kept in our layout beside it, so it is made once and can be found
again by its digest.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from hubkiln.composer.bases.debian.pythons import Libraries, library_names, moved_python
from hubkiln.composer.bases.pythons import pythons_label, read_pythons
from hubkiln.conventions import BASE_LABELS, LABEL_GLIBC, LABEL_PYTHONS, OLD_BASE_LABELS
from hubkiln.images import Image, OciLayout, ParentImage, Runtime, compose_image, write_layer
from hubkiln.values import Interpreter, Say

_PLACES = ("lib", "lib64", "usr/lib", "usr/lib64", "lib/*-linux-gnu", "usr/lib/*-linux-gnu")


def labels_of(base: ParentImage) -> dict[str, str]:
    """What a base image says of itself."""
    found = (base.config.get("config") or {}).get("Labels") or {}
    named = {str(name): str(value) for name, value in found.items()}
    old = {name: value for name, value in named.items() if name.startswith(OLD_BASE_LABELS)}
    return {BASE_LABELS + name.removeprefix(OLD_BASE_LABELS): value for name, value in old.items()} | named


def tag_of(name: str, python: Interpreter) -> str:
    """The tag, in our layout, of the base image with digest `name` once it has `python`."""
    return f"with-python:{name.removeprefix('sha256:')[:16]}-{python.version}"


async def with_python(
    name: str, base: ParentImage, python: Interpreter, rootfs: Sequence[Path], layout: OciLayout, work: Path, say: Say
) -> str:
    """
    The digest of `base` (whose digest is `name`, and whose unpacked layers are `rootfs`) with `python` of this machine.

    Raises:
        Unsupported: it cannot be moved, or needs libraries that the base has not.
    """
    tag = tag_of(name, python)
    if (found := layout.find(tag)) is not None:
        return found.digest
    say(f"Adding Python {python.version} to the base image.\n")
    stage = work / f"python-{uuid.uuid4().hex}"
    try:
        libraries = await asyncio.to_thread(_libraries, base, rootfs)
        moved, entries = await moved_python(python, libraries, stage, say)

        def write() -> Image:
            with layout.partial() as path:
                layer = write_layer(entries, path)
                layout.adopt(path, layer.descriptor.digest)
            pythons = [*read_pythons(labels_of(base).get(LABEL_PYTHONS, "")).values(), moved]
            runtime = Runtime(labels=((LABEL_PYTHONS, pythons_label(pythons)),))
            return compose_image(base, [(layer, f"Python {moved.version}")], runtime)

        image = await asyncio.to_thread(write)
    finally:
        await asyncio.to_thread(shutil.rmtree, stage, ignore_errors=True)
    layout.put(image.config)
    layout.put(image.manifest)
    layout.tag(tag, image.descriptor)
    return image.digest


def _libraries(base: ParentImage, rootfs: Sequence[Path]) -> Libraries:
    major, _, minor = labels_of(base).get(LABEL_GLIBC, "0.0").partition(".")
    return Libraries(names=library_names(_paths(rootfs)), glibc=(int(major), int(minor)))


def _paths(rootfs: Sequence[Path]) -> Iterator[str]:
    for folder in rootfs:
        for place in _PLACES:
            for path in folder.glob(f"{place}/*"):
                yield path.relative_to(folder).as_posix()

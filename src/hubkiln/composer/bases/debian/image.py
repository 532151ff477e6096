"""Builds the base image by one command: Debian packages, further Pythons, a skeleton; no root, no container engine.

What comes out is an OCI layout like any other image's: it can be pushed, run by an engine, or unpacked for the
sandbox. The same package versions and interpreters give the same digest.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubkiln.composer.bases.debian.pythons import libraries_of, moved_python
from hubkiln.composer.bases.debian.skeleton import skeleton
from hubkiln.composer.bases.debian.system import PACKAGES, debootstrap
from hubkiln.composer.bases.pythons import BasePython, pythons_label
from hubkiln.composer.bases.runtime import runtime
from hubkiln.conventions import LABEL_GLIBC, LABEL_PYTHONS, LABEL_SUITE
from hubkiln.errors import Unsupported
from hubkiln.images import Image, Layer, OciLayout, compose_image, write_layer
from hubkiln.trees import Entry
from hubkiln.values import Interpreter, Say

Named = tuple[Layer, str]
"""A layer and its line of history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRequest:
    """What kind of base image."""

    suite: str = "bookworm"
    packages: tuple[str, ...] = PACKAGES
    """Debian packages besides the minimal system's own."""
    pythons: tuple[Interpreter, ...] = ()
    """Interpreters of this machine to take along; one whose minor the distribution has is left out."""
    mirror: str | None = None
    """Where to fetch packages from; None means mmdebstrap's default. The image itself always names Debian's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """A base image in an OCI layout."""

    name: str
    """Its tag in the layout, ``base:bookworm``."""
    image: Image
    pythons: tuple[BasePython, ...]
    """The distribution's first, then by version."""

    @property
    def digest(self) -> str:
        """The manifest's."""
        return self.image.digest


async def build_base(request: BaseRequest, layout: OciLayout, say: Say) -> BaseImage:
    """
    Build the base image into `layout` and tag it ``base:<suite>``.

    Raises:
        BadSpec, BuildFailed, EngineMissing, Unreachable, DiskFull: see :func:`debootstrap`.
        Unsupported: none of the wanted Pythons can be taken along, and the distribution has none.
    """
    layout.make()
    with tempfile.TemporaryDirectory(prefix="hubkiln-base-") as folder:
        work = Path(folder)
        say(f"Unpacking Debian {request.suite}\n")
        system = await debootstrap(
            work / "system.tar", suite=request.suite, packages=request.packages, say=say, mirror=request.mirror
        )
        layers = [(await _layer(layout, system.entries), f"Debian {request.suite}")]
        pythons = [BasePython(system.python, f"/usr/bin/python{_minor(system.python)}")] if system.python else []
        for python in further(request.pythons, have=[python.minor for python in pythons]):
            stage = work / f"python-{python.minor}"
            try:
                found, entries = await moved_python(python, libraries_of(system), stage, say)
            except Unsupported as error:
                say(f"{error}\n")
                continue
            say(f"Python {found.version}\n")
            pythons.append(found)
            layers.append((await _layer(layout, entries), f"Python {found.version}"))
        layers.append((await _layer(layout, skeleton(system, request.suite)), "user, folders, entrypoint"))
    if not pythons:
        raise Unsupported("The base image would have no Python.", hint="Add the package python3, or an interpreter.")
    glibc = ".".join(map(str, system.glibc))
    labels = {LABEL_PYTHONS: pythons_label(pythons), LABEL_GLIBC: glibc, LABEL_SUITE: request.suite}
    return _tagged(layout, f"base:{request.suite}", layers, labels, pythons)


def further(pythons: Iterable[Interpreter], *, have: Sequence[str]) -> list[Interpreter]:
    """The newest of each minor that is not there yet, oldest minor first."""

    def number(python: Interpreter) -> tuple[int, ...]:
        return tuple(int(part) for part in python.version.split("."))

    newest = {python.minor: python for python in sorted(pythons, key=number)}
    return [python for minor, python in newest.items() if minor not in have]


def _tagged(
    layout: OciLayout, name: str, layers: Sequence[Named], labels: dict[str, str], pythons: list[BasePython]
) -> BaseImage:
    """Write the documents and the tag."""
    image = compose_image(None, layers, runtime(labels))
    layout.put(image.config)
    layout.put(image.manifest)
    layout.tag(name, image.descriptor)
    return BaseImage(name=name, image=image, pythons=tuple(pythons))


async def _layer(layout: OciLayout, entries: Iterable[Entry]) -> Layer:
    def make() -> Layer:
        with layout.partial() as path:
            layer = write_layer(entries, path)
            layout.adopt(path, layer.descriptor.digest)
            return layer

    return await asyncio.to_thread(make)


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])

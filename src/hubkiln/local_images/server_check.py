"""Before a hub starts an image that it did not build: is ``jupyterhub-singleuser`` in it, and how is it started?

The image's entrypoint goes first, as it would in a container; one that does not pass commands on is left out. What
was found is remembered, because an image never changes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hubkiln.conventions import PULLED_LABEL, SERVER
from hubkiln.data_dir import DataDir
from hubkiln.errors import ServiceError, Unsupported
from hubkiln.folders import keep_note, read_note
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import environment_variables, places_of
from hubkiln.local_images.verify import Run
from hubkiln.sandbox import Places
from hubkiln.stores import use
from hubkiln.values import Say

_VERSION = re.compile(r"(\d+)\.\d+\S*\Z")
_LAST_LINES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found in an image."""

    version: str
    """Of JupyterHub."""

    entrypoint: bool
    """Whether the entrypoint passes commands on."""


class ServerChecks:
    """Looks into images, each once; remembers in ``images/servers``."""

    def __init__(self, data: DataDir, run: Run) -> None:
        self._data, self._run = data, run

    async def ready(self, reference: str, image: LocalImage, say: Say) -> LocalImage:
        """
        `image` as a hub is to start it; `reference` is its local one, and `say` hears what may go wrong later.

        Raises:
            Unsupported: it has no ``jupyterhub-singleuser``, or that does not start.
        """
        path = self._data.images / "servers" / f"{reference.rpartition(':')[2]}.json"
        use(self._data.root, path)
        verdict = _remembered(path)
        if verdict is None:
            verdict = await self._examine(image, say)
            keep_note(path, asdict(verdict))
        for warning in warnings(image, verdict, hub_version()):
            say(f"{warning}\n")
        return image if verdict.entrypoint else replace(image, entrypoint=())

    async def _examine(self, image: LocalImage, say: Say) -> Verdict:
        there = image.environment is not None or has_program(image, places_of(self._data.rooms, image.rootfs), SERVER)
        if not there and not image.entrypoint:
            raise absent(image)
        say(f"Checking that {SERVER} starts in the image\n")
        version, said = await self._version(image, image.entrypoint)
        if version is not None:
            return Verdict(version=version, entrypoint=True)
        if not there:
            raise absent(image)
        if image.entrypoint:
            version, said = await self._version(image, ())
            if version is not None:
                return Verdict(version=version, entrypoint=False)
        raise Unsupported(
            f"The image {_name(image)} has {SERVER}, but it does not start: {said}",
            hint="Install `'jupyterhub>=6,<7'` in it again, or choose a repository.",
        )

    async def _version(self, image: LocalImage, entrypoint: Sequence[str]) -> tuple[str | None, str]:
        """The version it says, or None; and the end of all it said."""
        printed: list[str] = []
        code = await self._run(image, [*entrypoint, SERVER, "--version"], printed.append)
        lines = [line.strip() for line in "".join(printed).splitlines() if line.strip()]
        versions = [line for line in lines if _VERSION.match(line)]
        said = " ".join(lines[-_LAST_LINES:])[-1000:] or "it printed nothing."
        return (versions[-1] if code == 0 and versions else None), said


def has_program(image: LocalImage, places: Places, program: str) -> bool:
    """Whether `program` is on the image's ``PATH``, links followed as the image would follow them."""
    for folder in environment_variables(image)["PATH"].split(":"):
        try:
            found = places.find(posixpath.join("/", folder, program))
        except ServiceError:  # links without end
            continue
        if found is not None and found.is_file() and found.stat().st_mode & 0o111:
            return True
    return False


def absent(image: LocalImage) -> Unsupported:
    """The refusal of an image that no hub can start."""
    return Unsupported(
        f"The image {_name(image)} has no {SERVER} on its PATH, so no server of this hub can start in it.",
        hint="Add `pip install 'jupyterhub>=6,<7'` to it, or choose a repository.",
    )


def warnings(image: LocalImage, verdict: Verdict, hub: str) -> list[str]:
    """What may go wrong although it starts."""
    found = []
    if verdict.version.partition(".")[0] != hub.partition(".")[0]:
        found.append(
            f"Note: the image has JupyterHub {verdict.version} and this hub is {hub}; if its server does not come up, "
            "that is why."
        )
    if not verdict.entrypoint:
        words = " ".join(image.entrypoint)[:100]
        found.append(f"Note: the image's entrypoint ({words}) does not start what it is given, so it is left out.")
    return found


def hub_version() -> str:
    """JupyterHub's version here."""
    from importlib.metadata import version

    return version("jupyterhub")


def _name(image: LocalImage) -> str:
    return dict(image.labels).get(PULLED_LABEL, image.name).partition("@")[0]


def _remembered(path: Path) -> Verdict | None:
    try:
        return Verdict(**(read_note(path) or {}))
    except TypeError:
        return None

"""Where packages come from, as hosts that steps may reach: the index, and the Debian mirrors of a base image."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from hubkiln.composer.steps.conda import CondaCommand
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.data_dir import DataDir
from hubkiln.egress import Host
from hubkiln.local_images import places_of

FILES_OF = {"pypi.org": "files.pythonhosted.org"}
"""Where an index keeps its files, if that is not itself."""

KNOWN = frozenset(
    ("deb.debian.org", "security.debian.org", "archive.ubuntu.com", "security.ubuntu.com", "ports.ubuntu.com")
)
"""Mirrors that are what their names say also where a network answers for them with an address of its own."""

_PORTS = {"http": 80, "https": 443}
_ADDRESS = re.compile(r"^(?:deb(?:-src)?\s|URIs:).*?(?P<url>https?://[^\s\]]+)", re.MULTILINE)


def with_packages(
    settings: StepSettings, index: str, data: DataDir, rootfs: Sequence[str], conda: CondaCommand | None = None
) -> StepSettings:
    """
    `settings` for a step over `rootfs`, with the package index `index` and `conda`, if it calls that: all by name, if
    steps may reach them.
    """
    if not settings.reach.packages:
        return settings
    channels = (host for one in (conda.addresses if conda else ()) for host in index_hosts(one))
    return replace(
        settings, reach=settings.reach.with_hosts((*index_hosts(index), *channels, *apt_hosts(data, rootfs)))
    )


def index_hosts(index: str) -> tuple[Host, ...]:
    """The host of the package index at the address `index`, which the admin chose, and where its files are."""
    found = urlsplit(index)
    if found.hostname is None:
        return ()
    host = Host(name=found.hostname, port=found.port or _PORTS.get(found.scheme), inside=True)
    files = FILES_OF.get(found.hostname)
    return (host,) if files is None else (host, Host(name=files, port=443, inside=True))


def apt_hosts(data: DataDir, rootfs: Sequence[str]) -> tuple[Host, ...]:
    """The hosts in ``/etc/apt`` of the image with these layers: whoever chose it names them, so only public ones,
    and those that everybody knows."""
    found = (urlsplit(match["url"]) for text in _lists(data, rootfs) for match in _ADDRESS.finditer(text))
    hosts = {
        Host(name=one.hostname, port=one.port or _PORTS[one.scheme], inside=one.hostname in KNOWN)
        for one in found
        if one.hostname
    }
    return tuple(sorted(hosts, key=str))


def _lists(data: DataDir, rootfs: Sequence[str]) -> Iterator[str]:
    folder = "etc/apt/sources.list.d"
    layers = [data.images / "layers" / name / folder for name in rootfs]
    names = {path.name for layer in layers if _is_folder(layer) for path in layer.iterdir()}
    places = places_of(data.rooms, rootfs)
    for path in ("/etc/apt/sources.list", *(f"/{folder}/{name}" for name in sorted(names))):
        file = places.find(path)
        if file is not None and file.is_file() and path.endswith((".list", ".sources")):
            yield file.read_text(errors="replace")


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()

"""Solves and places conda packages with rattler, beside what is there."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .channels import address
from .environment import name_of, plain, wheels
from .refused import Refused

if TYPE_CHECKING:
    import rattler


async def install(specs: Sequence[str], urls: list[str], here: Path, settings: dict[str, Any]) -> None:
    """
    Place what `specs` ask for, and all it needs, beside what is there.

    Raises:
        Refused: it cannot be had, or not with what is there.
    """
    from rattler import Gateway, MatchSpec, PrefixRecord, Version, solve

    there = [PrefixRecord.from_path(path) for path in sorted((here / "conda-meta").glob("*.json"))]
    ours, wanted = wheels(here), []
    for spec in specs:
        if (version := ours.get(plain(name_of(spec)))) is None:
            wanted.append(_on_channel(spec, urls, settings))
            continue
        limit = MatchSpec(spec.rpartition("::")[2]).version
        if limit is not None and not _matches(limit, Version(version)):
            raise Refused(f"`{spec}`: {name_of(spec)} {version} is there, from PyPI; ask for it in environment.yml.")
        print(f"{name_of(spec)} {version} is there already, from PyPI.")
    if not wanted:
        return
    with tempfile.TemporaryDirectory() as cache:
        try:
            records = await solve(
                sources=urls,
                specs=[*map(MatchSpec, wanted), *(str(one.name.normalized) for one in there)],
                gateway=Gateway(cache_dir=Path(cache, "index")),
                platforms=[settings["platform"], "noarch"],
                pinned_packages=there,
                virtual_packages=offered(settings),
                channel_relations="disabled",
                exclude_newer=datetime.fromisoformat(settings["as_of"]) if settings.get("as_of") else None,
            )
        except Exception as error:  # rattler's own, of many classes
            raise Refused(_unsolved(str(error), specs)) from error
        await _place(records, there, ours, here, cache, settings)


def _on_channel(spec: str, urls: list[str], settings: dict[str, Any]) -> str:
    """`spec` with the address of the channel that it names, which joins `urls`."""
    channel, found, rest = spec.strip().rpartition("::")
    if not found:
        return rest
    if (url := address(channel, settings)) is None:
        return rest
    if url not in urls:
        urls.append(url)
    return f"{url}::{rest}"


def _matches(limit: Any, version: rattler.Version) -> bool:
    from rattler import VersionSpec

    return bool(VersionSpec(str(limit)).matches(version))


def _unsolved(text: str, specs: Sequence[str]) -> str:
    shown = "; ".join(line.strip(" ├└─│") for line in text.strip().splitlines()[:6])[:900]
    kept = "what the environment has stays as it is, so another version of it is to be asked for in environment.yml"
    return f"`{' '.join(specs)}` cannot be had: {shown} ({kept})."


def offered(settings: dict[str, Any]) -> list[rattler.GenericVirtualPackage]:
    """What the system offers, in conda's words."""
    from rattler import GenericVirtualPackage, PackageName, Version
    from rattler.package import BuildString

    rows = {"__unix": ("0", "0"), "__linux": ("5.10", "0"), "__glibc": (settings["glibc"], "0")}
    rows["__archspec"] = ("1", "aarch64" if settings["platform"] == "linux-aarch64" else "x86_64")
    return [
        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
        for name, (version, build) in rows.items()
    ]


async def _place(
    records: list[rattler.RepoDataRecord],
    there: list[rattler.PrefixRecord],
    ours: dict[str, str],
    here: Path,
    cache: str,
    settings: dict[str, Any],
) -> None:
    from rattler import Subdir
    from rattler import install as link

    had = {one.name.normalized: one for one in there}
    new = [one for one in records if one.name.normalized not in had]
    for one in [one for one in new if plain(one.name.normalized) in ours]:
        new.remove(one)
        version = ours[plain(one.name.normalized)]
        print(f"{one.name.normalized} {one.version} is left out: {version} is there, from PyPI.")
    await link(
        [*there, *new],
        target_prefix=here,
        cache_dir=Path(cache, "packages"),
        installed_packages=there,
        platform=Subdir(settings["platform"]),
        execute_link_scripts=True,
        show_progress=False,
    )
    for one in new:
        print(f"  + {one.name.normalized} {one.version} {one.build}")
    print(f"{len(new)} conda packages were placed." if new else "All of it is there already, and stays as it is.")

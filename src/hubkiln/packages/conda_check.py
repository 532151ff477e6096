"""Looks through a conda package before it is unpacked; runs in :mod:`hubkiln.packages.conda_worker`.

rattler 0.28 trusts a package's own list of paths when it places files: a path with ``..`` in it is followed out of
the prefix, and a link that is listed as a text file is read through. So the list and the members are compared.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from hubkiln.beneath import DEEPEST
from hubkiln.errors import BuildFailed, HubkilnError, TooLarge
from hubkiln.packages.conda_values import CondaPackage

if TYPE_CHECKING:
    import rattler


async def look_through(package: CondaPackage, path: Path, most_bytes: int) -> dict[str, Any]:
    """
    What the archive places, as ``{"files": […], "links": […]}``.

    Raises:
        BuildFailed: it lists a path outside the prefix, or something as what it is not.
        TooLarge: it unpacks to more than allowed.
    """
    from rattler.package_streaming import PackageArchive

    try:
        archive = await PackageArchive.from_path(path)
        plain, links = await _members(package, archive, most_bytes)
        listed = await _listed(archive, links)
    except HubkilnError:
        raise
    except Exception as error:
        raise _refused(package, f"it cannot be read ({(str(error).splitlines() or ['broken'])[0]})") from error
    for name, kind in listed.items():
        _check_name(package, name)
        if kind != "folder" and name not in (links if kind == "link" else plain):
            raise _refused(package, f"its list of files does not fit what is in it ({name[:120]})")
    return {
        "files": sorted(name for name, kind in listed.items() if kind == "file"),
        "links": sorted(name for name, kind in listed.items() if kind == "link"),
    }


async def _members(
    package: CondaPackage, archive: rattler.package_streaming.PackageArchive, most_bytes: int
) -> tuple[set[str], set[str]]:
    """Names of the plain files (hard links among them count) and of the symbolic links in the archive's payload."""
    plain: set[str] = set()
    links: set[str] = set()
    left = most_bytes
    async for member in archive.stream("pkg"):
        name = member.name.removeprefix("./")
        left -= member.size
        if left < 0:
            raise TooLarge(
                f"The conda package {package.filename} is too large unpacked.", hint="Ask for fewer packages."
            )
        if member.is_symlink:
            links.add(name)
        elif member.is_hardlink:
            if (member.link_target or "").removeprefix("./") not in plain:
                raise _refused(package, "it has a hard link to something outside it")
            plain.add(name)
        elif member.is_file:
            plain.add(name)
    return plain, links


async def _listed(archive: rattler.package_streaming.PackageArchive, links: set[str]) -> dict[str, str]:
    """Paths the package will place, each as ``file``, ``link`` or ``folder``; the oldest packages have a bare list."""
    found = await archive.read_files(["info/paths.json", "info/files"])
    if (paths := found["info/paths.json"]) is None:
        names = (found["info/files"] or b"").decode().split("\n")
        return {name: "link" if name in links else "file" for name in names if name}
    kinds = {"hardlink": "file", "softlink": "link", "directory": "folder"}
    return {row["_path"]: kinds[row["path_type"]] for row in json.loads(paths)["paths"]}


def _check_name(package: CondaPackage, name: str) -> None:
    parts = PurePosixPath(name).parts
    bad = (
        not 0 < len(parts) <= DEEPEST
        or name.startswith("/")
        or ".." in parts
        or "\0" in name
        or parts[0] == "conda-meta"
    )
    if bad or any(part.startswith(".wh.") for part in parts):
        raise _refused(package, f"it places a file where no package may ({name[:120]})")


def _refused(package: CondaPackage, why: str) -> BuildFailed:
    return BuildFailed(f"The conda package {package.filename} is refused: {why}.", hint="Use another build or channel.")

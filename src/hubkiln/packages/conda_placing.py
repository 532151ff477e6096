"""Places conda packages, already checked, with rattler; runs in :mod:`hubkiln.packages.conda_worker`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkiln.beneath import Beneath, change_mode
from hubkiln.errors import BuildFailed, DiskFull, HubkilnError
from hubkiln.packages.conda_values import Archive
from hubkiln.removal import remove

if TYPE_CHECKING:
    import rattler

_LARGEST_RECORD = 256 << 20
"""Bytes of what rattler notes of a package: a list of its files."""


async def place(archives: Sequence[Archive], platform: str, work: Path, target: str) -> None:
    """
    Make ``prefix`` in the folder `work` of `archives`, for use at `target`.

    Raises:
        BuildFailed: rattler refuses. DiskFull.
    """
    unpacked = work / "unpacked"
    try:
        await _link(archives, platform, work / "prefix", unpacked, target)
        _tidy(work / "prefix", archives)
    except HubkilnError:
        raise
    except Exception as error:
        raise _explained(error) from error
    finally:
        remove(unpacked)


async def _link(archives: Sequence[Archive], platform: str, prefix: Path, unpacked: Path, target: str) -> None:
    """Have rattler place the packages. It unpacks beside the prefix, so that files are linked and nothing is shared."""
    from rattler import Subdir, install

    prefix.parent.mkdir(parents=True, exist_ok=True)
    await install(
        [_record(archive) for archive in archives],
        target_prefix=prefix,
        cache_dir=unpacked,
        installed_packages=[],
        platform=Subdir(platform),
        execute_link_scripts=False,
        show_progress=False,
        alternative_target_prefix=target,
    )


def _record(archive: Archive) -> rattler.RepoDataRecord:
    """The package as rattler's record, to be taken from our checked copy."""
    from rattler import PackageRecord, RepoDataRecord
    from rattler.package import BuildString, NoArchType

    package = archive.package
    record = PackageRecord(
        name=package.name,
        version=package.version,
        build=BuildString(package.build),
        build_number=package.build_number,
        subdir=package.subdir,
        noarch=NoArchType(package.noarch or None),  # type: ignore[arg-type]
        depends=list(package.depends),
        constrains=list(package.constrains),
        sha256=bytes.fromhex(package.sha256),
        size=package.size,
        license=package.license or None,
        python_site_packages_path=package.site_packages or None,
    )
    return RepoDataRecord(record, package.filename, archive.path.absolute().as_uri(), package.channel)


def _tidy(prefix: Path, archives: Sequence[Archive]) -> None:
    """Take out of `prefix` what depends on this machine."""
    (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)
    by_stem = {f"{p.name}-{p.version}-{p.build}": p for p in (archive.package for archive in archives)}
    with Beneath(prefix) as beneath:
        with beneath.folder("conda-meta", make=True) as records:
            names = records.names()
        for name in names:
            if (package := by_stem.get(name.removesuffix(".json"))) is not None:
                record = json.loads(beneath.read(f"conda-meta/{name}", _LARGEST_RECORD) or b"{}")
                for local in ("extracted_package_dir", "package_tarball_full_path", "link", "md5"):
                    record.pop(local, None)
                record |= {"url": package.url, "channel": package.channel}
                text = json.dumps(record, indent=1, sort_keys=True) + "\n"
                beneath.write(f"conda-meta/{name}", text.encode())
        for found in beneath.walk():
            executable = found.is_folder or found.status.st_mode & 0o100
            change_mode(found.name, found.folder, 0o755 if executable else 0o644)


def _explained(error: Exception) -> HubkilnError:
    lines = str(error).splitlines() or [type(error).__name__]
    if "os error 28" in str(error) or "No space left" in str(error):
        return DiskFull(hint="Free space in the data folder, then try again.")
    return BuildFailed(f"The conda packages cannot be placed: {lines[-1]}.", hint="Build with a fresh lock (refresh).")

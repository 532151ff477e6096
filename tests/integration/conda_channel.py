"""A conda channel in a folder: packages written by hand, in both formats, with their ``repodata.json``.

There is no conda-forge where these tests run, and none is needed: the format is a tar, some JSON and a hash.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLACEHOLDER = "/opt/placehold_placehold_placehold_placehold_placehold_placehold_placehold_placehold"
"""What stands in a package's files for the prefix it will be installed at."""


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a package."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    prefix: str = ""
    """``text`` or ``binary`` where the file holds the placeholder."""
    placeholder: str = PLACEHOLDER
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One build of one package."""

    name: str
    version: str
    build: str = "0"
    depends: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    noarch: bool = False
    entry_points: tuple[str, ...] = ()
    timestamp: int = 1_600_000_000_000
    """Milliseconds since 1970."""
    really: tuple[File, ...] = ()
    """What the archive holds instead of `files`, for a package whose list of files lies."""
    bare: bool = False
    """Without ``paths.json``, as the oldest packages are."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further or other keys for the index."""

    @property
    def stem(self) -> str:
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def subdir(self) -> str:
        return "noarch" if self.noarch else "linux-64"

    def index(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "subdir": self.subdir,
            "timestamp": self.timestamp,
        }
        if self.noarch:
            record["noarch"] = "python"
        return record | self.extra


def write_channel(folder: Path, *packages: Package, as_tar_bz2: tuple[str, ...] = ()) -> str:
    """Write `packages` (those in `as_tar_bz2` in the older format) and their index; returns the ``file://`` URL."""
    for subdir in ("linux-64", "noarch"):
        home = folder / subdir
        home.mkdir(parents=True)
        repodata: dict[str, Any] = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}, "removed": []}
        for package in (p for p in packages if p.subdir == subdir):
            old = package.name in as_tar_bz2
            data = _tar_bz2(package) if old else _conda(package)
            name = package.stem + (".tar.bz2" if old else ".conda")
            (home / name).write_bytes(data)
            hashes = {
                "sha256": hashlib.sha256(data).hexdigest(),
                "md5": hashlib.md5(data).hexdigest(),
                "size": len(data),
            }
            repodata["packages" if old else "packages.conda"][name] = hashes | package.index()
        (home / "repodata.json").write_text(json.dumps(repodata, indent=1))
    return folder.as_uri()


def python(version: str = "3.11.9", *, timestamp: int = 1_600_000_000_000) -> Package:
    """Something that is laid out as conda's Python; its ``bin/python`` is a shell script."""
    minor = ".".join(version.split(".")[:2])
    return Package(
        name="python",
        version=version,
        timestamp=timestamp,
        files=(
            File(path=f"bin/python{minor}", data=b'#!/bin/sh\necho "conda python"\n', mode=0o755),
            File(path="bin/python", link=f"python{minor}"),
            File(path=f"lib/python{minor}/os.py", data=b"sep = '/'\n"),
            File(path=f"lib/python{minor}/sysconfig.txt", data=f"prefix={PLACEHOLDER}\n".encode(), prefix="text"),
            File(path=f"lib/libpython{minor}.so", data=binary(), prefix="binary"),
        ),
    )


def noarch_python(name: str, version: str, *, depends: tuple[str, ...] = ("python >=3.8",)) -> Package:
    """A pure-Python package with a console script and the metadata pip looks for."""
    return Package(
        name=name,
        version=version,
        build="py_0",
        noarch=True,
        depends=depends,
        entry_points=(f"{name} = {name}:main",),
        files=(
            File(path=f"site-packages/{name}/__init__.py", data=b"def main():\n    print('hello')\n"),
            File(
                path=f"site-packages/{name}-{version}.dist-info/METADATA",
                data=f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
            ),
        ),
    )


def binary() -> bytes:
    """Bytes with the placeholder as a C string, and something after it that must stay where it is."""
    return b"\x7fELF\0\0" + PLACEHOLDER.encode() + b"/lib\0tail\xff\0"


def _info(package: Package) -> list[File]:
    paths: list[dict[str, Any]] = []
    for file in package.files:
        row: dict[str, Any] = {
            "_path": file.path,
            "path_type": "softlink" if file.link else "hardlink",
            "sha256": hashlib.sha256(file.data).hexdigest(),
            "size_in_bytes": len(file.data),
        }
        if file.prefix:
            row |= {"prefix_placeholder": file.placeholder, "file_mode": file.prefix}
        paths.append(row)
    info = [
        File(path="info/index.json", data=json.dumps(package.index()).encode()),
        File(path="info/files", data="".join(f"{file.path}\n" for file in package.files).encode()),
    ]
    if not package.bare:
        info.append(File(path="info/paths.json", data=json.dumps({"paths": paths, "paths_version": 1}).encode()))
    if package.noarch:
        link = {"noarch": {"type": "python", "entry_points": list(package.entry_points)}, "package_metadata_version": 1}
        info.append(File(path="info/link.json", data=json.dumps(link).encode()))
    return info


def _tar(files: list[File]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.mode = file.mode
            if file.link:
                member.type, member.linkname = tarfile.SYMTYPE, file.link
            else:
                member.size = len(file.data)
            tar.addfile(member, io.BytesIO(file.data))
    return buffer.getvalue()


def _tar_bz2(package: Package) -> bytes:
    return bz2.compress(_tar([*_info(package), *(package.really or package.files)]))


def _conda(package: Package) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in (
            ("metadata.json", b'{"conda_pkg_format_version": 2}'),
            (f"pkg-{package.stem}.tar.zst", _zstd(_tar(list(package.really or package.files)))),
            (f"info-{package.stem}.tar.zst", _zstd(_tar(_info(package)))),
        ):
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def _zstd(data: bytes) -> bytes:
    """A Zstandard frame of uncompressed blocks (RFC 8878): the standard library has no encoder yet."""
    frame = b"\x28\xb5\x2f\xfd" + b"\xa0" + len(data).to_bytes(4, "little")
    blocks = [data[at : at + 131072] for at in range(0, len(data), 131072)] or [b""]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        frame += (len(block) << 3 | int(last)).to_bytes(3, "little") + block
    return frame

"""Makes small wheels, good ones and bad ones, for tests."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

Files = Mapping[str, bytes | str]


def make_wheel(
    folder: Path,
    name: str = "tiny",
    version: str = "1.0",
    files: Files | None = None,
    *,
    requires: Iterable[str] = (),
    entry_points: str = "",
    executable: Iterable[str] = (),
    metadata: Files | None = None,
    left_out: Iterable[str] = (),
    extra: Iterable[tuple[zipfile.ZipInfo, bytes]] = (),
    tag: str = "py3-none-any",
    filename: str | None = None,
    compression: int = zipfile.ZIP_DEFLATED,
) -> Path:
    """
    Write a wheel into `folder`. `files` are named as in the archive; `metadata` replaces files of the dist-info
    folder and `left_out` drops some; `extra` is written as it is, after everything else.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    requires_lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    described: dict[str, bytes | str] = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires_lines}",
        "WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **({"entry_points.txt": entry_points} if entry_points else {}),
        **(metadata or {}),
    }
    content = {path: _bytes(data) for path, data in (files if files is not None else {f"{name}.py": "X = 1\n"}).items()}
    content |= {f"{stem}.dist-info/{path}": _bytes(data) for path, data in described.items() if path not in left_out}
    if "RECORD" not in described and "RECORD" not in set(left_out):
        content[f"{stem}.dist-info/RECORD"] = _record(content, f"{stem}.dist-info/RECORD")
    path = folder / (filename or f"{stem}-{tag}.whl")
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member, data in content.items():
            info = zipfile.ZipInfo(member)
            info.compress_type = compression
            info.external_attr = (stat.S_IFREG | (0o755 if member in set(executable) else 0o644)) << 16
            archive.writestr(info, data)
        for info, data in extra:
            archive.writestr(info, data)
    return path


def _bytes(data: bytes | str) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _record(content: Mapping[str, bytes], own: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for path, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        writer.writerow((path, f"sha256={digest}", len(data)))
    writer.writerow((own, "", ""))
    return text.getvalue().encode()

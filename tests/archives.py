"""Archives for tests, well-meant and hostile."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Mapping

Entry = tuple[tarfile.TarInfo, bytes]


def zipped(files: Mapping[str, bytes | str], *, modes: Mapping[str, int] | None = None) -> bytes:
    """A zip archive; names that end with a slash are folders, `modes` are whole ones (``0o120777`` is a link)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(info, content)
    return packed.getvalue()


def entry(
    name: str, content: bytes = b"", *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> Entry:
    """One entry for :func:`tarred`."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, link, mode, len(content)
    return info, content


def tarred(*entries: Entry, packing: str = "gz") -> bytes:
    """A tar archive of `entries`, packed as `packing` says: ``gz``, ``bz2``, ``xz`` or nothing."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{packing}") as archive:  # type: ignore[call-overload]
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()

"""Packs the folder ``deliver`` into one file that any Python runs: the same bytes on any machine."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path

_MAIN = b"from deliver import main\n\nmain()\n"


@cache
def delivering() -> bytes:
    """The program that brings a repository's files to a home, as one file for ``python <file>``."""
    folder = Path(__file__).with_name("deliver")
    files = {f"deliver/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.py"))}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in {"__main__.py": _MAIN, **files}.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()

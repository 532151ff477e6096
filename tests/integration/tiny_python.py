"""A tiny root file system that also has this machine's Python, as much of it as an agent needs."""

from __future__ import annotations

import io
import subprocess
import tarfile
from functools import cache
from pathlib import Path

import tiny_root
from tiny_image import libraries

from hubkiln.pods import agent

PYTHON = Path("/usr/bin/python3")
_LISTED = f"""
import sys, runpy
sys.argv = ["agent"]
runpy.run_path({agent.__file__!r}, run_name="loaded")
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""


def works_here() -> bool:
    """True where such a root can be made."""
    return tiny_root.works_here() and PYTHON.exists()


@cache
def layer() -> bytes:
    """As :func:`tiny_root.layer`, with Python and a few more programs."""
    said = subprocess.run([PYTHON, "-I", "-S", "-c", _LISTED], capture_output=True, text=True, check=True).stdout
    paths = {Path(line) for line in said.split() if line.startswith("/usr")}
    paths |= {PYTHON.resolve(), *libraries(PYTHON)}
    paths |= set(Path(next(iter(path for path in paths if path.name == "os.py"))).parent.glob("encodings/*.py"))
    base = io.BytesIO(tiny_root.layer("mkfifo", "mknod", "mv"))
    with tarfile.open(fileobj=base, mode="a") as archive:
        for path in sorted(paths):
            data = path.read_bytes()
            member = tarfile.TarInfo(str(path).lstrip("/"))
            member.size, member.mode = len(data), 0o755
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, PYTHON.resolve().name
        archive.addfile(link)
    return base.getvalue()

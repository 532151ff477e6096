"""The base image, built once for all tests that need one and kept between runs while our code stays the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest
from kept import CACHE, alone

import hubkiln.composer.bases
from hubkiln.composer.bases.debian.image import BaseRequest, build_base
from hubkiln.errors import EngineMissing
from hubkiln.images.layout import OciLayout
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.sandbox.user_namespace import subordinate

SUBUID = Path("/etc/subuid")


def can_be_made() -> bool:
    """True where there is what making it needs: mmdebstrap, and uids for the owners of its files."""
    try:
        return shutil.which("mmdebstrap") is not None and (os.geteuid() == 0 or bool(subordinate(SUBUID, os.geteuid())))
    except EngineMissing:
        return False


needs_base = pytest.mark.skipif(
    not can_be_made(), reason="mmdebstrap is not installed, or this user has no range in /etc/subuid"
)


def kept_base() -> OciLayout:
    """A layout with ``base:bookworm``, and in it one further Python if this machine has one."""
    sources = sorted(Path(hubkiln.composer.bases.__path__[0]).rglob("*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    made = OciLayout(CACHE / f"base-{key}")
    with alone("base"):
        if made.find("base:bookworm") is None:
            for old in CACHE.glob("base-*"):
                if old.stat().st_mtime < time.time() - 86400:
                    shutil.rmtree(old)
            asyncio.run(_build(made))
    return made


async def _build(layout: OciLayout) -> None:
    further = [python for python in await find_interpreters() if python.roots][:1]
    await build_base(BaseRequest(pythons=tuple(further)), layout, lambda text: None)


def give_base(data: Path) -> None:
    """Give `data` the base image that is kept."""
    if OciLayout(data / "layers").find("base:bookworm") is None:
        shutil.copytree(kept_base().root, data / "layers", copy_function=_linked, dirs_exist_ok=True)


def _linked(source: str, target: str) -> None:
    if Path(target).exists() and "/blobs/" in source:
        return
    try:
        os.link(source, target) if "/blobs/" in source else shutil.copy2(source, target)
    except OSError:  # the cache is on another disk
        shutil.copy2(source, target)

"""The base image, built once for all tests that need one and kept in pytest's cache while our code stays the same."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from pathlib import Path

import pytest

import hubkiln.composer
from hubkiln.composer.base_image import BaseRequest, build_base
from hubkiln.images.layout import OciLayout
from hubkiln.packages.interpreters import find_interpreters


def kept_base(cache: pytest.Cache) -> OciLayout:
    """A layout with ``base:bookworm``, and in it one further Python if this machine has one."""
    sources = sorted(Path(hubkiln.composer.__path__[0]).glob("base_*.py"))
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    made = OciLayout(cache.mkdir("hubkiln-base") / key)
    if not (made.root / "index.json").exists():
        asyncio.run(_build(made))
    return made


async def _build(layout: OciLayout) -> None:
    further = [python for python in await find_interpreters() if python.roots][:1]
    await build_base(BaseRequest(pythons=tuple(further)), layout, lambda text: None)


def give_base(data: Path, cache: pytest.Cache) -> None:
    """Give `data` the base image that is kept."""
    if OciLayout(data / "layers").find("base:bookworm") is None:
        shutil.copytree(kept_base(cache).root, data / "layers", copy_function=_linked, dirs_exist_ok=True)


def _linked(source: str, target: str) -> None:
    if Path(target).exists() and "/blobs/" in source:
        return
    try:
        os.link(source, target) if "/blobs/" in source else shutil.copy2(source, target)
    except OSError:  # the cache is on another disk
        shutil.copy2(source, target)

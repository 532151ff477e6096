"""The base image, built once for all tests that need one and kept in pytest's cache while our code stays the same."""

from __future__ import annotations

import asyncio
import hashlib
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

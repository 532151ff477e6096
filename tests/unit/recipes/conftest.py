"""Checkouts written in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write({"requirements.txt": "numpy"})` makes a checkout and returns its root."""

    def into(files: dict[str, str | bytes]) -> Path:
        root = tmp_path / "checkout"
        root.mkdir(exist_ok=True)
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return into

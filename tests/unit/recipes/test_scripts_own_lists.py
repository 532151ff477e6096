"""Scripts that say themselves which packages they need: not read, and said where it would be missed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.recipes import Reading, read

Write = Callable[..., Path]
OWN = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["pandas"]\n# ///\nimport pandas\n'
SAID = "The packages that scripts list themselves (`# /// script` in {}) are not installed"


def notebook(source: list[str]) -> str:
    """As Jupyter writes them."""
    return json.dumps({"cells": [{"cell_type": "code", "source": source}]}, indent=1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("app.py", OWN),
        ("app.py", "#!/usr/bin/env -S uv run --script\n" + OWN),
        ("app.py", OWN.replace("\n", "\r\n")),
        ("lessons/one/app.py", OWN),
        ("analysis.ipynb", notebook(OWN.splitlines(keepends=True))),
    ],
)
async def test_they_are_named_where_nothing_else_asks(write: Write, path: str, text: str) -> None:
    """In the process that reads strangers' recipes too."""
    root = write({path: text})
    (warning,) = read(root).warnings
    assert warning.startswith(SAID.format(f"`{path}`"))
    with Reading() as reading:
        assert (await reading.read(root)).warnings == (warning,)


def test_many_are_not_all_named(write: Write) -> None:
    """Three say what is meant."""
    (warning,) = read(write({f"lesson{number}.py": OWN for number in range(5)})).warnings
    assert warning.count(".py`") == 3 and "`, …)" in warning


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": OWN, "requirements.txt": "pandas\n"},
        {"app.py": OWN, "environment.yml": "dependencies: [pandas]\n"},
        {"app.py": 'TEXT = "# /// script"\n'},
        {"readme.md": OWN},
        {".hidden/app.py": OWN},
        {"a/b/c/app.py": OWN},
    ],
)
def test_nothing_is_said_where_nothing_is_missed(write: Write, files: dict[str, str]) -> None:
    """Beside a recipe they are run by other tools, on their own."""
    assert read(write(files)).warnings == ()


def test_what_cannot_be_read_is_no_script(write: Write, tmp_path: Path) -> None:
    """Links, pipes and files that are closed hold nobody up."""
    root = write({"fine.txt": ""})
    (tmp_path / "outside.py").write_text(OWN)
    (root / "away.py").symlink_to(tmp_path / "outside.py")
    os.mkfifo(root / "pipe.py")
    assert read(root).warnings == ()

"""A data folder, an interpreter and an index of tiny wheels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.values import Interpreter
from index_server import Index, serve


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """Empty stores."""
    return DataDir(tmp_path / "data").make()


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """An empty folder for wheels."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    return folder


@pytest.fixture
def index(wheelhouse: Path) -> Iterator[Index]:
    """The wheelhouse, served over HTTP."""
    with serve(wheelhouse) as running:
        yield running


@pytest.fixture(scope="session")
def python() -> Interpreter:
    """The interpreter that runs the tests."""
    version = ".".join(map(str, sys.version_info[:3]))
    return Interpreter(version=version, path=Path(sys.executable).resolve(), roots=())

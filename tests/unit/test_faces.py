"""The faces of packages: one place to import from, and nothing loaded before it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src/hubkiln"
FACES = sorted(
    ".".join(path.parent.relative_to(SOURCE).parts)
    for path in SOURCE.rglob("__init__.py")
    if "lazily(__name__)" in path.read_text()
)


@pytest.mark.parametrize("package", FACES)
def test_every_name_of_a_face_can_be_had(package: str) -> None:
    """What ``__all__`` promises is there."""
    face = import_module(f"hubkiln.{package}")
    assert face.__all__
    assert all(getattr(face, name) is not None for name in face.__all__)


@pytest.mark.parametrize("package", FACES)
def test_no_name_of_a_face_is_also_a_module(package: str) -> None:
    """Python would give one or the other, depending on what was loaded before."""
    modules = {path.stem for path in SOURCE.joinpath(*package.split(".")).iterdir()}
    assert not modules & set(import_module(f"hubkiln.{package}").__all__)


@pytest.mark.parametrize("package", FACES)
def test_a_face_loads_nothing_by_itself(package: str) -> None:
    """Small helper programs and ``--help`` go through faces too."""
    code = f"import sys, hubkiln.{package}; print(*(name for name in sys.modules if name.startswith('hubkiln.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    above = package.partition(".")[0]
    assert set(loaded) == {"hubkiln.faces", f"hubkiln.{above}", f"hubkiln.{package}"}


def test_a_name_that_no_face_has_is_an_attribute_error() -> None:
    """As of any module, so that ``hasattr`` and ``from … import`` work as ever."""
    with pytest.raises(AttributeError, match=r"'hubkiln\.images' has no attribute 'nonesuch'"):
        _ = import_module("hubkiln.images").nonesuch
    assert not hasattr(import_module("hubkiln.packages"), "__path_of_nothing__")

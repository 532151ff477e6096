"""The one object that the composer uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.packages.interface import Lock, LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.packages import Packages
from hubkiln.testing.packages import FakeLocker, release
from hubkiln.values import Interpreter
from index_server import Index
from wheels import make_wheel


def quiet(text: str) -> None:
    """Say nothing."""


async def test_overlapping_packages_are_told(
    data: DataDir, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """The log says which file of which package lies there."""
    wheels = [index.wheel(make_wheel(wheelhouse, name, files={"same.py": name})) for name in ("one", "two")]
    said: list[str] = []
    packages = Packages(data, locker=FakeLocker(wheels))
    lock = await packages.lock(LockRequest(requirements=("one", "two"), python=python, stack=False), quiet)
    environment = await packages.environment(lock, python, said.append)
    site = f"lib/python{python.minor}/site-packages"
    assert (environment.path / site / "same.py").read_text() == "two"
    assert f"Note: {site}/same.py comes with one and with two; two's is used.\n" in said


async def test_byte_code_is_laid_beside_an_environment(
    data: DataDir, index: Index, wheelhouse: Path, python: Interpreter
) -> None:
    """By hard links; the environment itself is what it was."""
    packages = Packages(data)
    wheel = index.wheel(make_wheel(wheelhouse, "one", files={"one.py": "X = 1\n"}))
    lock = Lock(python=python.minor, wheels=(wheel,), text="")
    environment = await packages.environment(lock, python, quiet)
    before = {path: path.lstat().st_mtime_ns for path in environment.path.rglob("*")}
    await packages.compile(lock, python)
    assert {path: path.lstat().st_mtime_ns for path in environment.path.rglob("*")} == before
    compiled = data.byte_code(environment.key)
    cached = f"lib/python{python.minor}/site-packages/__pycache__/one.cpython-{python.minor.replace('.', '')}.pyc"
    assert [path.relative_to(compiled).as_posix() for path in compiled.rglob("*.pyc")] == [cached]
    assert (compiled / cached).stat().st_nlink == 2


async def test_a_lock_with_sources_needs_building(data: DataDir, python: Interpreter) -> None:
    """Nothing is half-made."""
    with pytest.raises(NeedsBuilding):
        await Packages(data).environment(Lock(python=python.minor, wheels=(), text="", sdists=("a==1",)), python, quiet)
    assert not list(data.environments.iterdir())


async def test_progress_ends_at_the_total(data: DataDir, index: Index, wheelhouse: Path, python: Interpreter) -> None:
    """What a progress bar shows is bytes of what is missing."""
    wheel = index.wheel(make_wheel(wheelhouse))
    steps: list[tuple[int, int]] = []
    lock = Lock(python=python.minor, wheels=(wheel,), text="")
    await Packages(data).environment(lock, python, quiet, lambda *step: steps.append(step))
    assert steps[-1] == (wheel.size, wheel.size)


def test_the_context_covers_what_no_recipe_says(data: DataDir, python: Interpreter) -> None:
    """Another platform, index or stack: another key."""
    settings = (
        PackageSettings(),
        PackageSettings(platform="x86_64-manylinux_2_17"),
        PackageSettings(index_url="http://a"),
    )
    keys = [
        Packages(data, one).context(which) for one in settings for which in (python, replace(python, version="3.10.1"))
    ]
    assert len(set(keys)) == 6


async def test_the_fake_remembers_what_it_was_asked(python: Interpreter) -> None:
    """For tests of those who lock."""
    locker = FakeLocker([release("a", "1")])
    request = LockRequest(requirements=("a",), python=python)
    await locker.lock(request, quiet)
    assert locker.requests == [request]

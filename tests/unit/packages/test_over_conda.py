"""Wheels over conda packages: what the resolver is told, and what is kept of its answer."""

from __future__ import annotations

import tomllib
import zipfile
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, RecipeError
from hubkiln.packages.conda_values import CondaLock, CondaPackage
from hubkiln.packages.interface import Layout, Wheel
from hubkiln.packages.lockfile import parse_lock
from hubkiln.packages.over_conda import conda_of, conda_python, is_condas, over, stand_ins, unsolved_python, usable
from hubkiln.packages.packages import Packages
from hubkiln.packages.store import compiles
from hubkiln.packages.wheels import plan_wheel

PLATFORM = "x86_64-manylinux_2_28"
TEXT = """\
lock-version = "1.0"
created-by = "uv"

[[packages]]
name = "numpy"
version = "2.0"
wheels = [{ url = "file:///x/numpy-2.0-py3-none-any.whl", hashes = { sha256 = "ONE" } }]

[[packages]]
name = "plain"
version = "1.0"
wheels = [{ url = "https://i/plain-1.0-py3-none-any.whl", hashes = { sha256 = "TWO" } }]
""".replace("ONE", "1" * 64).replace("TWO", "2" * 64)


def conda(version: str = "3.11.9") -> CondaLock:
    packages = [
        CondaPackage(
            name=name, version=number, build="0", build_number=0, subdir="linux-64", url=f"https://c/{name}.conda",
            channel="https://c", sha256=str(len(name)) * 64, depends=("a 'b' \"c\" '''",),
        )
        for name, number in (("numpy", "2.0"), ("python", version))
    ]  # fmt: skip
    return CondaLock(platform="linux-64", python="3.11", packages=tuple(packages))


def test_what_conda_brought_is_left_out_and_its_lock_is_carried() -> None:
    """The text alone gives both locks back, whatever the conda lock's texts hold."""
    made = over(parse_lock(TEXT, conda_python(conda()), PLATFORM), ["numpy"], conda())
    assert [wheel.name for wheel in made.wheels] == ["plain"]
    assert "numpy-2.0-py3" not in made.text
    assert conda_of(made.text) == conda()
    again = parse_lock(made.text, conda_python(conda()), PLATFORM)
    assert again.wheels == made.wheels
    assert tomllib.loads(made.text)["created-by"] == "uv"


def test_other_conda_packages_are_another_lock() -> None:
    """The digest covers them."""
    lock = parse_lock(TEXT, conda_python(conda()), PLATFORM)
    digests = {over(lock, ["numpy"], conda(version)).digest for version in ("3.11.8", "3.11.9", "3.11.9")}
    assert len(digests | {lock.digest}) == 3


@pytest.mark.parametrize(
    "text", ["[tool.hubkiln]\nconda = 7", "[tool.hubkiln]\nconda = {", '[tool.hubkiln]\nconda = ""']
)
def test_a_damaged_lock_is_said_to_be_one(text: str) -> None:
    """It asks for a fresh one."""
    with pytest.raises((LockFailed, RecipeError), match="cannot be read"):
        conda_of(f"\n{text}\n")


def test_a_lock_without_conda_has_none() -> None:
    assert conda_of(TEXT) is None


def test_stand_ins_are_wheels_that_need_nothing(tmp_path: Path) -> None:
    """Pinned to conda's versions, beside the wheels that were built for the request."""
    built, folder = tmp_path / "built", tmp_path / "links"
    built.mkdir()
    folder.mkdir()
    (built / "own-1.0-py3-none-any.whl").write_bytes(b"wheel")
    pins = stand_ins({"ruamel-yaml": "0.18.6", "torch": "2.1.0+cpu"}, folder, built)
    assert pins == ("ruamel-yaml==0.18.6", "torch==2.1.0+cpu")
    assert (folder / "own-1.0-py3-none-any.whl").read_bytes() == b"wheel"
    wheel = folder / "ruamel_yaml-0.18.6-py3-none-any.whl"
    assert plan_wheel(wheel, Layout(minor="3.11")).entries
    assert b"Requires-Dist" not in zipfile.ZipFile(wheel).read("ruamel_yaml-0.18.6.dist-info/METADATA")


def test_versions_that_are_none_are_left_to_conda() -> None:
    """Conda allows any word."""
    assert usable({"Good_Name": "1.0", "odd": "2024a.r1-x"}) == {"good-name": "1.0"}


def test_condas_python_is_known_by_its_place() -> None:
    """It is inside, at the prefix, not on this machine."""
    assert conda_python(conda()).version == "3.11.9"
    assert is_condas(conda_python(conda()))
    assert unsolved_python("3.12").minor == "3.12"


async def test_without_that_python_here_nothing_is_compiled(tmp_path: Path) -> None:
    """Conda brings versions that this machine does not have; when it has one some day, their wheels are compiled."""
    packages = Packages(DataDir(tmp_path).make())
    nobody = await packages.worker(unsolved_python("3.99"))
    assert nobody.minor == "3.99"
    assert not compiles(nobody)
    wheel = Wheel(name="a", version="1", filename="a-1-py3-none-any.whl", url="https://i/a", sha256="0" * 64)
    assert await packages.store.compiled([wheel], nobody) == {}
    assert not list(DataDir(tmp_path).trees.iterdir())

"""Reading locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.errors import LockFailed, Unsupported
from hubkiln.packages.lockfile import parse_lock, preferences
from hubkiln.values import Interpreter

PYTHON = Interpreter(version="3.11.2", path=Path("/usr/bin/python3.11"), roots=())
PLATFORM = "x86_64-manylinux_2_28"
HEAD = 'lock-version = "1.0"\ncreated-by = "test"\n'


def package(name: str, *files: str, version: str = "1.0", more: str = "") -> str:
    """A package with wheels of these tags."""
    wheels = ", ".join(
        f'{{ url = "https://i/{name}-{version}-{tag}.whl", hashes = {{ sha256 = "{str(n) * 64}" }} }}'
        for n, tag in enumerate(files)
    )
    return f'[[packages]]\nname = "{name}"\nversion = "{version}"\n{more}\nwheels = [{wheels}]\n'


def test_the_best_wheel_is_taken() -> None:
    """The one for this Python and platform, of those a lock for many lists."""
    text = HEAD + package(
        "a",
        "cp312-cp312-manylinux_2_28_x86_64",
        "py3-none-any",
        "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp311-cp311-manylinux_2_34_x86_64",
        "cp311-cp311-macosx_11_0_arm64",
    )
    (wheel,) = parse_lock(text, PYTHON, PLATFORM).wheels
    assert wheel.sha256 == "2" * 64


@pytest.mark.parametrize(
    "tag",
    [
        "cp311-cp311-manylinux2014_x86_64",
        "cp311-cp311-manylinux1_x86_64",
        "cp38-abi3-manylinux_2_5_x86_64",
        "cp311-cp311-linux_x86_64",
        "py2.py3-none-any",
        "cp311-none-any",
        "py3-none-manylinux_2_28_x86_64",
    ],
)
def test_every_spelling_of_our_platform_fits(tag: str) -> None:
    """Old and new names of the same thing."""
    assert parse_lock(HEAD + package("a", tag), PYTHON, PLATFORM).wheels


@pytest.mark.parametrize(
    "tag", ["cp311-cp311-manylinux_2_31_x86_64", "cp311-cp311-musllinux_1_2_x86_64", "cp310-cp310-manylinux1_x86_64"]
)
def test_what_does_not_fit_is_said(tag: str) -> None:
    """A newer glibc than the platform's floor, another libc, another Python."""
    with pytest.raises(LockFailed, match="a"):
        parse_lock(HEAD + package("a", tag), PYTHON, PLATFORM)


def test_markers_decide() -> None:
    """A package for another system is not taken."""
    text = (
        HEAD + package("a", "py3-none-any", more="marker = \"sys_platform == 'win32'\"") + package("b", "py3-none-any")
    )
    assert [wheel.name for wheel in parse_lock(text, PYTHON, PLATFORM).wheels] == ["b"]


def test_a_package_without_wheels_is_a_source() -> None:
    """It is named, to be built."""
    text = (
        HEAD
        + '[[packages]]\nname = "a"\nversion = "2.0"\nsdist = { url = "https://i/a-2.0.tar.gz", hashes = { sha256 = "'
        + "0" * 64
        + '" } }\n'
    )
    assert parse_lock(text, PYTHON, PLATFORM).sdists == ("a==2.0",)


def test_names_in_addresses_are_decoded() -> None:
    """``%2B`` in an address is ``+`` in the file name."""
    (wheel,) = parse_lock(
        HEAD + package("torch", "py3-none-any", version="2.0%2Bcpu").replace('n = "2.0%2B', 'n = "2.0+'),
        PYTHON,
        PLATFORM,
    ).wheels
    assert wheel.filename == "torch-2.0+cpu-py3-none-any.whl"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml [",
        'lock-version = "9.0"\ncreated-by = "x"\npackages = []',
        HEAD,
        HEAD + 'requires-python = ">=3.12"\npackages = []\n',
        HEAD + '[[packages]]\nname = "Not Normal"\n',
        HEAD + package("a", "py3-none-any").replace("sha256", "md5"),
        "[" * 100_000,
    ],
    ids=["empty", "not-toml", "future", "no-packages", "other-python", "bad-name", "no-sha256", "deep"],
)
def test_what_is_no_lock_for_us(text: str) -> None:
    """LockFailed, never a crash."""
    with pytest.raises(LockFailed):
        parse_lock(text, PYTHON, PLATFORM)


@pytest.mark.parametrize(
    "source",
    [
        'directory = { path = "." }',
        'vcs = { type = "git", url = "https://g/x", commit-id = "0" }',
        'archive = { url = "https://g/x.zip", hashes = { sha256 = "00" } }',
    ],
)
def test_what_is_not_from_an_index(source: str) -> None:
    """Folders, repositories and archives need more than placing wheels."""
    with pytest.raises(Unsupported, match="takes a from"):
        parse_lock(HEAD + f'[[packages]]\nname = "a"\n{source}\n', PYTHON, PLATFORM)


def test_preferences_can_be_empty() -> None:
    """uv wants the list to be there."""
    assert parse_lock(preferences(()), PYTHON, PLATFORM).wheels == ()

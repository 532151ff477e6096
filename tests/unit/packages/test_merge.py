"""Unpacked wheels become one environment."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed
from hubkiln.packages.interface import Lock, Overwritten, Wheel
from hubkiln.packages.merge import environment_key, merge
from hubkiln.values import Interpreter


def tree(folder: Path, name: str, files: dict[str, str]) -> tuple[str, Path]:
    """A package's unpacked files."""
    for path, text in files.items():
        target = folder / name / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return name, folder / name


@pytest.fixture
def final(data: DataDir) -> Path:
    """Where the environment will be."""
    return data.environments / "key"


def test_files_are_linked_not_copied(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """An environment takes no space of its own."""
    parts = [tree(tmp_path, "a", {"lib/a.py": "a"}), tree(tmp_path, "b", {"lib/b.py": "b"})]
    assert merge(parts, final, python, data.work, None) == ()
    assert (final / "lib/a.py").stat().st_ino == (tmp_path / "a/lib/a.py").stat().st_ino
    assert (final / "lib/b.py").read_text() == "b"
    assert not list(data.work.iterdir())


def test_the_skeleton_is_a_virtual_environment(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """Python started through it has the environment as its prefix and finds what is in it."""
    parts = [tree(tmp_path, "a", {f"lib/python{python.minor}/site-packages/marker.py": "X = 7"})]
    merge(parts, final, python, data.work, None)
    code = "import sys, marker; print(sys.prefix, marker.X)"
    out = subprocess.run([final / "bin/python3", "-I", "-c", code], check=True, capture_output=True, text=True).stdout
    assert out.split() == [str(final), "7"]
    assert os.readlink(final / "bin/python") == str(python.path)  # noqa: PTH115
    assert (final / f"bin/python{python.minor}").exists()
    assert (final / "lib64").resolve() == final / "lib"


def test_no_packages_make_an_environment_too(data: DataDir, final: Path, python: Interpreter) -> None:
    """An empty lock is a bare environment."""
    merge([], final, python, data.work, None)
    assert (final / "pyvenv.cfg").read_text().startswith(f"home = {python.path.parent}\n")


def test_the_same_bytes_are_no_conflict(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """Namespace packages often bring the same file."""
    parts = [tree(tmp_path, name, {"lib/ns/__init__.py": "same"}) for name in ("a", "b")]
    assert merge(parts, final, python, data.work, None) == ()


def test_the_last_one_wins_and_it_is_told(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """As with pip, but not silently."""
    parts = [tree(tmp_path, name, {"lib/x.py": name, f"lib/{name}.py": ""}) for name in ("a", "b", "c")]
    assert merge(parts, final, python, data.work, None) == (
        Overwritten("lib/x.py", "a", "b"),
        Overwritten("lib/x.py", "b", "c"),
    )
    assert (final / "lib/x.py").read_text() == "c"
    assert (tmp_path / "a/lib/x.py").read_text() == "a"


@pytest.mark.parametrize("files", [({"lib/x": "file"}, {"lib/x/y": ""}), ({"lib/x/y": ""}, {"lib/x": "file"})])
def test_a_file_where_a_folder_is(
    tmp_path: Path, data: DataDir, final: Path, python: Interpreter, files: tuple[dict[str, str], ...]
) -> None:
    """Cannot be merged, and both are named."""
    parts = [tree(tmp_path, name, which) for name, which in zip(("one", "two"), files, strict=True)]
    with pytest.raises(BuildFailed, match="one and two"):
        merge(parts, final, python, data.work, None)
    assert not final.exists()
    assert not list(data.work.iterdir())


def test_merging_again_changes_nothing(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """Whoever was first has made it; the second leaves it alone."""
    parts = [tree(tmp_path, "a", {"lib/a.py": "a"})]
    merge(parts, final, python, data.work, None)
    inode = final.stat().st_ino
    merge(parts, final, python, data.work, None)
    assert final.stat().st_ino == inode
    assert not list(data.work.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_folders_and_links_are_given_away(tmp_path: Path, data: DataDir, final: Path, python: Interpreter) -> None:
    """Whoever runs it can write next to everything, over an overlay."""
    merge([tree(tmp_path, "a", {"share/jupyter/x": ""})], final, python, data.work, (1234, 1234))
    ours = [final, *final.rglob("*")]
    assert {path.lstat().st_uid for path in ours if path.name != "x"} == {1234}


WHEEL = Wheel(name="a", version="1", filename="a-1-py3-none-any.whl", url="https://x/a", sha256="0" * 64)
LOCK = Lock(python="3.11", wheels=(WHEEL,), text="…")


def test_the_key_covers_what_is_in_it(python: Interpreter) -> None:
    """Other packages, Python, platform or owner: another key; another text of the same lock: the same."""
    key = environment_key(LOCK, python, "x86_64-manylinux_2_28")
    assert key == environment_key(replace(LOCK, text="else"), python, "x86_64-manylinux_2_28")
    others = {
        environment_key(replace(LOCK, wheels=()), python, "x86_64-manylinux_2_28"),
        environment_key(LOCK, replace(python, version="3.11.99"), "x86_64-manylinux_2_28"),
        environment_key(LOCK, replace(python, path=Path("/other")), "x86_64-manylinux_2_28"),
        environment_key(LOCK, python, "aarch64-manylinux_2_28"),
        environment_key(LOCK, python, "x86_64-manylinux_2_28", "1:1"),
    }
    assert len(others | {key}) == 6

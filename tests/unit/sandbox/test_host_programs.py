"""What a sandbox over the host's ``/usr`` sees of its programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hubkiln.sandbox.host_programs import covers, others


def machine(root: Path, *programs: str) -> Path:
    """A machine with those."""
    folder = root / "usr/bin"
    folder.mkdir(parents=True, exist_ok=True)
    for name in programs:
        (folder / name).touch()
    return folder


def test_what_the_base_image_lacks_is_covered(tmp_path: Path) -> None:
    """Compilers, Node and downloaders are; the system's tools and every Python are not."""
    folder = machine(tmp_path, "ls", "git", "python3.13", "gcc", "node", "wget")
    assert others(folder) == ["gcc", "node", "wget"]


def test_what_a_known_program_is_a_link_to_stays(tmp_path: Path) -> None:
    """Another machine has another ``awk``."""
    folder = machine(tmp_path, "strangeawk", "other")
    (folder / "awk").symlink_to("strangeawk")
    assert others(folder) == ["other"]


def test_a_program_that_comes_later_is_covered_too(tmp_path: Path) -> None:
    """A cover is made once for what is there, and again when that changes."""
    folder = machine(tmp_path, "gcc")
    first = covers(tmp_path / "state", tmp_path)
    assert first == covers(tmp_path / "state", tmp_path) and list(first) == ["/usr/bin"]
    machine(tmp_path, "g++")
    again = covers(tmp_path / "state", tmp_path)
    assert [path.name for path in sorted(again["/usr/bin"].iterdir())] == ["g++", "gcc"]
    assert not (folder / "g++").samefile(again["/usr/bin"] / "g++")


def made_before(state: Path, root: Path) -> Path:
    """A cover of long ago, for programs that have changed since."""
    machine(root, "gcc")
    cover = covers(state, root)["/usr/bin"]
    os.utime(cover, (0, 0))
    machine(root, "g++")
    return cover


def test_a_cover_of_programs_that_changed_is_removed(tmp_path: Path) -> None:
    """Once no sandbox has started with it for a day; until then one that is just starting may need it."""
    old = made_before(tmp_path / "state", tmp_path)
    second = covers(tmp_path / "state", tmp_path)["/usr/bin"]
    assert not old.exists()
    machine(tmp_path, "clang")
    third = covers(tmp_path / "state", tmp_path)["/usr/bin"]
    assert set((tmp_path / "state").iterdir()) == {second, third}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts here")
def test_a_cover_that_lies_over_something_stays(tmp_path: Path) -> None:
    """A server may run for weeks."""
    old = made_before(tmp_path / "state", tmp_path)
    (tmp_path / "place").mkdir()
    mount = f"mount --bind {old} {tmp_path}/place && echo && exec cat"
    words = ["unshare", "--mount", "sh", "-c", mount]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"\n"
        covers(tmp_path / "state", tmp_path)
        assert old.exists()
        server.kill()
    covers(tmp_path / "state", tmp_path)
    assert not old.exists()

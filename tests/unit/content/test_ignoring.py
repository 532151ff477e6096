"""What is left out of an image: Docker's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.content.ignoring import Ignored, read_ignored


@pytest.mark.parametrize(
    ("lines", "path", "out"),
    [
        (["data"], "data", True),
        (["data"], "data/a/b.csv", True),
        (["data/"], "data/a", True),
        (["/data"], "data/a", True),
        (["data"], "other/data", False),
        (["**/data"], "other/data/x", True),
        (["*.log"], "a.log", True),
        (["*.log"], "logs/a.log", False),
        (["**/*.log"], "logs/a.log", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[a-c]x"], "bx", True),
        (["[^a]x"], "ax", False),
        (["*", "!keep"], "keep", False),
        (["*", "!keep"], "keep/a", False),
        (["*", "!keep", "keep/b"], "keep/b", True),
        (["# data", "", "  "], "data", False),
        ([".git"], ".git/HEAD", True),
        (["a/../b"], "b", True),
        ([".", "/"], "anything", False),
        (["[z-a]"], "[z-a]", True),
        (["a**b"], "a/x/b", True),
        (["a\\*"], "a*", True),
        (["a\\*"], "ab", False),
    ],
)
def test_a_path_is_in_or_out(lines: list[str], path: str, out: bool) -> None:
    """Folders take what is below them along; the last line that matches decides."""
    assert Ignored(lines)(path) is out


def test_both_files_count_and_the_binder_folder_comes_first(tmp_path: Path) -> None:
    """As repo2docker looks for them."""
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / ".containerignore").write_text("b\n")
    found = read_ignored(tmp_path)
    assert found("a") and found("b")
    (tmp_path / "binder").mkdir()
    assert not read_ignored(tmp_path)
    (tmp_path / "binder/.dockerignore").write_text("c\n")
    assert read_ignored(tmp_path)("c") and not read_ignored(tmp_path)("a")


def test_a_link_is_not_read(tmp_path: Path) -> None:
    """It could lead out of the repository."""
    (tmp_path / "list").write_text("a\n")
    (tmp_path / ".dockerignore").symlink_to("list")
    assert not read_ignored(tmp_path)

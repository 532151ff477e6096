"""Several trees in one layer."""

from __future__ import annotations

import pytest

from hubkiln.errors import BuildFailed
from hubkiln.images.merging import Overlap, merge, overlapping
from hubkiln.trees import Entry


def file(path: str, data: bytes) -> Entry:
    return Entry(path=path, mode=0o644, size=len(data), source=data)


FOLDER = Entry(path="a", mode=0o755)


def test_folders_are_shared_and_files_gathered() -> None:
    """One tree, sorted, no path twice."""
    tree, overlaps = merge([[FOLDER, file("a/y", b"1")], [FOLDER, file("a/x", b"2")]])
    assert [entry.path for entry in tree] == ["a", "a/x", "a/y"] and overlaps == ()


def test_the_later_tree_wins_and_it_is_told() -> None:
    """As a later install would overwrite, with a warning to show."""
    tree, overlaps = merge([[file("x", b"1")], [file("x", b"2")]])
    assert tree.entries[0].source == b"2" and overlaps == (Overlap("x", 0, 1),)


def test_equal_files_are_no_overlap() -> None:
    """The same licence text in two packages is nobody's trouble."""
    assert overlapping([[file("x", b"1")], [file("x", b"1")]]) == ()


def test_a_file_in_a_folders_place_is_refused() -> None:
    """No order of installing makes both work."""
    with pytest.raises(BuildFailed):
        merge([[FOLDER], [file("a", b"1")]])

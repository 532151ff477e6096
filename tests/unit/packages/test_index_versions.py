"""Whoever asks for a version that does not exist is told which there are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from packaging.version import Version

from hubkiln.packages.index_versions import hint, versions
from hubkiln.packages.simple_index import IndexFile

FILES = (
    IndexFile(filename="tiny-1.9-py3-none-any.whl", uploaded=datetime(2020, 1, 1, tzinfo=UTC)),
    IndexFile(filename="tiny-1.10.tar.gz", uploaded=datetime(2021, 1, 1, tzinfo=UTC)),
    IndexFile(filename="tiny-1.10-py3-none-any.whl", uploaded=datetime(2021, 1, 1, tzinfo=UTC)),
    IndexFile(
        filename="tiny-2.0-py3-none-any.whl", requires_python=">=3.12", uploaded=datetime(2022, 1, 1, tzinfo=UTC)
    ),
    IndexFile(filename="tiny-2.1-py3-none-any.whl", yanked=True),
    IndexFile(filename="tiny-3.0rc1-py3-none-any.whl", requires_python="nonsense"),
    IndexFile(filename="tiny.exe"),
)


@pytest.mark.parametrize(
    ("minor", "as_of", "there"),
    [
        ("3.12", None, "1.9 1.10 2.0"),
        ("3.11", None, "1.9 1.10"),
        ("3.11", datetime(2020, 6, 1, tzinfo=UTC), "1.9"),
        ("3.11", datetime(2019, 6, 1, tzinfo=UTC), ""),
    ],
)
def test_those_that_may_be_had(minor: str, as_of: datetime | None, there: str) -> None:
    """In their order; for this Python, as of that day; none that was taken back."""
    assert " ".join(map(str, versions(FILES, minor, as_of))) == there


def test_before_a_first_release_there_are_candidates() -> None:
    """Then they are what there is."""
    assert versions(FILES[5:6], "3.11", None) == [Version("3.0rc1")]


@pytest.mark.parametrize(
    ("specifier", "says"),
    [
        ("==99", "Change the pin: 3.0 is the newest."),
        (">=99", "Change the pin: 3.0 is the newest."),
        ("==2.5", "Change the pin: 2.0 is the nearest, 3.0 is the newest."),
        ("==1.5", "Change the pin: 1.0 and 2.0 are the nearest, 3.0 is the newest."),
        ("==0.1", "Change the pin: 1.0 is the nearest, 3.0 is the newest."),
        ("==2.9.*", "Change the pin: 2.0 is the nearest, 3.0 is the newest."),
        ("==1!x", "Change the pin: 3.0 is the newest."),
    ],
)
def test_what_to_write_instead(specifier: str, says: str) -> None:
    """The newest, and what is next to what was asked for."""
    assert hint([Version("1.0"), Version("2.0"), Version("3.0")], specifier) == says


def test_of_nothing_nothing_is_said() -> None:
    """The sentence that there was stays."""
    assert hint([], "==1") == ""

"""A package's file cannot become more than it looks like."""

from pathlib import Path

import pytest

from hubkiln.packages.archive import BadWheel
from hubkiln.packages.interface import Layout
from hubkiln.packages.wheels import plan_wheel
from wheels import make_wheel


def test_a_line_of_metadata_is_not_a_file_of_ours_without_end(tmp_path: Path) -> None:
    """A few kilobytes that ask for a hundred thousand commands are refused before they are made."""
    text = "[console_scripts]\n" + "".join(f"s{number} = tiny:main\n" for number in range(100_000))
    with pytest.raises(BadWheel, match="more than 5000 commands"):
        plan_wheel(make_wheel(tmp_path, entry_points=text), Layout(minor="3.11"))


def test_a_package_with_many_commands_is_one(tmp_path: Path) -> None:
    """A thousand are many, and fine."""
    text = "[console_scripts]\n" + "".join(f"s{number} = tiny:main\n" for number in range(1000))
    planned = plan_wheel(make_wheel(tmp_path, entry_points=text), Layout(minor="3.11"))
    assert sum("/bin/s" in f"/{entry.path}" for entry in planned) == 1000

"""The page about security says what is held by which tests, and they are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_page_names_is_there() -> None:
    """A promise whose test is gone is no promise."""
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "docs/explanation/security.md").read_text()))
    assert named and [path for path in named if not (ROOT / path).is_file()] == []

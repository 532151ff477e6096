"""Options that commands share."""

from __future__ import annotations

import pytest

from hubkiln.cli.options import variables
from hubkiln.errors import BadSpec


def test_variables_are_taken_as_containers_take_them() -> None:
    """With a value, empty, of our own, or not at all; the last one counts."""
    given = ("A=1", "B=", "C=x=y", "OURS", "NOT_OURS", "A=2")
    assert variables(given, {"OURS": "here"}) == {"A": "2", "B": "", "C": "x=y", "OURS": "here"}


@pytest.mark.parametrize("text", ["", "=1", "1A=1", "A B=1", "A-B=1", "Ä=1"])
def test_what_is_no_variable_is_refused(text: str) -> None:
    """With the way to write it."""
    with pytest.raises(BadSpec, match="not a variable"):
        variables((text,), {})

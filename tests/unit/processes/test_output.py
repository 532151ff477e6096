"""What is shown of what programs print."""

from hubkiln.processes import last_line


def test_the_last_line_says_what_went_wrong() -> None:
    """Empty lines at the end do not count, and silence has words of its own."""
    assert last_line("a\n  b \n\n", "nothing") == "b"
    assert last_line(" \n", "nothing") == last_line("", "nothing") == "nothing"

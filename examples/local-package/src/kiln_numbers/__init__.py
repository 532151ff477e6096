"""Counts, in words for people."""

import humanize


def count(number: int) -> str:
    """`number` with separators."""
    return humanize.intcomma(number)


def main() -> None:
    """Print a million."""
    print(count(10**6))

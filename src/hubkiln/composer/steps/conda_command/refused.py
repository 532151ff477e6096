"""What is said to whoever wrote the script."""

from __future__ import annotations


class Refused(Exception):
    """A sentence."""

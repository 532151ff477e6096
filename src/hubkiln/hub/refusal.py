"""A server that is not started, and why: what our hooks raise."""

from __future__ import annotations

from hubkiln.told_error import ToldError


class Refusal(ToldError):
    """An attempt to start a server that is refused for a reason the user can understand."""

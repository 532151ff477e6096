"""What strangers wrote, printed: names, logs and complaints are text, and tell a terminal nothing but colours."""

from __future__ import annotations

import re

import click

_SEQUENCE = re.compile(
    r"\x1b(?:[()][0-9A-Z]|\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|.)?"
    r"|\x9b[0-?]*[ -/]*[@-~]|\x9d[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)
"""Colours, cursor movements, titles, clipboards and the like, of 7 and 8 bits."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def plain(text: str) -> str:
    """`text` without what a terminal would heed; ends of lines and tabs stay."""
    return _SEQUENCE.sub("", text)


def coloured(text: str) -> str:
    """The same, but colours stay too."""
    return _SEQUENCE.sub(lambda found: found[0] if _COLOUR.fullmatch(found[0]) else "", text)


def escaped(text: str) -> str:
    """`text` as a part of one line, with all that is no printable letter written out."""
    return _SEQUENCE.sub(_written, text).replace("\n", "\\n").replace("\t", "\\t")


def _written(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def echo(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print `text` as :func:`plain` gives it, to standard output or error."""
    click.echo(plain(text), err=err, nl=nl)

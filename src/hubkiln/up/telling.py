"""Lines for whoever started the hub, who may have gone since: the hub does not end, or fail to end, for that."""

from __future__ import annotations

import os
import sys

import click


def say(line: str) -> None:
    """Print `line`; once nobody can be told (a closed pipe, a lost terminal, a full disk), print nothing any more."""
    try:
        _print(line)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())  # what is left in the buffer goes there, at the end of the process too
        os.close(nowhere)


def _print(line: str) -> None:
    try:
        click.echo(line)
    except UnicodeEncodeError:  # LC_ALL=C and the like
        click.echo(line.encode("ascii", "backslashreplace").decode())

"""Standard input, output and error: closed ones, readers that went away, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


def hold_open() -> None:
    """
    Let closed ones lead nowhere.

    Else the next file that is opened has their number, a database perhaps, and is written into by what we start.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free: this one
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, closefd=False))


def give_up() -> None:
    """Let what nobody can be told lead nowhere, with what is left in the buffers: no later error hides the first."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


@contextmanager
def ended_as_programs_do() -> Iterator[None]:
    """Whoever stops us, or reads no further, is told so by the exit status, as by any program of a shell."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped.", err=True)
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
        give_up()
        sys.exit(128 + signal.SIGPIPE)

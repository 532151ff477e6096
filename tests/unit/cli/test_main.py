"""The frame of the command line: quick to begin, and it never ends with a traceback."""

import errno
import subprocess
import sys

import click
import pytest

from hubkiln.cli import COMMANDS, TRACEBACK, cli, of_the_disk, unexpected


def test_every_command_is_there() -> None:
    """Each name in the list is a command with a help text."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None and command.name == name and command.help
    assert cli.get_command(context, "nonsense") is None


SLOW = {"sqlalchemy", "alembic", "fastapi", "pydantic", "jupyterhub", "rattler"}
"""Of the service alone, or of rare recipes."""

WATCHED = {"rich", "pygments", "yaml", "charset_normalizer", "importlib.metadata"}
"""Of a terminal that is watched, or of repositories that need it."""


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        ("--version", SLOW | WATCHED | {"httpx", "hubkiln.assembly"}),
        ("serve --help", SLOW | WATCHED | {"httpx", "hubkiln.assembly"}),
        ("build --help", SLOW | WATCHED | {"hubkiln.composer.steps.explain.patterns"}),
        ("run --help", SLOW | WATCHED),
    ],
)
def test_a_command_loads_what_it_needs(words: str, absent: set[str]) -> None:
    """Databases, web servers and the like take a second."""
    program = f"""
import atexit, sys
sys.argv = ["hubkiln", *{words.split()!r}]
from hubkiln.cli import main
atexit.register(lambda: print("loaded", *sys.modules))
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = done.stdout.rpartition("\nloaded ")[2].split()
    assert "hubkiln.cli" in loaded and not absent & set(loaded)


@pytest.mark.parametrize("error", [ValueError("first\nsecond."), KeyError("x"), RuntimeError()])
def test_a_mistake_of_ours_is_one_sentence(error: Exception) -> None:
    """With the way to its traceback."""
    told = unexpected(error)
    assert told.message.endswith(".") and ".." not in told.message and "\n" not in told.message
    assert type(error).__name__ in told.message and TRACEBACK in told.hint


def test_a_disk_that_is_full_or_closed_is_known_wherever_it_is_met() -> None:
    """With what is closed; other errors of the system, as of a process that is another's, are not taken for one."""
    assert of_the_disk(OSError(errno.ENOSPC, "No space left on device")) is not None
    closed = of_the_disk(OSError(errno.EROFS, "Read-only file system", "/data/trees"))
    assert closed is not None and closed.message == "/data/trees cannot be read or written: Read-only file system."
    assert of_the_disk(OSError(errno.EPERM, "Operation not permitted")) is None

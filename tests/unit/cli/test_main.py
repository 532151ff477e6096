"""The frame of the command line: quick to begin, and it never ends with a traceback."""

import errno
import subprocess
import sys

import click
import pytest

from hubkiln.cli import COMMANDS, TRACEBACK, cli, full, unexpected


def test_every_command_is_there() -> None:
    """Each name in the list is a command with a help text."""
    context = click.Context(cli)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None and command.name == name and command.help
    assert cli.get_command(context, "nonsense") is None


def test_nothing_slow_is_imported_before_a_command_is_known() -> None:
    """Databases, web servers and the like take a second."""
    slow = "{'sqlalchemy', 'fastapi', 'httpx', 'jupyterhub', 'rich'}"
    program = f"import sys, hubkiln.cli, hubkiln.cli.serve; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("error", [ValueError("first\nsecond."), KeyError("x"), RuntimeError()])
def test_a_mistake_of_ours_is_one_sentence(error: Exception) -> None:
    """With the way to its traceback."""
    told = unexpected(error)
    assert told.message.endswith(".") and ".." not in told.message and "\n" not in told.message
    assert type(error).__name__ in told.message and TRACEBACK in told.hint


def test_a_full_disk_is_known_wherever_it_is_met() -> None:
    """Other errors of the system are not taken for one."""
    assert full(OSError(errno.ENOSPC, "No space left on device")) is not None
    assert full(OSError(errno.EACCES, "Permission denied")) is None

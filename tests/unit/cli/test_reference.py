"""The page about the command line says what the command line says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hubkiln.cli import cli
from hubkiln.cli.reference import PAGE


@pytest.mark.slow
def test_the_page_is_current() -> None:
    """
    `python -m hubkiln.cli.reference` writes it again.

    Asked of a process of its own: click remembers a command's ``--help`` as whoever came first had it.
    """
    words = "from hubkiln.cli import cli; from hubkiln.cli.reference import page; print(page(cli), end='')"
    made = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert PAGE.read_text() == made.stdout


def test_every_command_says_what_it_does() -> None:
    """No command, and no option of one, is without help."""
    for name, command in cli.commands.items():
        assert command.help, name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{name} {parameter.name}"

"""The page about the command line says what the command line says."""

from __future__ import annotations

from hubkiln.cli import cli
from hubkiln.cli.reference import PAGE, page


def test_the_page_is_current() -> None:
    """`python -m hubkiln.cli.reference` writes it again."""
    assert PAGE.read_text() == page(cli)


def test_every_command_says_what_it_does() -> None:
    """No command, and no option of one, is without help."""
    for name, command in cli.commands.items():
        assert command.help, name
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert getattr(parameter, "help", None), f"{name} {parameter.name}"

"""Writes ``docs/reference/cli.md`` from the commands themselves: ``python -m hubkiln.cli.reference``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

PAGE = Path(__file__).parents[3] / "docs/reference/cli.md"

HEAD = """\
# Command line

Made from the program by `python -m hubkiln.cli.reference`; a test fails when this page is old.

Exit codes: 0 all well; 1 the request or the repository is at fault, trying again will not help; 2 wrong usage;
3 the machine or the network is at fault, trying again may help; 130, 143 and 141 stopped by Ctrl-C, by SIGTERM, or by
a reader of what is printed that went away (`| head -1`). `hubkiln run` and `hubkiln launch` pass on the exit code of
what they ran.

`SPEC` is a folder, a git address, `org/repo`, `provider/…` or `inline/package,package`; see
[repositories](repositories.md).
"""


def page(command: click.Group) -> str:
    """The whole page."""
    return HEAD + "".join(f"\n## `{path}`\n\n```text\n{text}\n```\n" for path, text in helps(command, "hubkiln"))


def helps(command: click.Command, path: str, above: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """Each command's words and its ``--help``, the group first, as the command itself has it."""
    wide: dict[str, Any] = {"terminal_width": 100, "max_content_width": 100}
    context = click.Context(command, above, info_name=path, **{**command.context_settings, **wide})
    yield context.command_path, command.get_help(context).rstrip()
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from helps(inner, name, context)


if __name__ == "__main__":
    from hubkiln.cli import cli

    PAGE.write_text(page(cli))

"""The command line: one module per command, each a few lines over the same objects that the service uses.

``main`` turns our errors into a sentence on standard error and an exit code: 1 for the user's turn, 2 for wrong
usage (click's), 3 for the machine's, the network's or ours.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from gc import freeze, set_threshold  # our own `gc` is a command
from importlib import import_module

import click

from hubkiln import __version__
from hubkiln.cli.plain_lines import echo, plain
from hubkiln.cli.streams import ended_as_programs_do, give_up, hold_open
from hubkiln.errors import DiskFull, HubkilnError, ServiceError
from hubkiln.folders import FULL, is_closed
from hubkiln.setting_values import check_variables, given_option, variables_of

sys.modules["httpx._main"] = None  # type: ignore[assignment]
"""httpx's own command line, optional and no use to us: it loads rich and pygments, twice what httpx itself takes."""

TRACEBACK = "HUBKILN_TRACEBACK"
"""Set it to see where an error of ours came from."""

COMMANDS = (
    "up",
    "build",
    "run",
    "pull",
    "launch",
    "env",
    "base",
    "serve",
    "rules",
    "occasions",
    "schedules",
    "users",
    "gc",
    "chart",
    "doctor",
)
"""Each is a function of that name in the module of that name, imported only when it is meant."""


class Commands(click.Group):
    """The group, which imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"hubkiln.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """What was asked for."""
        with ended_as_programs_do():
            return super().invoke(ctx)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hubkiln")
@click.option("--set", "chosen", multiple=True, metavar="KEY=VALUE", help="A setting, as step_memory=8G; see the docs.")
def cli(chosen: tuple[str, ...]) -> None:
    """Any image or repository as a JupyterHub environment, built in seconds."""
    os.environ.update(variables_of(given_option(chosen)))  # as if it had been set outside, for what we start too
    check_variables(os.environ)


def main() -> None:
    """Entry point of ``hubkiln``."""
    hold_open()
    os.umask(0o022)  # helpers and sandboxes are others where we are root; the data folder itself is closed
    set_threshold(50_000)  # what is loaded stays; looking through it for garbage takes a tenth of a second
    try:
        cli()
    except HubkilnError as error:
        _tell(error)
        sys.exit(3 if isinstance(error, ServiceError) else 1)
    except asyncio.CancelledError:  # SIGTERM
        sys.exit(128 + signal.SIGTERM)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        _tell(of_the_disk(error) or unexpected(error))
        sys.exit(3)
    finally:
        freeze()  # the process ends: nobody needs to know what of it all is garbage


def of_the_disk(error: Exception) -> ServiceError | None:
    """The error of a disk without space, or of a file or folder that is closed to us, wherever it was met."""
    if isinstance(error, OSError) and error.errno in FULL:
        return DiskFull(hint="Nothing is lost; make room, then try again.")
    if isinstance(error, OSError) and is_closed(error):
        return ServiceError(
            f"{os.fsdecode(error.filename)} cannot be read or written: {error.strerror}.",
            hint="Nothing is lost; see whose it is and whether its disk takes writes, or name another data folder.",
        )
    return None


def unexpected(error: Exception) -> HubkilnError:
    """What nobody thought of: a mistake of ours, said in a sentence."""
    said = " ".join(str(error).split())[:300].rstrip(".")
    return HubkilnError(
        f"Something went wrong in Hubkiln itself: {type(error).__name__}{f': {said}' if said else ''}.",
        hint=f"Nothing of yours is lost. Run it with {TRACEBACK}=1 to see where, and report it.",
    )


def _tell(error: HubkilnError) -> None:
    try:
        click.secho(plain(f"Error: {error.message}"), fg="red", err=True)
        if error.hint:
            echo(f"  {error.hint}", err=True)
    except OSError:
        give_up()  # the exit status says it

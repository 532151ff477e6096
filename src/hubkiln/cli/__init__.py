"""The command line: one module per command, each a few lines over the same objects that the service uses.

``main`` turns our errors into a sentence on standard error and an exit code: 1 for the user's turn, 2 for wrong
usage (click's), 3 for the machine's or the network's.
"""

from __future__ import annotations

import sys

import click

from hubkiln import __version__
from hubkiln.cli.build import build
from hubkiln.cli.doctor import doctor
from hubkiln.cli.launch import launch
from hubkiln.cli.run import run
from hubkiln.cli.serve import serve
from hubkiln.cli.up import up
from hubkiln.errors import HubkilnError, ServiceError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="hubkiln")
def cli() -> None:
    """Any image or repository as a JupyterHub environment, built in seconds."""


for command in (up, build, run, launch, serve, doctor):
    cli.add_command(command)


def main() -> None:
    """Entry point of ``hubkiln``."""
    try:
        cli()
    except HubkilnError as error:
        click.secho(f"Error: {error.message}", fg="red", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        sys.exit(3 if isinstance(error, ServiceError) else 1)

"""``hubkiln up``: a whole hub on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TextIO

import click

from hubkiln.cli.options import PORT, data_dir_option, open_data_dir
from hubkiln.errors import BadSpec
from hubkiln.up import UpSettings
from hubkiln.up import up as run_hub

PASSWORD = "HUBKILN_PASSWORD"


@click.command()
@data_dir_option
@click.option("--ip", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8000, show_default=True, help="Port to listen on; 0 takes a free one.")
@click.option("--base-url", default="/", show_default=True, help="Path below which everything is served.")
@click.option("--public-url", default="", help="Where people reach it, if a web server with TLS stands in front.")
@click.option(
    "--password-file",
    type=click.File(),
    help="File with the password that all users share, - for standard input; else $HUBKILN_PASSWORD. "
    "[default: a new one at each start]",
)
@click.option(
    "--engine", type=click.Choice(["sandbox"]), default="sandbox", show_default=True, help="Where servers run."
)
@click.option("--no-isolation", is_flag=True, help="Run servers as plain processes, seeing all that you see.")
@click.option(
    "--config", type=click.Path(dir_okay=False, path_type=Path), help="JupyterHub configuration read after ours."
)
@click.option("--allow-network", multiple=True, metavar="CIDR", help="Private network that repositories may come from.")
@click.option("--verbose", is_flag=True, help="Show JupyterHub's log here.")
def up(
    data_dir: Path | None,
    ip: str,
    port: int,
    base_url: str,
    public_url: str,
    password_file: TextIO | None,
    engine: str,
    no_isolation: bool,
    config: Path | None,
    allow_network: tuple[str, ...],
    verbose: bool,
) -> None:
    """Start a hub on this machine; Ctrl-C stops everything that it started.

    Repositories may come from this machine's own loopback addresses as long as the hub listens only there, and no
    --public-url is given: its users can reach them anyway. Name other private networks with --allow-network.
    """
    settings = UpSettings(
        data=open_data_dir(data_dir),
        ip=ip,
        port=port,
        base_url=base_url,
        public_url=public_url,
        password=password_in(password_file),
        isolation=not no_isolation,
        config=config,
        networks=allow_network,
        verbose=verbose,
    )
    sys.exit(run_hub(settings))


def password_in(file: TextIO | None) -> str | None:
    """
    The password, from where no list of processes shows it; afterwards the environment of what we start lacks it.

    Raises:
        BadSpec: the file has none.
    """
    told = os.environ.pop(PASSWORD, None)
    if file is None:
        return told or None
    password = file.readline(1024).rstrip("\r\n")
    if not password:
        raise BadSpec(f"There is no password in the first line of {file.name}.")
    return password

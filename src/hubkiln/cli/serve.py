"""``hubkiln serve``: the build service, started by the hub."""

from __future__ import annotations

import os
from pathlib import Path

import click

from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.cli.service_log import begin_log
from hubkiln.setting_values import variables_of
from hubkiln.web import HubEnvironment, listen


@click.command()
@data_dir_option
@click.option("--at-once", type=int, help="Builds that run at the same time. [default: 2]")
@click.option("--database", metavar="URL", help="PostgreSQL that replicas share; a password is safer in a variable.")
@click.option("--allow-network", multiple=True, metavar="CIDR", help="Private network that repositories may come from.")
@click.option("--largest-repository", metavar="SIZE", help="Largest repository to fetch. [default: 4G]")
@click.option("--no-isolation", is_flag=True, help="The hub runs servers as plain processes.")
def serve(
    data_dir: Path | None,
    at_once: int | None,
    database: str | None,
    allow_network: tuple[str, ...],
    largest_repository: str | None,
    no_isolation: bool,
) -> None:
    """Run the build service; JupyterHub starts this and tells it where to listen."""
    hub = HubEnvironment.read()
    options = {
        "builds_at_once": at_once,
        "database": database,
        "allow_networks": [*allow_network, os.environ.get("HUBKILN_ALLOW_NETWORKS", "")] if allow_network else None,
        "largest_repository": largest_repository,
    }
    with listen(hub.host, hub.port) as sock:
        from hubkiln.service import run_service  # slow, and the hub waits
        from hubkiln.settings import Settings

        given = {name: value for name, value in options.items() if value is not None}
        os.environ.update(variables_of(given))  # as if it had been set outside, for the builds' processes too
        settings = Settings.read()
        begin_log(settings.service_log)
        run_service(open_data_dir(data_dir), hub, sock, settings, isolation=not no_isolation)

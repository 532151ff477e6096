"""``hubkiln serve``: the build service, started by the hub."""

from __future__ import annotations

from pathlib import Path

import click

from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.web import HubEnvironment, listen


@click.command()
@data_dir_option
@click.option("--at-once", type=int, default=2, show_default=True, help="Builds that run at the same time.")
@click.option("--allow-network", multiple=True, metavar="CIDR", help="Private network that repositories may come from.")
@click.option(
    "--largest-repository", type=float, default=4, show_default=True, metavar="GIB", help="Largest repository to fetch."
)
@click.option("--no-isolation", is_flag=True, help="The hub runs servers as plain processes.")
def serve(
    data_dir: Path | None, at_once: int, allow_network: tuple[str, ...], largest_repository: float, no_isolation: bool
) -> None:
    """Run the build service; JupyterHub starts this and tells it where to listen."""
    hub = HubEnvironment.read()
    with listen(hub.host, hub.port) as sock:
        from hubkiln.service import run_service  # slow, and the hub waits

        run_service(
            open_data_dir(data_dir),
            hub,
            sock,
            at_once=at_once,
            allowed_networks=allow_network,
            largest_bytes=int(largest_repository * 1024**3),
            isolation=not no_isolation,
        )

"""``hubkiln pull``: an image of a registry onto this machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from hubkiln.builds import Entered, Log, Phase, Progress
from hubkiln.cli.building import run_to_end
from hubkiln.cli.display import Display
from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.conventions import PULLED_LABEL
from hubkiln.data_dir import DataDir
from hubkiln.engines import sandbox_engine
from hubkiln.images import registry_clients, registry_settings
from hubkiln.local_images import LocalImage, Pulled
from hubkiln.sandbox import HasIdentity, host_settings


@click.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the image as the last line.")
@click.argument("reference", metavar="REF")
def pull(reference: str, data_dir: Path | None, as_json: bool) -> None:
    """Fetch the image REF from its registry and unpack it: python:3.12, quay.io/org/name, host:5000/name@sha256:…

    Only what is not here yet is fetched. The name that is printed stands for exactly this image on this machine.
    """
    data = open_data_dir(data_dir)
    local, image = run_to_end(pulled(data, sandbox_engine(data, host_settings()), reference))
    if as_json:
        told = {"image": local, "pulled": dict(image.labels)[PULLED_LABEL], "layers": len(image.rootfs)}
        click.echo(json.dumps(told))
    else:
        click.echo(local)


async def pulled(data: DataDir, engine: HasIdentity, reference: str) -> tuple[str, LocalImage]:
    """Pull `reference` and show it happening on standard error."""
    with Display() as display:
        display(Entered(Phase.FETCHING))
        return await Pulled(data, engine, registry_clients(None, registry_settings(os.environ))).pull(
            reference, lambda text: display(Log(text)), lambda done, total: display(Progress(done, total))
        )

"""``hubkiln launch``: Jupyter on a repository, without a hub."""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path

import click

from hubkiln.assembly import open_workshop
from hubkiln.cli.building import built, on_the_command_line, run_to_end
from hubkiln.cli.options import PORT, build_options, env_option, open_data_dir, variables
from hubkiln.local_images import attach
from hubkiln.processes import free_port
from hubkiln.up import answering, check_port


@click.command()
@build_options
@env_option
@click.option("--port", type=PORT, default=0, help="Port on loopback. [default: a free one]")
def launch(
    spec: str,
    env: tuple[str, ...],
    data_dir: Path | None,
    ref: str | None,
    as_of: str,
    refresh: bool,
    subdir: str,
    port: int,
) -> None:
    """Build SPEC, start JupyterLab in it and print its address. Ctrl-C stops it.

    Files changed in the session are gone afterwards; use a hub for homes that stay.
    """

    inside = variables(env)

    async def work() -> int:
        if port:
            check_port("127.0.0.1", port)
        async with open_workshop(open_data_dir(data_dir), on_the_command_line()) as workshop:
            result = await built(workshop, spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
            token, chosen = secrets.token_hex(24), port or free_port()
            announcing = asyncio.create_task(announce(chosen, token))
            try:
                image = workshop.images.get(result.image)
                return await attach(
                    workshop.data, workshop.engine, image, server_command(chosen), {**inside, "JUPYTER_TOKEN": token}
                )
            finally:
                announcing.cancel()

    sys.exit(run_to_end(work()))


async def announce(port: int, token: str) -> None:
    """Print the address once somebody answers there."""
    await answering(f"http://127.0.0.1:{port}/api")
    click.echo(f"http://127.0.0.1:{port}/lab?token={token}")


def server_command(port: int) -> list[str]:
    """JupyterLab on loopback; the token comes in the environment, where process lists do not show it."""
    return ["jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]

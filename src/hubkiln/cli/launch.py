"""``hubkiln launch``: Jupyter on a repository, without a hub."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from hubkiln.assembly import Workshop, open_workshop
from hubkiln.cli.building import built, on_the_command_line, run_to_end, to_stderr
from hubkiln.cli.options import PORT, build_options, open_data_dir, opening_options, variables
from hubkiln.cli.ports import leading, published_ports
from hubkiln.cli.volumes import tell_of_unwritable, volumes
from hubkiln.local_images import LocalImage, Runs, attach, verify_server
from hubkiln.processes import free_port
from hubkiln.sandbox import Mount
from hubkiln.up import answering, check_port


@click.command()
@build_options
@opening_options
@click.option("--port", type=PORT, default=0, help="Port on loopback. [default: a free one]")
def launch(
    spec: str,
    env: tuple[str, ...],
    volume: tuple[str, ...],
    publish: tuple[str, ...],
    data_dir: Path | None,
    ref: str | None,
    as_of: str,
    refresh: bool,
    subdir: str,
    port: int,
) -> None:
    """Build SPEC, start JupyterLab in it and print its address. Ctrl-C stops it.

    Files changed in the session are gone afterwards, but for those in a --volume; use a hub for homes that stay.
    """
    data, inside, ports = open_data_dir(data_dir), variables(env), published_ports(publish)
    shown = volumes(volume, data.root)

    async def work() -> int:
        if port:
            check_port("127.0.0.1", port)
        async with open_workshop(data, on_the_command_line()) as workshop:
            result = await built(workshop, spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh, tried=False)
            tell_of_unwritable(shown, workshop.engine.identity)
            async with leading(ports, to_stderr):
                return await served(workshop, workshop.images.get(result.image), port or free_port(), inside, shown)

    sys.exit(run_to_end(work()))


async def served(
    workshop: Workshop, image: LocalImage, port: int, env: dict[str, str], shown: Sequence[Mount] = ()
) -> int:
    """
    JupyterLab in `image` until it ends; returns its exit code. It is the trial that a build for others has before.

    Raises:
        BuildFailed: it never answered, because no server starts in the image; the message says why.
    """
    token, command = secrets.token_hex(24), server_command(port)
    announcing = asyncio.create_task(announce(port, token))
    try:
        code = await attach(
            workshop.data.rooms, workshop.engine, image, command, {**env, "JUPYTER_TOKEN": token}, shown
        )
        answered = announcing.done()
    finally:
        announcing.cancel()
    if not answered:
        await verify_server(image, Runs(workshop.data.rooms, workshop.engine), to_stderr)
    return code


async def announce(port: int, token: str) -> None:
    """Print the address once somebody answers there."""
    await answering(f"http://127.0.0.1:{port}/api", longest=0.1)
    click.echo(f"http://127.0.0.1:{port}/lab?token={token}")


def server_command(port: int) -> list[str]:
    """JupyterLab on loopback; the token comes in the environment, where process lists do not show it."""
    return ["jupyter", "lab", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]

"""``hubkiln base build``: the base image that pushed images and ``apt.txt`` stand on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from hubkiln.cli.building import run_to_end
from hubkiln.cli.options import FOLDER, check_target, data_dir_option, open_data_dir
from hubkiln.cli.plain_lines import echo
from hubkiln.composer import BASE_PACKAGES, DEFAULT_BASE, BaseImage, BaseRequest, build_base
from hubkiln.images import (
    InMemoryLayerIndex,
    OciLayout,
    Pusher,
    parse_name,
    push_from_layout,
    registry_clients,
    registry_settings,
)
from hubkiln.packages import find_interpreter, find_interpreters
from hubkiln.stores import lease
from hubkiln.values import Interpreter


@click.group()
def base() -> None:
    """The base image that images are composed on."""


@base.command("build")
@data_dir_option
@click.option("--suite", default="bookworm", show_default=True, help="Debian release.")
@click.option("--packages", default="", metavar="'A B'", help="Further Debian packages.")
@click.option("--python", "minors", multiple=True, metavar="3.12", help="Take this machine's Python along; repeat it.")
@click.option("--all-pythons", is_flag=True, help="Take every Python of this machine along.")
@click.option("--mirror", metavar="URL", help="Fetch Debian packages from here. [default: mmdebstrap's]")
@click.option("--output", type=FOLDER, help="OCI layout to write it to instead.")
@click.option("--push", metavar="REGISTRY/NAME[:TAG]", help="Push it there, too.")
def build_base_image(
    data_dir: Path | None,
    suite: str,
    packages: str,
    minors: tuple[str, ...],
    all_pythons: bool,
    mirror: str | None,
    output: Path | None,
    push: str | None,
) -> None:
    """Build the base image from Debian packages; it becomes the default for --push and for apt.txt.

    Prints its digest, or with --push the image's name by digest.
    """
    check_target(push)

    async def work() -> str:
        if output is not None:
            return await made(OciLayout(output))
        data = open_data_dir(data_dir)
        with lease(data.root, "a build of the base image"):
            return await made(OciLayout(data.layers))

    async def made(layout: OciLayout) -> str:
        request = BaseRequest(
            suite=suite,
            packages=(*BASE_PACKAGES, *packages.replace(",", " ").split()),
            pythons=tuple(await pythons(minors, all_pythons)),
            mirror=mirror,
        )
        image = await build_base(request, layout, lambda text: echo(text, nl=False, err=True))
        if output is None:
            layout.tag(DEFAULT_BASE, image.image.descriptor)
        return image.digest if push is None else await pushed(image, layout, push)

    click.echo(run_to_end(work()))


async def pythons(minors: Sequence[str], every: bool) -> list[Interpreter]:
    """Those of this machine that were asked for; raises Unsupported or LockFailed where there is no such one."""
    return list(await find_interpreters()) if every else [await find_interpreter(minor) for minor in minors]


async def pushed(made: BaseImage, layout: OciLayout, target: str) -> str:
    """Push the base image; its name by digest."""
    name = parse_name(target)
    async with registry_clients(None, registry_settings(os.environ))() as client:
        await push_from_layout(Pusher(client, name, InMemoryLayerIndex()), layout, made.image.descriptor)
    return str(name.at(made.digest))

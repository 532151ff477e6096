"""``hubkiln base build``: the base image that pushed images and ``apt.txt`` stand on."""

from __future__ import annotations

from pathlib import Path

import click

from hubkiln.cli.building import run_to_end
from hubkiln.cli.options import data_dir_option, open_data_dir


@click.group()
def base() -> None:
    """The base image that images are composed on."""


@base.command("build")
@data_dir_option
@click.option("--suite", default="bookworm", show_default=True, help="Debian release.")
@click.option("--package", "packages", multiple=True, metavar="NAME", help="A further Debian package; may be repeated.")
@click.option(
    "--python", "minors", multiple=True, metavar="3.12", help="Take this machine's Python along; may be repeated."
)
@click.option("--all-pythons", is_flag=True, help="Take every Python of this machine along.")
@click.option("--mirror", metavar="URL", help="Fetch Debian packages from here. [default: Debian's own]")
def build_base_image(
    data_dir: Path | None,
    suite: str,
    packages: tuple[str, ...],
    minors: tuple[str, ...],
    all_pythons: bool,
    mirror: str | None,
) -> None:
    """Build the base image from Debian packages; it becomes the default for --push and for apt.txt."""
    from hubkiln.composer.base_image import BaseRequest, build_base
    from hubkiln.composer.base_system import PACKAGES
    from hubkiln.composer.grounds import DEFAULT_BASE
    from hubkiln.images.layout import OciLayout
    from hubkiln.packages.interpreters import find, find_interpreters

    async def work() -> str:
        pythons = await find_interpreters() if all_pythons else [await find(minor) for minor in minors]
        request = BaseRequest(suite=suite, packages=(*PACKAGES, *packages), pythons=tuple(pythons), mirror=mirror)
        layout = OciLayout(open_data_dir(data_dir).layers)
        made = await build_base(request, layout, lambda text: click.echo(text, nl=False, err=True))
        layout.tag(DEFAULT_BASE, made.image.descriptor)
        return made.digest

    click.echo(run_to_end(work()))

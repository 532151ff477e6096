"""``hubkiln run``: a command inside an environment, in the repository's folder, or inside any image."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hubkiln.assembly import Workshop, open_workshop
from hubkiln.cli.building import built, on_the_command_line, run_to_end, to_stderr
from hubkiln.cli.options import open_data_dir, opening_options, recipe_options, variables
from hubkiln.cli.ports import leading, published_ports
from hubkiln.cli.pull import pulled
from hubkiln.cli.volumes import tell_of_unwritable, volumes
from hubkiln.errors import BadSpec
from hubkiln.local_images import LocalImage, attach, is_local


@click.command()
@recipe_options
@opening_options
@click.option("--image", metavar="REF", help="Run in this image instead of building SPEC; pulled if it is not here.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[SPEC] -- COMMAND...")
def run(
    words: tuple[str, ...],
    env: tuple[str, ...],
    volume: tuple[str, ...],
    publish: tuple[str, ...],
    image: str | None,
    data_dir: Path | None,
    ref: str | None,
    as_of: str,
    refresh: bool,
    subdir: str,
) -> None:
    """Build SPEC and run COMMAND in it: hubkiln run SPEC -- python script.py.

    The command sees the repository's files in its working folder and may change them; the changes are gone
    afterwards, but for those in a --volume. Its exit code becomes ours.

    With --image, COMMAND goes through the image's entrypoint; without one, the image's own command runs.
    """
    if image is not None and (ref or subdir or refresh or as_of != "today"):
        raise click.UsageError("--image runs an image as it is: --ref, --subdir, --refresh and --as-of do not apply.")
    if image is None and len(words) < 2:
        raise click.UsageError("Say what to build and what to run: hubkiln run SPEC -- COMMAND")

    data, inside, ports = open_data_dir(data_dir), variables(env), published_ports(publish)
    shown = volumes(volume, data.root)

    async def work() -> int:
        async with open_workshop(data, on_the_command_line()) as workshop:
            if image is not None:
                found = await ready(workshop, image)
                argv = list(words) or default_command(found, image)
            else:
                result = await built(workshop, words[0], ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
                found, argv = workshop.images.get(result.image), list(words[1:])
            tell_of_unwritable(shown, workshop.engine.identity)
            async with leading(ports, to_stderr):
                return await attach(data.rooms, workshop.engine, found, argv, inside, shown)

    sys.exit(run_to_end(work()))


async def ready(workshop: Workshop, reference: str) -> LocalImage:
    """The image of a local reference, or of any registry's."""
    if is_local(reference):
        return workshop.images.get(reference)
    return (await pulled(workshop.data, workshop.engine, reference))[1]


def default_command(image: LocalImage, reference: str) -> list[str]:
    """
    What the image itself says to run.

    Raises:
        BadSpec: nothing.
    """
    if not image.command and not image.entrypoint:
        raise BadSpec(f"The image {reference} names no command.", hint="Say one: hubkiln run --image REF -- COMMAND")
    return list(image.command)

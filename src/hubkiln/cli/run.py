"""``hubkiln run``: a command inside an environment, in the repository's folder, or inside any image."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hubkiln.assembly import Workshop, open_workshop
from hubkiln.cli.building import built, on_the_command_line, run_to_end
from hubkiln.cli.options import env_option, open_data_dir, recipe_options, variables
from hubkiln.cli.pull import pulled
from hubkiln.errors import BadSpec
from hubkiln.local_images import LocalImage, attach, is_local


@click.command()
@recipe_options
@env_option
@click.option("--image", metavar="REF", help="Run in this image instead of building SPEC; pulled if it is not here.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[SPEC] -- COMMAND...")
def run(
    words: tuple[str, ...],
    env: tuple[str, ...],
    image: str | None,
    data_dir: Path | None,
    ref: str | None,
    as_of: str,
    refresh: bool,
    subdir: str,
) -> None:
    """Build SPEC and run COMMAND in it: hubkiln run SPEC -- python script.py.

    The command sees the repository's files in its working folder and may change them; the changes are gone
    afterwards. Its exit code becomes ours.

    With --image, COMMAND goes through the image's entrypoint; without one, the image's own command runs.
    """
    if image is not None and (ref or subdir or refresh or as_of != "today"):
        raise click.UsageError("--image runs an image as it is: --ref, --subdir, --refresh and --as-of do not apply.")
    if image is None and len(words) < 2:
        raise click.UsageError("Say what to build and what to run: hubkiln run SPEC -- COMMAND")

    inside = variables(env)

    async def work() -> int:
        async with open_workshop(open_data_dir(data_dir), on_the_command_line()) as workshop:
            if image is not None:
                found = await ready(workshop, image)
                argv = list(words) or default_command(found, image)
                return await attach(workshop.data, workshop.engine, found, argv, inside)
            result = await built(workshop, words[0], ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
            return await attach(
                workshop.data, workshop.engine, workshop.images.get(result.image), list(words[1:]), inside
            )

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

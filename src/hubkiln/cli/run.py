"""``hubkiln run``: a command inside an environment, in the repository's folder."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hubkiln.assembly import open_workshop
from hubkiln.cli.building import ON_THE_COMMAND_LINE, built, run_to_end
from hubkiln.cli.options import build_options, open_data_dir


@click.command()
@build_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True)
def run(
    spec: str, command: tuple[str, ...], data_dir: Path | None, ref: str | None, as_of: str, refresh: bool, subdir: str
) -> None:
    """Build SPEC and run COMMAND in it: hubkiln run SPEC -- python script.py.

    The command sees the repository's files in its working folder and may change them; the changes are gone
    afterwards. Its exit code becomes ours.
    """

    async def work() -> int:
        async with open_workshop(open_data_dir(data_dir), ON_THE_COMMAND_LINE) as workshop:
            result = await built(workshop, spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
            return await workshop.attach(workshop.images.get(result.image), list(command))

    sys.exit(run_to_end(work()))

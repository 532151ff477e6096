"""``hubkiln build``: a repository becomes an environment."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from hubkiln.assembly import open_workshop
from hubkiln.cli.building import ON_THE_COMMAND_LINE, built, run_to_end
from hubkiln.cli.options import build_options, open_data_dir


@click.command()
@build_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the result as the last line.")
def build(
    spec: str, data_dir: Path | None, ref: str | None, as_of: str, refresh: bool, subdir: str, as_json: bool
) -> None:
    """Build SPEC: a folder, a git URL, org/repo, provider/… or inline/package,package."""

    async def work() -> None:
        async with open_workshop(open_data_dir(data_dir), ON_THE_COMMAND_LINE) as workshop:
            result = await built(workshop, spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(result)))
        else:
            click.echo(result.image)

    run_to_end(work())

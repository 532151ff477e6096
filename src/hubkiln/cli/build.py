"""``hubkiln build``: a repository becomes an environment on this machine, or an image in a registry."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from hubkiln.assembly import Workshop, open_workshop
from hubkiln.builds import BuildRequest
from hubkiln.cli.building import on_the_command_line, run_to_end
from hubkiln.cli.display import Display
from hubkiln.cli.lines import tell_all, told_too
from hubkiln.cli.options import check_target, open_data_dir, recipe_options
from hubkiln.cli.plain_lines import echo


@click.command()
@recipe_options
@click.option("--push", metavar="REGISTRY/NAME[:TAG]", help="Push an image instead of keeping the environment here.")
@click.option("--base-image", metavar="REF", help="Base image. [default: the one of `hubkiln base build`]")
@click.option("--packages", metavar="'A B==1'", help="Packages besides those of SPEC, or instead of it.")
@click.option("--lock", metavar="FILE_OR_DIGEST", help="Exactly the packages of this lock; see `hubkiln env export`.")
@click.option(
    "--plan",
    "--dry-run",
    "plan",
    is_flag=True,
    help="Say what would be done, and do nothing but fetch the repository.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object about the result as the last line.")
@click.option("--events", is_flag=True, help="Print each event as a line of JSON, the end too: for other programs.")
@click.option("--service", metavar="URL", help="Let the build service at this address build it, and print its id.")
@click.option("--wait", is_flag=True, help="With --service: follow the build, and end as it ends.")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --service: file with a Hub token. [default: $HUBKILN_TOKEN]",
)
@click.argument("spec", required=False)
def build(
    spec: str | None,
    data_dir: Path | None,
    ref: str | None,
    as_of: str,
    refresh: bool,
    subdir: str,
    push: str | None,
    base_image: str | None,
    packages: str | None,
    lock: str | None,
    plan: bool,
    as_json: bool,
    events: bool,
    service: str | None,
    wait: bool,
    token_file: Path | None,
) -> None:
    """Build SPEC: a folder, a git URL, org/repo, provider/… or inline/package,package; SPEC + PACKAGES adds some."""
    text = asked_for(spec, packages)
    if service is not None:
        check_alone({"--push": push, "--base-image": base_image, "--lock": lock, "--plan": plan, "--events": events})
        order_there(service, text, ref, subdir, as_of, refresh, token_file, wait, as_json)
        return
    if wait or token_file:
        raise click.UsageError("--wait and --token-file go with --service.")
    if events and (plan or as_json):
        raise click.UsageError("--events is all that is printed; leave --plan and --json out.")
    check_target(push)

    async def work() -> None:
        async with open_workshop(open_data_dir(data_dir), on_the_command_line()) as workshop:
            request = BuildRequest(
                spec=workshop.repositories.parse(text, ref, subdir=subdir),
                as_of=as_of,
                refresh=refresh,
                for_hub=False,
                push=push,
                base_image=base_image,
                lock=await lock_of(workshop, lock) if lock is not None else None,
            )
            if events:
                await tell_all(workshop.pipeline, request, sys.stdout)
            else:
                await (foretell if plan else make)(workshop, request, as_json)
            if workshop.later is not None:
                await workshop.later.done()

    run_to_end(told_too(work(), sys.stdout) if events else work())


def check_alone(given: Mapping[str, object]) -> None:
    """See that nothing is `given` that only builds of this machine have; raises UsageError."""
    if named := [name for name, value in given.items() if value not in (None, False)]:
        raise click.UsageError(f"{', '.join(named)}: of builds of this machine alone, not with --service.")


def order_there(
    service: str,
    spec: str,
    ref: str | None,
    subdir: str,
    as_of: str,
    refresh: bool,
    token_file: Path | None,
    wait: bool,
    as_json: bool,
) -> None:
    """Let the service build it."""
    from hubkiln.cli.remote import build_there, token_of  # an HTTP client, of no use to builds of this machine
    from hubkiln.client import Order

    order = Order(spec=spec, ref=ref, subdir=subdir, as_of=as_of, refresh=refresh)
    run_to_end(build_there(service, token_of(token_file), order, wait=wait, as_json=as_json))


def asked_for(spec: str | None, packages: str | None) -> str:
    """What is to be built, as the page has it; raises UsageError where it is nothing."""
    if spec is None and packages is None:
        raise click.UsageError("Give a SPEC, --packages, or both.")
    if packages is None:
        return str(spec)
    return f"inline/{packages}" if spec is None else f"{spec} + {packages}"


async def lock_of(workshop: Workshop, text: str) -> str:
    """The digest of a kept lock; a file's lock is kept first."""
    if not Path(text).is_file():
        return text
    content = Path(text).read_text(errors="replace")
    digest = hashlib.sha256(content.encode()).hexdigest()
    await workshop.locks.keep(f"file {digest}", "", content, digest)
    return digest


async def make(workshop: Workshop, request: BuildRequest, as_json: bool) -> None:
    """Build, and print what came of it."""
    with Display() as display:
        result = await workshop.pipeline.build(request, display)
    click.echo(json.dumps(dataclasses.asdict(result)) if as_json else result.image)


async def foretell(workshop: Workshop, request: BuildRequest, as_json: bool) -> None:
    """Print what a build would do."""
    with Display() as display:
        dry_run = await workshop.pipeline.dry_run(request, display)
    if as_json:
        told = {"plan": dry_run.plan, "why": dry_run.why, "python": dry_run.python, "steps": dry_run.steps}
        click.echo(json.dumps(told | {"locked": dry_run.lock is not None}))
        return
    echo(f"Plan: {dry_run.plan}" + (f", Python {dry_run.python}" if dry_run.python else ""))
    for sentence in (*dry_run.why, *dry_run.steps):
        echo(f"  {sentence}")

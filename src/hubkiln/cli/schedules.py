"""``hubkiln schedules``: what is built at certain times; changes hold at once in a service that runs."""

from __future__ import annotations

from pathlib import Path

import click

from hubkiln.builds import BuildRequest, Schedule, Schedules
from hubkiln.cli.options import data_dir_option
from hubkiln.cli.plain_lines import echo
from hubkiln.cli.records import author, listed_by, with_records
from hubkiln.repositories import parse_spec
from hubkiln.settings import Settings


@click.group()
def schedules() -> None:
    """What is built at certain times, before anybody asks for it."""


@schedules.command("list")
@data_dir_option
def listing(data_dir: Path | None) -> None:
    """Show every schedule: its next time, and what came of the last."""
    found = with_records(data_dir, lambda database: Schedules(database).listing())
    for schedule in found:
        echo(line(schedule))
    if not found:
        echo("There are no schedules.", err=True)


@schedules.command("add")
@data_dir_option
@click.argument("spec")
@click.argument("times")
@click.option("--ref", help="A branch, tag or commit.")
@click.option("--refresh", is_flag=True, help="Look for newer packages each time.")
@click.option("--no-keep", is_flag=True, help="Let what was built last be collected like everything else.")
def add(spec: str, times: str, ref: str | None, refresh: bool, no_keep: bool, data_dir: Path | None) -> None:
    """Build SPEC at TIMES, which are written as cron does, in UTC: '0 4 * * 1' is Mondays at 4."""
    request = BuildRequest(spec=parse_spec(spec, ref, settings=Settings.read().repositories), refresh=refresh)
    schedule = with_records(
        data_dir,
        lambda database: Schedules(database).add(request, times, keep=not no_keep, author=author()),
    )
    click.echo(schedule.id)


@schedules.command("pause")
@data_dir_option
@click.argument("id")
def pause(id: str, data_dir: Path | None) -> None:
    """Build it at no times until `go-on`; what it keeps stays."""
    with listed_by("hubkiln schedules list"):
        echo(line(with_records(data_dir, lambda database: Schedules(database).pause(id))))


@schedules.command("go-on")
@data_dir_option
@click.argument("id")
def go_on(id: str, data_dir: Path | None) -> None:
    """End a pause: build it at the next of its times."""
    with listed_by("hubkiln schedules list"):
        echo(line(with_records(data_dir, lambda database: Schedules(database).go_on(id))))


@schedules.command("remove")
@data_dir_option
@click.argument("id")
def remove(id: str, data_dir: Path | None) -> None:
    """Build it at no times any more, by the id that `list` shows."""
    with listed_by("hubkiln schedules list"):
        with_records(data_dir, lambda database: Schedules(database).remove(id))


def line(schedule: Schedule) -> str:
    """A schedule in a line."""
    spec = schedule.request.spec
    following = "being built" if schedule.build else f"next {schedule.due:%Y-%m-%d %H:%M} UTC"
    following = "paused" if schedule.paused else following
    last = ""
    if schedule.last_phase and schedule.last_at:
        why = f": {schedule.problem['message']}" if schedule.problem else ""
        last = f", last {schedule.last_phase} {schedule.last_at:%Y-%m-%d %H:%M} UTC{why}"
    times = schedule.times or "a push"
    return (
        f"{schedule.id}  {spec.provider}/{spec.repository}@{spec.ref}  {times}  {following}{last} ({schedule.author})"
    )

"""``hubkiln occasions``: other limits for a time; changes hold at once in a service that runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from hubkiln.builds import LIMITS, Occasion, OccasionKind, Occasions
from hubkiln.cli.options import data_dir_option
from hubkiln.cli.plain_lines import echo
from hubkiln.cli.records import author, listed_by, with_records
from hubkiln.errors import BadSpec
from hubkiln.setting_values import given_option
from hubkiln.values import utc_now


@click.group()
def occasions() -> None:
    """Other limits for a time: a workshop's group may build more, or all others less."""


@occasions.command("list")
@data_dir_option
def listing(data_dir: Path | None) -> None:
    """Show every occasion, by its begin."""
    found = with_records(data_dir, lambda database: Occasions(database).listing())
    for occasion in found:
        echo(line(occasion, utc_now()))
    if not found:
        echo("There are no occasions.", err=True)


@occasions.command("add")
@data_dir_option
@click.argument("kind", type=click.Choice([kind.value for kind in OccasionKind]))
@click.argument("pattern")
@click.argument("limits", nargs=-1, required=True, metavar="LIMIT=VALUE...")
@click.option("--from", "begins", metavar="TIME", help="When it begins: 2026-12-01T09:00. [default: now]")
@click.option("--until", "ends", metavar="TIME", required=True, help="When it ends.")
@click.option("--reason", default="", help="Its name, shown to those whom it concerns.")
def add(
    kind: str, pattern: str, limits: tuple[str, ...], begins: str | None, ends: str, reason: str, data_dir: Path | None
) -> None:
    """Set other limits for what matches PATTERN: group course-26 user_builds=5; everybody '*' user_builds=1."""
    from_, until = (moment(begins) if begins else utc_now()), moment(ends)
    given = given_option(limits)
    occasion = with_records(
        data_dir,
        lambda database: Occasions(database).add(
            OccasionKind(kind), pattern, given, begins=from_, ends=until, author=author(), reason=reason
        ),
    )
    click.echo(occasion.id)


@occasions.command("remove")
@data_dir_option
@click.argument("id")
def remove(id: str, data_dir: Path | None) -> None:
    """Back to the usual limits, by the id that `list` shows."""
    with listed_by("hubkiln occasions list"):
        with_records(data_dir, lambda database: Occasions(database).remove(id))


def moment(text: str) -> datetime:
    """
    A time as it is typed; this machine's own unless it says otherwise.

    Raises:
        BadSpec: it is none.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise BadSpec(f"{text[:40]!r} is no time.", hint="Write it like 2026-12-01T09:00.") from None


def line(occasion: Occasion, now: datetime) -> str:
    """An occasion in a line."""
    over = " (over)" if occasion.ends <= now else ""
    named = {name: occasion.limits[name] for name in LIMITS if name in occasion.limits}
    limits = ", ".join(f"{name}={'none' if value is None else f'{value:g}'}" for name, value in named.items())
    times = f"{occasion.begins:%Y-%m-%d %H:%M} to {occasion.ends:%Y-%m-%d %H:%M} UTC{over}"
    reason = f": {occasion.reason}" if occasion.reason else ""
    return f"{occasion.id}  {occasion.kind} {occasion.pattern}  {times}  {limits} ({occasion.author}){reason}"

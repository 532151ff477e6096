"""``hubkiln rules``: what may not be built here, or alone may; changes hold at once in a service that runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import click

from hubkiln.builds import Rule, RuleKind, Rules
from hubkiln.cli.options import data_dir_option
from hubkiln.cli.plain_lines import echo
from hubkiln.cli.records import author, listed_by, with_records
from hubkiln.values import utc_now

T = TypeVar("T")


@click.group()
def rules() -> None:
    """What may not be built, or alone may: repositories, hosts, users, images, networks."""


@rules.command("list")
@data_dir_option
def listing(data_dir: Path | None) -> None:
    """Show every rule, the newest first."""
    found = _with_rules(data_dir, lambda rules: rules.listing())
    for rule in found:
        echo(line(rule, utc_now()))
    if not found:
        echo("There are no rules.", err=True)


@rules.command("add")
@data_dir_option
@click.argument("kind", type=click.Choice([kind.value for kind in RuleKind]))
@click.argument("pattern")
@click.option("--allow", is_flag=True, help="Allow this, and nothing else of its kind, instead of forbidding it.")
@click.option("--reason", default="", help="Shown to whoever is refused.")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="How long it holds. [default: for good]")
def add(kind: str, pattern: str, allow: bool, reason: str, days: float | None, data_dir: Path | None) -> None:
    """Forbid what matches PATTERN, in which * and ? stand for anything: spec 'gh/org/*', host '*.example.org'."""
    expires = None if days is None else utc_now() + timedelta(days=days)
    rule = _with_rules(
        data_dir,
        lambda rules: rules.add(
            RuleKind(kind), pattern, author=author(), allowed=allow, reason=reason, expires=expires
        ),
    )
    click.echo(rule.id)


@rules.command("remove")
@data_dir_option
@click.argument("id")
def remove(id: str, data_dir: Path | None) -> None:
    """Take a rule back, by the id that `list` shows."""
    with listed_by("hubkiln rules list"):
        _with_rules(data_dir, lambda rules: rules.remove(id))


def line(rule: Rule, now: datetime) -> str:
    """A rule in a line."""
    end = (
        "" if rule.expires is None else f" {'ended' if rule.expires <= now else 'until'} {rule.expires:%Y-%m-%d %H:%M}"
    )
    says = "allows only" if rule.allowed else "forbids"
    reason = f": {rule.reason}" if rule.reason else ""
    return f"{rule.id}  {says} {rule.kind} {rule.pattern} ({rule.author}){end}{reason}"


def _with_rules(data_dir: Path | None, work: Callable[[Rules], Awaitable[T]]) -> T:
    return with_records(data_dir, lambda database: work(Rules(database)))

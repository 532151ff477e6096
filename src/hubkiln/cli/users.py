"""``hubkiln users``: what is kept under a user's name, for users who leave or get another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import click

from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.cli.plain_lines import echo
from hubkiln.cli.records import with_records
from hubkiln.repositories import Keyring
from hubkiln.settings import Settings
from hubkiln.spawners import home_of
from hubkiln.users import KeptOfUser, KeptOfUsers

dry_run_option = click.option("--dry-run", is_flag=True, help="Say what there is, and change nothing.")


@click.group()
def users() -> None:
    """What is kept under a user's name; JupyterHub tells nobody when users leave or get another."""


@users.command("show")
@data_dir_option
@click.argument("name")
def show(name: str, data_dir: Path | None) -> None:
    """Say what is kept of NAME: environments, builds, stored tokens."""
    _say(_with(data_dir, lambda kept: kept.of(name)), "Kept of", data_dir)


@users.command("forget")
@data_dir_option
@dry_run_option
@click.argument("name")
def forget(name: str, dry_run: bool, data_dir: Path | None) -> None:
    """Forget what is kept of NAME, and stop their builds; whoever gets the name next begins with nothing.

    Delete the user in JupyterHub first. Schedules, rules and the home stay.
    """
    work = KeptOfUsers.of if dry_run else KeptOfUsers.forget
    _say(_with(data_dir, lambda kept: work(kept, name)), "Would forget of" if dry_run else "Forgotten of", data_dir)


@users.command("rename")
@data_dir_option
@dry_run_option
@click.argument("old")
@click.argument("new")
def rename(old: str, new: str, dry_run: bool, data_dir: Path | None) -> None:
    """Let everything that is kept of OLD be NEW's, who may have something already.

    Rename the user in JupyterHub first. The home stays where it is.
    """
    if dry_run:
        found = _with(data_dir, lambda kept: kept.of(old))
    else:
        found = _with(data_dir, lambda kept: kept.rename(old, new))
    _say(found, f"Would give {new}, of" if dry_run else f"{new} has, of", data_dir)


def _with(data_dir: Path | None, work: Callable[[KeptOfUsers], Awaitable[KeptOfUser]]) -> KeptOfUser:
    keys = Settings.read().repositories.credential_keys
    return with_records(data_dir, lambda database: work(KeptOfUsers(database, Keyring(database, keys))))


def _say(found: KeptOfUser, what: str, data_dir: Path | None) -> None:
    echo(f"{what} {found.name}: {', '.join(_parts(found)) or 'nothing'}.")
    if found.of_builds.schedules or found.of_builds.rules:
        echo(
            f"Of theirs, or about them: {found.of_builds.schedules} schedules, {found.of_builds.rules} rules and "
            "occasions; forgetting leaves these."
        )
    if (home := home_of(open_data_dir(data_dir), found.name)).is_dir():
        echo(f"Their home is {home}: it stays; move or remove it while no server of theirs runs.")


def _parts(found: KeptOfUser) -> Iterator[str]:
    if found.environments:
        yield f"{found.environments} environment{'s' if found.environments > 1 else ''}"
    if found.of_builds.builds:
        going = f" ({found.of_builds.under_way} under way)" if found.of_builds.under_way else ""
        yield f"{found.of_builds.builds} build{'s' if found.of_builds.builds > 1 else ''}{going}"
    if found.tokens:
        yield "stored tokens"

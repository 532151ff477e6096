"""Options that several commands share, and what they mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hubkiln.data_dir import DataDir, default_data_dir
from hubkiln.errors import BadSpec
from hubkiln.folders import FULL, is_closed
from hubkiln.home import typed_path

Command = Callable[..., Any]

PORT = click.IntRange(0, 65535)
"""A port; 0 leaves the choice to the machine."""


class _Folder(click.Path):
    """A folder, as whoever types it means it: never the working folder where a script's variable was empty."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).strip():
            self.fail("An empty name is no folder's.", param, ctx)
        return super().convert(typed_path(str(value)), param, ctx)


FOLDER = _Folder(file_okay=False, path_type=Path)


def data_dir_option(command: Command) -> Command:
    """``--data-dir``."""
    return click.option(
        "--data-dir",
        type=FOLDER,
        help="Folder for stores and state; shared with the hub's. [default: $HUBKILN_DATA_DIR, else per user]",
    )(command)


def build_options(command: Command) -> Command:
    """SPEC and how to build it."""
    return recipe_options(click.argument("spec")(command))


def recipe_options(command: Command) -> Command:
    """How to build a repository."""
    for decorate in (
        click.option("--subdir", default="", help="Folder of the repository to take as its root."),
        click.option("--refresh", is_flag=True, help="Resolve the packages anew instead of using the known lock."),
        click.option("--as-of", default="today", show_default=True, help="Packages as of: today, commit, or a date."),
        click.option("--ref", help="Branch, tag or commit. [default: the default branch]"),
        data_dir_option,
    ):
        command = decorate(command)
    return command


def env_option(command: Command) -> Command:
    """``--env``."""
    return click.option(
        "-e", "--env", "env", multiple=True, metavar="NAME[=VALUE]", help="Variable inside; without =, of ours."
    )(command)


def opening_options(command: Command) -> Command:
    """``--env``, ``--volume`` and ``--publish``: what a command is given of this machine."""
    published = "Port here that leads to one of the command's; -p PORT for any that is free. On loopback."
    for decorate in (
        click.option("-p", "--publish", multiple=True, metavar="[[ADDRESS:]PORT:]PORT", help=published),
        click.option(
            "-v",
            "--volume",
            multiple=True,
            metavar="FOLDER:PLACE[:ro]",
            help="Folder or file of yours that is seen, and changed, at a place inside.",
        ),
        env_option,
    ):
        command = decorate(command)
    return command


def check_target(push: str | None) -> None:
    """
    See that what ``--push`` names can be pushed to, before anything is made for it.

    Raises:
        BadSpec: it is no image's name.
    """
    if push is not None:
        from hubkiln.images import parse_name  # the help of a command needs no images

        parse_name(push)


def variables(given: Sequence[str], ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """
    What ``--env`` sets; a name alone takes our own value, and nothing where we have none, as containers do.

    Raises:
        BadSpec: one is no variable.
    """
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) or "\0" in value:
            raise BadSpec(f"{text[:60]!r} is not a variable.", hint="Write it as --env NAME=VALUE, or --env NAME.")
        if equals or name in ours:
            found[name] = value if equals else ours[name]
    return found


def open_data_dir(path: Path | None) -> DataDir:
    """
    The data folder, made if missing.

    Raises:
        BadSpec: no folder can be there.
        OSError: it is closed to us, or its disk is full.
    """
    root = (path or default_data_dir()).absolute()
    try:
        return DataDir(root).make()
    except OSError as error:
        if is_closed(error) or error.errno in FULL:
            raise
        raise BadSpec(
            f"{root} cannot be the data folder: {error.strerror}.", hint="Name another, with --data-dir."
        ) from error

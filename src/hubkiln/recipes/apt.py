"""Reads ``apt.txt``: Debian package names and nothing that a shell or apt could take for something else."""

from __future__ import annotations

import re

from hubkiln.errors import RecipeError
from hubkiln.recipes.files import Files

_COMMAND = re.compile(r"(?:RUN\s+)?(?:sudo\s+)?(?:apt|apt-get|aptitude)\s+(?:-\S+\s+)*(?:install|update|upgrade)\b")
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.]")


def read_apt(files: Files) -> tuple[str, ...]:
    """
    Package names, sorted.

    Raises:
        RecipeError: a line is not a package's name; with its number.
    """
    if (path := files.find("apt.txt")) is None:
        return ()
    names: set[str] = set()
    for number, line in enumerate(files.text(path).split("\n"), 1):
        line = line.partition("#")[0].strip().removesuffix("\\")
        if command := _COMMAND.match(line):
            raise RecipeError(
                f"`{path}`, line {number}: `{command[0].strip()}` is a command, not a package.",
                hint="Give the packages' names alone, one on each line.",
            )
        for name in line.split():
            if not _NAME.fullmatch(name):
                shown = re.sub(r"[^\x20-\x7e]", "?", name)[:60]
                raise RecipeError(
                    f"`{path}`, line {number}: `{shown}` is not the name of a Debian package.", hint=_hint(name)
                )
            names.add(name)
    return tuple(sorted(names))


def _hint(name: str) -> str:
    if "://" in name or name.startswith("ppa:"):
        return "Only packages of Debian itself can be had, by their names: leave the address out."
    if re.match(r"[a-z0-9+.-]+[=:/]", name):
        return "Give the name alone: versions, architectures and releases cannot be chosen."
    if name.startswith("-"):
        return "Options of apt cannot be given; leave it out."
    if name.endswith("-"):
        return "A package cannot be removed: leave it out."
    if name.lower() != name and _NAME.fullmatch(name.lower()):
        return "Package names are lower case."
    return "Put one package name on each line."

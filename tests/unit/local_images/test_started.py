"""How a command is started: behind the repository's ``start`` script, with the variables that repo2docker has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hubkiln.composer.bases.runtime import runtime
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import BEHIND, environment_variables, started
from hubkiln.values import PREFIX, REPO_DIR


def image(**more: object) -> LocalImage:
    """An environment of ours."""
    return LocalImage(name="any", environment="key", **more)  # type: ignore[arg-type]


def test_without_a_script_a_command_starts_as_it_is() -> None:
    """Nothing goes before it, but what conda packages want."""
    assert started(image(), ["jupyter", "lab"]) == ["jupyter", "lab"]
    assert started(image(entrypoint=("/activate",)), ["id"]) == ["/activate", "id"]


def test_the_start_script_gets_the_command() -> None:
    """After what sets the variables of conda packages."""
    found = started(image(entrypoint=("/activate",), start="binder/start"), ["id", "-u"])
    assert found[0] == "/activate"
    assert found[-3:] == [f"/{REPO_DIR}/binder/start", "id", "-u"]


@pytest.mark.parametrize("mode", [0o755, 0o644])
@pytest.mark.parametrize("first", ["#!/bin/sh", "#!/bin/sh -u", "#! /usr/bin/env sh", "# no interpreter is named"])
def test_a_script_runs_whether_it_is_executable_or_not(tmp_path: Path, first: str, mode: int) -> None:
    """By the interpreter that it names, else by the shell; arguments arrive as they are; it knows its own name."""
    script = tmp_path / "start here"
    script.write_text(f'{first}\necho "$0"\nexec "$@"\n')
    script.chmod(mode)
    command = ["printf", "%s\n", "a  b", "*", "$HOME", ""]
    done = subprocess.run([*BEHIND, script, *command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == f"{script}\na  b\n*\n$HOME\n\n"


def test_its_exit_code_is_kept(tmp_path: Path) -> None:
    """Whoever waits for the server learns how it ended."""
    script = tmp_path / "start"
    script.write_text('#!/bin/sh\n"$@"\nexit 7\n')
    assert subprocess.run([*BEHIND, script, "true"], check=False).returncode == 7


def test_sandbox_and_image_have_the_same_variables() -> None:
    """What a repository finds in its environment does not depend on where it runs."""
    here, there = environment_variables(image()), dict(runtime({}).env)
    assert {name: here.get(name) for name in there} == there
    assert here["PATH"].split(":")[1:3] == [f"/{REPO_DIR}/.local/bin", f"/{PREFIX}/bin"]


def test_the_recipe_has_the_last_word() -> None:
    """``variables`` of an environment.yml win."""
    assert environment_variables(image(env=(("LANG", "de_DE.UTF-8"),)))["LANG"] == "de_DE.UTF-8"


@pytest.mark.parametrize("tini", ["/usr/bin/tini", "tini"])
def test_tini_is_told_that_it_is_not_the_first_process(tini: str) -> None:
    """As most Jupyter images start; else it warns at every command. Nothing else gets the variable."""
    for before in ((), ("/usr/local/bin/bring-files",)):
        assert environment_variables(image(entrypoint=(*before, tini, "-g", "--")))["TINI_SUBREAPER"] == "1"
    assert "TINI_SUBREAPER" not in environment_variables(image(entrypoint=("/start.sh", "tinier")))
    assert "TINI_SUBREAPER" not in environment_variables(image())

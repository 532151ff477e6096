"""What calls of ``conda`` in a ``postBuild`` may say, and what becomes of the rest; nothing is solved here."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from hubkiln.composer.steps.conda import CondaCommand, packed
from hubkiln.composer.steps.conda_command import Refused, do
from hubkiln.composer.steps.conda_command.channels import channels
from hubkiln.composer.steps.conda_command.environment import wheels
from hubkiln.packages import CondaSettings


def told(**changes: Any) -> dict[str, Any]:
    """What a command goes by, with the admin's `changes`."""
    found: dict[str, Any] = json.loads(CondaCommand(settings=CondaSettings(**changes), channels=()).variable)
    return found


@pytest.mark.parametrize("away", ["2>&1 >/dev/null", ">/dev/null 2>&1", "2>/dev/null", "2>&1 | cat"])
def test_what_it_cannot_do_is_in_the_log_wherever_its_words_are_sent(tmp_path: Path, away: str) -> None:
    """A script that silences it and goes on is not well for that; its log is the shell's when it begins."""
    (tmp_path / "conda").write_bytes(packed())
    script = f'exec 9>&2; "$0" "$1" create -n old {away}; true'
    words = ["sh", "-c", script, sys.executable, str(tmp_path / "conda")]
    done = subprocess.run(words, capture_output=True, text=True, env={"HUBKILN_CONDA": "{}", "PATH": "/usr/bin:/bin"})
    assert "conda: `conda create` is not known here" in done.stderr


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with a wheel and a conda package; the command lies beside it."""
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "conda")])
    prefix = tmp_path / "envs/notebook"
    site = prefix / "lib/python3.11/site-packages"
    for name in ("six-1.16.0", "helper_x-2.0"):
        (site / f"{name}.dist-info").mkdir(parents=True)
        project, version = name.split("-")
        text = f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n"
        (site / f"{name}.dist-info/METADATA").write_text(text)
    (prefix / "conda-meta").mkdir()
    files = ["lib/python3.11/site-packages/helper_x-2.0.dist-info/METADATA", "bin/helper"]
    record = {"name": "helper-x", "version": "2.0", "build": "0", "files": files}
    (prefix / "conda-meta/helper-x-2.0-0.json").write_text(json.dumps(record))
    return prefix


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("create -n old python=2.7", "`conda create` is not known here"),
        ("remove six", "`conda remove` is not known here"),
        ("env create -f a.yml", "`conda env create` is not known here"),
        ("install --no-deps six", "`--no-deps` is not known here"),
        ("update --all", "`--all` is not known here"),
        ("install -n other six", "no environment `other`"),
        ("run -p /opt/conda true", "no environment `/opt/conda`"),
        ("activate other", "no environment `other`"),
        ("install -y", "no package is named"),
        ("install -y -c https://elsewhere.example/x six", "is not allowed here"),
    ],
)
def test_what_is_not_known_is_refused_by_name(here: Path, call: str, says: str) -> None:
    """A script does not go on with less than it asked for."""
    with pytest.raises(Refused) as caught:
        do(call.split(), here, told())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.yml", b"dependencies: [", "`a.yml` is no YAML: while parsing"),
        ("a.yml", b"- six\n", "`a.yml` is no environment file"),
        ("a.yml", b"dependencies: 6\n", "`a.yml` is no environment file: `dependencies` should"),
        ("a.yml", b"dependencies:\n- pip: six\n", "`a.yml` is no environment file: `pip` should"),
        ("a.yml", b"name: x\n", "no package is named"),
        ("a.txt", b"\xff\xfes\0i\0x\0", "`a.txt` is no text in UTF-8"),
        ("a.txt", b"@EXPLICIT\n", "`a.txt` names files, not packages"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, says: str
) -> None:
    """What is wrong with it is said, in a sentence."""
    monkeypatch.chdir(here)
    (here / name).write_bytes(content)
    with pytest.raises(Refused) as caught:
        do(["env", "update", "-f", name] if name == "a.yml" else ["install", "--file", name], here, told())
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        "clean -tipy",
        "clean --all -f -y",
        "init bash",
        "activate",
        "activate base",
        "config --set auto_update false",
        "update -n base conda -y",
    ],
)
def test_what_means_nothing_here_is_let_pass(here: Path, call: str) -> None:
    """There is one environment, it is active, and nothing of it is kept twice."""
    do(call.split(), here, told())


def test_channels_are_those_of_the_call_then_those_set_up_then_the_usual(here: Path) -> None:
    """As conda looks for them; a company's own are left out unless an admin allows them, and a mirror is asked."""
    settings = told(host="https://mirror.example/conda")
    do(["config", "--add", "channels", "bioconda"], here, settings)
    mirror = "https://mirror.example/conda"
    found = channels(["defaults", "other"], False, settings)
    assert found == [f"{mirror}/other", f"{mirror}/bioconda", f"{mirror}/conda-forge"]
    assert channels(["other"], True, settings) == [f"{mirror}/other"]
    with pytest.raises(Refused, match="`other` is not allowed"):
        channels(["other"], False, told(allowed_channels=("conda-forge",)))


def test_wheels_are_told_from_conda_packages(here: Path) -> None:
    """By what conda notes of its own; nothing is placed over a wheel."""
    assert wheels(here) == {"six": "1.16.0"}


def test_a_script_is_told_the_day(here: Path) -> None:
    """In UTC; nothing where packages of today count, so that what was made before is still what is asked for."""
    day = datetime(2024, 5, 31, 23, 59, tzinfo=timezone(timedelta(hours=2)))
    asked = CondaCommand(settings=CondaSettings(), channels=(), as_of=day)
    assert json.loads(asked.variable) == told() | {"as_of": "2024-05-31T21:59:00+00:00"}
    assert "as_of" not in told()


def test_a_script_is_told_nobodys_password() -> None:
    """The variable says where packages come from, without the admin's login; the same text packs to the same bytes."""
    settings = CondaSettings(host="https://u:s3cret@mirror.example/conda")
    assert "s3cret" not in CondaCommand(settings=settings, channels=()).variable
    assert packed().startswith(b"#!/srv/conda/envs/notebook/bin/python\n")

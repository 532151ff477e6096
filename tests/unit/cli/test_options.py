"""Options that commands share."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkiln.cli import cli
from hubkiln.cli.options import variables
from hubkiln.cli.records import author
from hubkiln.data_dir import default_data_dir
from hubkiln.errors import BadSpec, NotFound
from hubkiln.home import NOWHERE, home


def test_variables_are_taken_as_containers_take_them() -> None:
    """With a value, empty, of our own, or not at all; the last one counts."""
    given = ("A=1", "B=", "C=x=y", "OURS", "NOT_OURS", "A=2")
    assert variables(given, {"OURS": "here"}) == {"A": "2", "B": "", "C": "x=y", "OURS": "here"}


@pytest.mark.parametrize("text", ["", "=1", "1A=1", "A B=1", "A-B=1", "Ä=1"])
def test_what_is_no_variable_is_refused(text: str) -> None:
    """With the way to write it."""
    with pytest.raises(BadSpec, match="not a variable"):
        variables((text,), {})


def test_an_empty_data_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script whose variable was empty fills no working folder with stores."""
    monkeypatch.chdir(tmp_path)
    for words in (["env", "list", "--data-dir", ""], ["base", "build", "--output", " "]):
        told = CliRunner().invoke(cli, words)
        assert told.exit_code == 2 and "An empty name is no folder's." in told.output
    assert not [*tmp_path.iterdir()]


def test_a_data_folder_is_found_from_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde is none of the working folder's, where no shell has replaced it."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert default_data_dir({"HUBKILN_DATA_DIR": "~/kept"}) == tmp_path / "home/kept"
    assert CliRunner().invoke(cli, ["env", "list", "--data-dir", "~/kept"]).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.parametrize(
    ("name", "why"), [("file/inner", "Not a directory"), ("dangling", "File exists"), ("x" * 300, "File name too long")]
)
def test_where_no_data_folder_can_be(tmp_path: Path, name: str, why: str) -> None:
    """It is said by its name, and no mistake of ours."""
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to("nowhere")
    told = CliRunner().invoke(cli, ["env", "list", "--data-dir", str(tmp_path / name)]).exception
    assert isinstance(told, BadSpec) and told.message == f"{tmp_path / name} cannot be the data folder: {why}."


@pytest.mark.parametrize("words", [["build", "inline/six"], ["base", "build"], ["env", "rebuild", "x"]])
def test_what_cannot_be_pushed_to_is_refused_at_once(words: list[str], tmp_path: Path) -> None:
    """Before a base image is made, or a repository is fetched."""
    for target in ("", "nonsense//x", "registry.example.org/Capitals"):
        told = CliRunner().invoke(cli, [*words, "--data-dir", str(tmp_path / "data"), "--push", target]).exception
        assert isinstance(told, BadSpec) and "image name" in told.message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("group", ["rules", "occasions", "schedules"])
def test_a_list_of_nothing_says_so_and_an_unknown_id_where_ids_are(group: str, tmp_path: Path) -> None:
    """The first is no output for programs."""
    data = ["--data-dir", str(tmp_path)]
    empty = CliRunner().invoke(cli, [group, "list", *data])
    assert (empty.stdout, empty.stderr) == ("", f"There are no {group}.\n")
    told = CliRunner().invoke(cli, [group, "remove", "c0ffee", *data]).exception
    assert isinstance(told, NotFound) and told.hint == f"`hubkiln {group} list` shows the ids."


def test_a_file_of_a_token_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """It is not said that none was given."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name, why in (("missing", "No such file or directory"), ("bytes", "it holds no text")):
        words = ["build", "org/repo", "--service", "http://127.0.0.1:1", "--token-file", str(tmp_path / name)]
        told = CliRunner().invoke(cli, words).exception
        assert isinstance(told, BadSpec) and told.message == f"{tmp_path / name} cannot be read: {why}."


def test_a_user_without_a_name_or_a_home_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that is given any number."""

    def unknown(uid: int) -> object:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyError):
        getpass.getuser()
    assert author().startswith("uid ")
    assert home() == NOWHERE

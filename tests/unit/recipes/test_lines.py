"""A mistake is told with the file and the line where it stands, whatever kind of file that is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.errors import RecipeError
from hubkiln.recipes import Kind, read

Write = Callable[..., Path]
PROJECT = '[project]\nname = "demo"\nversion = "1"\n'
HEAD = "name: x\nchannels:\n- conda-forge\ndependencies:\n- zlib\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + "- python=3.x\n", 6),
        (HEAD + "- python=3.10\n- bzip2\n- python=3.11\n", 8),
        (HEAD + "- bzip2 bzip2 1.0 2\n- '<bad>'\n", 7),
        (HEAD + "- -e .\n", 6),
        (HEAD + "- https://h/x.tar.bz2\n", 6),
        (HEAD + "- bzip2:\n", 6),
        (HEAD + "-\n", 6),
        (HEAD + "- pip:\n  - six\n  # why\n  - six=>1\n", 9),
        (HEAD + "- pip:\n  - zlibrary\n  - z-lib\n- pip:\n  - 'lib='\n", 10),
        (HEAD + "- pip: six\n", 6),
        (HEAD + "variables:\n  A: 1\n  B:\n", 8),
        (HEAD + "variables:\n  A: 1\n  2: b\n", 8),
        (HEAD + "variables: [A]\n", 6),
        ("name: x\nchannels:\n- conda-forge\n- [bioconda]\n", 4),
        ("name: x\nchannels: conda-forge\n", 2),
        ("name: x\n\ndependencies:\n  zlib: 1\n", 3),
        ("name: x\nmore: &more\n- zlib\n- '<bad>'\ndependencies: *more\n", 4),
        (HEAD + "---\nname: y\n", 6),
        (HEAD + "name: y\n", 6),
        ("name: x\ndependencies:`\n  - python=3.9\n  - pip\n", 2),
        (HEAD + "variables\n\n  A: b\n", 6),
    ],
)
def test_an_environment_file_is_told_by_line(write: Write, text: str, line: int) -> None:
    """Also where the same words stand further up, and where a list is taken over from elsewhere in the file."""
    with pytest.raises(RecipeError) as caught:
        read(write({"environment.yml": text}))
    assert caught.value.message.startswith(f"`environment.yml`, line {line}: "), caught.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dependencies:\n- pip:\nvariables: {PATH: a}\n", "`environment.yml`, line 2: there is nothing below"),
        ("dependencies:\n- pip\nvariables:\n  PATH: a\n", "`environment.yml`, line 4: the variable `PATH` is ignored"),
        ("dependancies:\n- six\n", "`environment.yml`, line 1: `dependancies` is ignored"),
        ("dependencies:\n- pip\n- python=3.11.2\n", "`environment.yml`, line 3 names Python 3.11.2"),
    ],
)
def test_what_of_an_environment_file_is_passed_over_is_told_by_line(write: Write, text: str, words: str) -> None:
    """A note leads there as an error does."""
    assert any(words in sentence for sentence in read(write({"environment.yml": text})).warnings)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (PROJECT + 'dependencies = [\n  "six",\n  "six=>1",\n]\n', "`pyproject.toml`, line 6: "),
        (
            PROJECT + "dependencies = [\n  'six', 'x @ file:///x/y ; python_version > \"3\"']\n",
            "`pyproject.toml`, line 5: ",
        ),
        (PROJECT + '[dependency-groups]\ndev = [\n  "a b c"]\n', "`pyproject.toml`, line 6: "),
        (PROJECT + 'dependencies = ["six=>1"]\n[dependency-groups]\ndev = ["six=>1"]\n', "`pyproject.toml`: "),
        (PROJECT + 'dependencies = ["six\\u003D>1"]\n', "`pyproject.toml`: "),
    ],
)
def test_a_project_is_told_by_line(write: Write, text: str, place: str) -> None:
    """Where the words stand in one place alone; else they are what there is to look for."""
    with pytest.raises(RecipeError) as caught:
        read(write({"pyproject.toml": text}))
    assert caught.value.message.startswith(place), caught.value.message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('[packages]\ntoolz = "*"\nsix = 1.16\n', "`Pipfile`, line 3: "),
        ('[packages]\n"six" = "^1.16"\n', "`Pipfile`, line 2: "),
        ('[packages]\nsix = {path = "./nowhere"}\n', "`Pipfile`, line 2: "),
        ('[packages]\nsix = "^1.16"\n[dev-packages]\nsix = "*"\n', "`Pipfile`: "),
    ],
)
def test_a_pipfile_is_told_by_line(write: Write, text: str, place: str) -> None:
    """Where the package has one line of its own."""
    with pytest.raises(RecipeError) as caught:
        read(write({"Pipfile": text}))
    assert caught.value.message.startswith(place), caught.value.message


@pytest.mark.parametrize("text", ["", "# FROM x\n", "FROM\n", "ARG BASE\nFROM ${BASE}\n", "RUN true\n"])
def test_a_dockerfile_that_builds_on_nothing_is_refused(write: Write, text: str) -> None:
    """No engine takes it, and nothing is begun for it."""
    with pytest.raises(RecipeError, match="names no image") as caught:
        read(write({"Dockerfile": text, "requirements.txt": "six"}))
    assert "FROM python:3.12" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffrom x\n",
        "FROM scratch",
        "ARG BASE=x\nFROM $BASE\n",
        "FROM ${BASE:-x}\n",
        "FROM --platform=linux/amd64 \\\n  x AS y\nFROM y\n",
        "FROM registry/${NAME}:${TAG}\n",
    ],
)
def test_a_dockerfile_that_builds_on_something_is_planned(write: Write, text: str) -> None:
    """In whichever way it is written."""
    assert read(write({"Dockerfile": text})).kind is Kind.DOCKERFILE


def test_a_project_of_julias_that_is_no_toml_is_refused(write: Write) -> None:
    """Before repo2docker meets it."""
    with pytest.raises(RecipeError, match=r"`Project\.toml` is not valid TOML"):
        read(write({"Project.toml": "[deps\n"}))

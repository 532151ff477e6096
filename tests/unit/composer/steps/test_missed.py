"""Commands that a script called and did not find, as shells say it."""

from __future__ import annotations

import pytest

from hubkiln.composer.steps.missed import Missed
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
        "timeout: failed to run command 'conda': No such file or directory",
        "nohup: failed to run command ‘conda’: No such file or directory",
        "xargs: conda: No such file or directory",
        "make[1]: conda: No such file or directory",
        "postBuild: line 3: exec: conda: not found",
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
    ("line", "called"),
    [
        ("./postBuild: line 3: /srv/conda/bin/mamba: No such file or directory", "/srv/conda/bin/mamba"),
        ("./postBuild: 3: /usr/bin/gcc: not found", "/usr/bin/gcc"),
        ("/srv/repo/binder/more.sh: line 3: /bin/wget: No such file or directory", "/bin/wget"),
    ],
)
def test_a_program_by_its_path_is_one_too(line: str, called: str) -> None:
    """Said as it was called; what it is is told by its name."""
    missed = Missed(lambda text: None)
    missed(f"{line}\n")
    with pytest.raises(BuildFailed, match=f"calls `{called}` in line 3"):
        missed.judge("postBuild")


@pytest.mark.parametrize(
    "line",
    [
        "E: Package conda not found",
        "ls: cannot access 'conda': No such file or directory",
        "conda: not found!",
        "postBuild: line 3: conda: No such file or directory",
        "postBuild: line 3: cd: /usr/bin/conda: No such file or directory",
        "postBuild: line 3: /data/conda: No such file or directory",
        "cat: conda: No such file or directory",
    ],
)
def test_other_lines_are_not(line: str) -> None:
    """What a program says of files and packages is no missing command."""
    missed = Missed(lambda text: None)
    missed(f"{line}\n")
    missed.judge("postBuild")
    assert missed.names == {}


def test_what_repo2dockers_images_have_is_missed_by_name() -> None:
    """With the Debian package that has it; a script that goes on without it is not well."""
    missed = Missed(lambda text: None)
    missed("./postBuild: 2: wget: not found\n")
    with pytest.raises(BuildFailed, match="calls `wget` in line 2") as caught:
        missed.judge("postBuild")
    assert caught.value.hint == "A line `wget` in apt.txt brings it."


def test_what_they_lack_too_is_noted() -> None:
    """And where it is to be had."""
    said: list[str] = []
    missed = Missed(said.append)
    missed("./postBuild: 2: pandoc: not found\n")
    missed.judge("postBuild")
    assert said[-1].endswith("what it was to do is not done. A line `pandoc` in apt.txt brings it.\n")


@pytest.mark.parametrize("said", ["`conda create` is not known here: …", "the channel `x` is not allowed here: …"])
def test_a_script_that_goes_on_where_our_conda_stops_fails(said: str) -> None:
    """It would make something else than where conda is whole; what conda could not do either is said alone."""
    missed = Missed(lambda text: None)
    missed(f"conda: {said}\n")
    with pytest.raises(BuildFailed, match="goes on without"):
        missed.judge("postBuild")
    log: list[str] = []
    other = Missed(log.append)
    other("conda: `nosuch` cannot be had: no candidates\n")
    other.judge("postBuild")
    assert "Note: `postBuild` goes on though `conda` failed: `nosuch` cannot be had" in "".join(log)


@pytest.mark.parametrize(
    ("line", "note"),
    [
        (
            "ERROR: No matching distribution found for nosuch==1",
            "`pip` failed: No matching distribution found for nosuch",
        ),
        (
            "\x1b[31mERROR: Failed to build installable wheels\x1b[0m",
            "`pip` failed: Failed to build installable wheels",
        ),
        ("  × No solution found when resolving dependencies:", "`uv` failed: No solution found"),
        ("npm error code E404", "`npm` failed: E404"),
        ("npm ERR! code ENOTFOUND", "`npm` failed: ENOTFOUND"),
        ("Jupyter command `jupyter-nbextension` not found.", "`jupyter` failed: Jupyter command `jupyter-nbextension`"),
    ],
)
def test_what_could_not_be_installed_is_noted_though_the_script_ends_well(line: str, note: str) -> None:
    """Once for each program: a script may go on on purpose, so it is no failure."""
    said: list[str] = []
    missed = Missed(said.append)
    missed(f"{line}\n{line}\n")
    missed.judge("postBuild")
    (told,) = [text for text in said if text.startswith("Note: ")]
    assert told.startswith(f"Note: `postBuild` goes on though {note}")


@pytest.mark.parametrize(
    "line",
    [
        "ERROR: pip's dependency resolver does not currently take into account all the packages that are installed.",
        "ERROR: the model did not converge",
        "npm notice New major version of npm available!",
    ],
)
def test_other_words_are_no_failure_to_install(line: str) -> None:
    """Whatever else programs say with the same first word."""
    said: list[str] = []
    missed = Missed(said.append)
    missed(f"{line}\n")
    missed.judge("postBuild")
    assert "".join(said) == f"{line}\n"

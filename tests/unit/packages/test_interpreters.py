"""Finding Pythons."""

from __future__ import annotations

import re
import subprocess

import pytest
from packaging.version import Version

from hubkiln.errors import LockFailed, Unsupported
from hubkiln.packages import stack
from hubkiln.packages.cpython import RELEASED, how_to_get
from hubkiln.packages.interpreters import OLDEST, find, find_interpreters
from hubkiln.packages.start_list import start_list


async def test_what_is_found_runs_and_is_what_it_says() -> None:
    """Every interpreter found is a CPython of its version, new enough, at an absolute path."""
    found = await find_interpreters()
    assert found
    for python in found:
        out = subprocess.run([python.path, "-IS", "-V"], check=True, capture_output=True, text=True).stdout  # noqa: ASYNC221
        assert out.strip() == f"Python {python.version}"
        assert tuple(map(int, python.minor.split("."))) >= OLDEST
        assert all(root.is_dir() and not root.is_relative_to("/usr") for root in python.roots)


async def test_the_default_has_a_frozen_stack() -> None:
    """Without a wish there is one that environments share wheels for."""
    assert (await find()).minor in stack.minors()


async def test_a_minor_that_is_there() -> None:
    """The one asked for."""
    there = (await find_interpreters())[-1].minor
    assert (await find(there)).minor == there


async def test_a_minor_that_is_not() -> None:
    """It is said which are; nobody is told to install what does not exist."""
    with pytest.raises(LockFailed, match=r"Python 3\.99 is not on this machine; found: 3\.\d+") as caught:
        await find("3.99")
    assert caught.value.hint == f"The newest Python that is known here is {[*RELEASED][-1]}: ask for another version."


@pytest.mark.parametrize(("minor", "tool"), [("3.14", "uv python"), ("3.7", "uv python"), ("3.6", "pyenv")])
def test_what_helps_is_what_has_it(minor: str, tool: str) -> None:
    """The oldest are had of pyenv alone."""
    assert f"`{tool} install {minor}`" in how_to_get(minor)


@pytest.mark.parametrize("minor", ["3.4", "3.0", "2.6", "1.5"])
async def test_a_minor_that_is_too_old(minor: str) -> None:
    """Not even a kernel would run in it."""
    with pytest.raises(Unsupported, match="too old"):
        await find(minor)


@pytest.mark.parametrize("minor", ["three", "3", "3.11.2", "3.11; rm", ""])
async def test_what_is_no_version(minor: str) -> None:
    """Refused by form, never given to a program."""
    with pytest.raises(Unsupported, match="not a Python version"):
        await find(minor)


@pytest.mark.parametrize("minor", sorted(stack.minors()))
def test_a_frozen_stack_is_exact(minor: str) -> None:
    """Every line is a name and a version, the server's parts are in it, and no host is named."""
    text = (stack.FOLDER / f"{minor}.txt").read_text()
    packages = dict(stack.preferred(minor))
    assert {"jupyterhub", "jupyterlab", "notebook", "ipywidgets", "ipykernel", "nbgitpuller", "pip"} <= set(packages)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) and version for name, version in packages.items())
    assert "http" not in text.replace("httpcore", "").replace("httpx", "").replace("aiohttp", "")


@pytest.mark.parametrize("minor", sorted(stack.minors()))
def test_the_stack_has_the_setuptools_that_old_packages_import(minor: str) -> None:
    """``pkg_resources``, which went with version 82; repo2docker's environments have it for every Python."""
    assert Version(dict(stack.preferred(minor))["setuptools"]) < Version("82") and "setuptools" in stack.asked(minor)


@pytest.mark.parametrize("minor", sorted(stack.minors()))
def test_the_stack_reads_no_grammar_when_a_server_starts(minor: str) -> None:
    """A newer jsonschema does, through lark, for a second of every start; what only a start needs lists none of it."""
    assert not {"lark", "rfc3987-syntax"} & dict(stack.preferred(minor)).keys()
    assert not any(path.startswith(("lark/", "rfc3987_syntax/")) for path in start_list())

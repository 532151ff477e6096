"""A package below the root of an archive or a folder is that one, in each file that can say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.recipes import read

Write = Callable[..., Path]
SHA = "ab" * 32
PROJECT = '[project]\nname = "c"\nversion = "0"\ndependencies = ["lib"]\n'
UV = '[[package]]\nname = "c"\nsource = { virtual = "." }\ndependencies = [{ name = "lib" }]\n'
FILE = f'{{ file = "two.zip", hash = "sha256:{SHA}" }}'
ARCHIVE = f"lib @ https://h/two.zip#sha256={SHA}&subdirectory=sub"


def uv(source: str) -> dict[str, str]:
    """A lock of uv's whose lib is from `source`."""
    package = f'[[package]]\nname = "lib"\nversion = "1"\nsource = {source}\nsdist = {{ hash = "sha256:{SHA}" }}\n'
    return {"pyproject.toml": PROJECT, "uv.lock": UV + package}


def poetry(kind: str, url: str) -> dict[str, str]:
    """A lock of Poetry's."""
    source = f'[package.source]\ntype = "{kind}"\nurl = "{url}"\nsubdirectory = "sub"\n'
    return {
        "pyproject.toml": PROJECT,
        "poetry.lock": f'[[package]]\nname = "lib"\nversion = "1"\nfiles = [{FILE}]\n{source}',
    }


def pylock(rest: str) -> dict[str, str]:
    """A lock by PEP 751."""
    return {"pylock.toml": f'lock-version = "1.0"\n[[packages]]\nname = "lib"\n{rest}'}


@pytest.mark.parametrize(
    "files",
    [
        uv('{ url = "https://h/two.zip", subdirectory = "sub" }'),
        poetry("url", "https://h/two.zip"),
        pylock(f'archive = {{ url = "https://h/two.zip", hashes = {{ sha256 = "{SHA}" }}, subdirectory = "sub" }}'),
    ],
)
def test_in_an_archive_at_an_address(write: Write, files: dict[str, str]) -> None:
    """With the hash of the whole archive."""
    assert read(write(files)).direct == (ARCHIVE,)


@pytest.mark.parametrize(
    "files",
    [
        {"Pipfile": '[packages]\nlib = { file = "https://h/two.zip", subdirectory = "sub" }'},
        {
            "pyproject.toml": PROJECT,
            "pdm.lock": '[[package]]\nname = "lib"\nversion = "1"\nurl = "https://h/two.zip"\nsubdirectory = "sub"\n',
        },
        {"pyproject.toml": f'{PROJECT}[tool.uv.sources]\nlib = {{ url = "https://h/two.zip", subdirectory = "sub" }}'},
    ],
)
def test_in_an_archive_that_no_hash_tells(write: Write, files: dict[str, str]) -> None:
    """As it is now."""
    assert read(write(files)).direct == ("lib @ https://h/two.zip#subdirectory=sub",)


@pytest.mark.parametrize(
    "files",
    [
        uv('{ path = "two.zip", subdirectory = "sub" }'),
        poetry("file", "two.zip"),
        pylock(f'archive = {{ path = "two.zip", hashes = {{ sha256 = "{SHA}" }}, subdirectory = "sub" }}'),
        {
            "pyproject.toml": PROJECT,
            "pdm.lock": '[[package]]\nname = "lib"\nversion = "1"\npath = "./two.zip"\nsubdirectory = "sub"\n',
        },
        {"Pipfile": '[packages]\nlib = { path = "two.zip", subdirectory = "sub" }'},
        {"pyproject.toml": f'{PROJECT}[tool.uv.sources]\nlib = {{ path = "two.zip", subdirectory = "sub" }}'},
        {"requirements.txt": "lib @ file:./two.zip#subdirectory=sub"},
    ],
)
def test_in_an_archive_of_the_repository(write: Write, files: dict[str, str]) -> None:
    """In pip's spelling of it."""
    assert read(write(files | {"two.zip": ""})).local == ("'file:./two.zip#subdirectory=sub'",)


@pytest.mark.parametrize(
    "files", [pylock('directory = { path = "two", subdirectory = "sub" }'), poetry("directory", "two")]
)
def test_in_a_folder(write: Write, files: dict[str, str]) -> None:
    """Which is the folder then."""
    assert read(write(files | {"two/sub/setup.py": ""})).local == ("./two/sub",)


@pytest.mark.parametrize(
    ("address", "direct"),
    [
        ("git+https://h/two?rev=main#abc", "lib @ git+https://h/two@abc"),
        ("git+https://h/two?subdirectory=sub&tag=v1#abc", "lib @ git+https://h/two@abc#subdirectory=sub"),
        ("git+https://h/two?branch=dev", "lib @ git+https://h/two@dev"),
    ],
)
def test_pixis_repositories_are_at_their_commit(write: Write, address: str, direct: str) -> None:
    """As uv writes them too: what is wanted before the commit that it was, and the folder in it."""
    lock = (
        f"environments: {{default: {{packages: {{linux-64: [{{pypi: '{address}'}}]}}}}}}\n"
        f"packages: [{{pypi: '{address}', name: lib, version: '1'}}]\n"
    )
    assert read(write({"pixi.lock": lock})).direct == (direct,)

"""What strangers wrote without end is looked through in no time: no pattern of ours tries way after way."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkiln.builds.redaction import Redactor
from hubkiln.composer.steps.explain.explain import explain_build
from hubkiln.content.ignoring import Ignored, read_ignored
from hubkiln.content.patterns import Pattern
from hubkiln.errors import BuildFailed, TooLarge, Unreachable
from hubkiln.excerpts import excerpt
from hubkiln.images.auth import parse_challenges
from hubkiln.images.documents import json_object
from hubkiln.images.interface import Descriptor
from hubkiln.images.registry import Document
from hubkiln.packages import explain as resolver
from hubkiln.packages.conda_solve import solver_error
from hubkiln.recipes.scripts import calls_conda, installs_itself
from hubkiln.repositories.complaints import explain as git_error

SECONDS = 3.0
"""Of our own time; the patterns that were here before took minutes."""


def build_error(text: str) -> object:
    return explain_build(text, "postBuild", BuildFailed("It ended with exit code 1."))


def conda_error(text: str) -> object:
    return solver_error(RuntimeError(f"{text}\ncannot solve the request"), lambda said: None)


@pytest.mark.parametrize(
    "look",
    [
        build_error,
        conda_error,
        lambda text: git_error(text, "https://example.org/a.git"),
        resolver.explain,
        resolver.without_wheels,
        parse_challenges,
        Redactor().text,
        lambda text: installs_itself(text.encode()),
        lambda text: calls_conda(text.encode()),
    ],
    ids=["build", "conda", "git", "uv", "wheels", "registry", "log", "pip in postBuild", "conda in postBuild"],
)
@pytest.mark.parametrize(
    "atom", ["a", " ", "\n", "a ", "-eyJaaaaaaaaa", " \n", "a-", "[1 lines of output]\n", "^ ~", "pip install "]
)
def test_an_endless_text_is_looked_through_at_once(look: Callable[[str], object], atom: str) -> None:
    """Letters, blanks, lines, and what nearly is what is looked for."""
    size = 16_000 if look == Redactor().text else 300_000
    text = atom * (size // len(atom)) + "!"
    begun = time.process_time()
    look(text)
    assert time.process_time() - begun < SECONDS


def test_an_excerpt_keeps_what_says_something() -> None:
    """Short lines as they are, the last of them, and one blank line for many."""
    assert excerpt("a\n\n\n \nb\n") == "a\n\nb\n"
    assert excerpt("x" * 5000) == "x" * 1000
    assert excerpt("lost\n" + "k" * 10, most=10) == "k" * 10


def test_stars_do_not_try_each_way_to_share_a_name() -> None:
    """Ten of them take no longer than two."""
    begun = time.process_time()
    assert not Pattern("*a" * 12 + "b").matches("a" * 255)
    assert not Pattern("**a/" * 12 + "b").matches("a/" * 2000)
    assert Pattern("**/*a*a*a*").matches("deep/er/banana")
    assert not Ignored(["*a" * 12 + "b"])("a" * 200)
    assert time.process_time() - begun < SECONDS


def test_ignore_files_have_an_end(tmp_path: Path) -> None:
    """Each line is asked for each file."""
    (tmp_path / ".dockerignore").write_text("a\n" * 5000)
    with pytest.raises(TooLarge, match="lines"):
        read_ignored(tmp_path)


@pytest.mark.parametrize("data", [b"[" * 200_000, b'{"a":' * 200_000, b'{"a": ' + b"1" * 10_000 + b"}", b"[]", b"\xff"])
def test_a_registrys_document_is_an_object_or_nothing(data: bytes) -> None:
    """What nests without end, counts without end or is something else breaks nothing."""
    assert json_object(data) is None
    with pytest.raises(Unreachable):
        Document(Descriptor(media_type="a", digest="sha256:" + "0" * 64, size=1), data).content()

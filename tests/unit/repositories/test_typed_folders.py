"""Paths, as people type them on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.errors import BadSpec
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.repositories.specs import parse_spec
from hubkiln.values import Spec

COMMAND_LINE = RepositorySettings(allow_local_folders=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with folders of all kinds of names."""
    for name in ("course", "my course", "a + b", "at@home", "no#1", "git", "100%25", "kürs"):
        (tmp_path / name).mkdir()
    for name in ("course/a.ipynb", "requirements.txt", "course.zip", "course.tar.gz"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str, ref: str | None = None) -> Spec:
    return parse_spec(text, ref, settings=COMMAND_LINE)


@pytest.mark.parametrize(
    ("text", "folder", "ref", "packages"),
    [
        ("course/", "course", "HEAD", ""),
        ("./course/../kürs", "kürs", "HEAD", ""),
        ("course@v1", "course", "v1", ""),
        ("./course#feature/x", "course", "feature/x", ""),
        ("course + six", "course", "HEAD", "six"),
        ("course@v1 + six", "course", "v1", "six"),
        ("my course@v1", "my course", "v1", ""),
        ("a + b", "a + b", "HEAD", ""),
        ("a + b + six", "a + b", "HEAD", "six"),
        ("at@home", "at@home", "HEAD", ""),
        ("at@home@v1", "at@home", "v1", ""),
        ("no#1", "no#1", "HEAD", ""),
        ("file://{}/my%20course", "my course", "HEAD", ""),
        ("file://localhost{}/my course", "my course", "HEAD", ""),
        ("file://{}/no#1", "no#1", "HEAD", ""),
        ("file://{}/100%2525", "100%25", "HEAD", ""),
    ],
)
def test_a_folder_is_known_by_what_is_there(here: Path, text: str, folder: str, ref: str, packages: str) -> None:
    """Its name may hold what parts a ref or packages from it elsewhere, and both may follow."""
    spec = read(text.format(here))
    assert spec == Spec(provider="local", repository=str(here / folder), ref=ref, packages=packages)


def test_a_ref_beside_it_wins(here: Path) -> None:
    """As with every other repository."""
    assert read("course@v1", "v2").ref == "v2"


@pytest.mark.parametrize("text", ["git@example.org:team/course", "https://example.org/course@v1"])
def test_an_address_stays_one(here: Path, text: str) -> None:
    """Whatever folder is called as it begins."""
    assert read(text).provider == "git"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("course/a.ipynb", "Give the folder that it is in: `course`."),
        ("./course/a.ipynb", "Give the folder that it is in: `course`."),
        ("requirements.txt", "Give the folder that it is in: `.`."),
        ("file://{}/requirements.txt", "Give the folder that it is in: `{}`."),
        ("course.zip", "Unpack it, and give that folder."),
        ("./course.tar.gz", "Unpack it, and give that folder."),
    ],
)
def test_a_file_is_told_from_a_repository(here: Path, text: str, hint: str) -> None:
    """`course/a.ipynb` is asked of nobody on the internet."""
    with pytest.raises(BadSpec, match="is a file") as told:
        read(text.format(here))
    assert told.value.hint == hint.format(here)


@pytest.mark.parametrize("text", ["coarse", "coarse/", "coarse@v1", "a/b/c", "three words here"])
def test_whoever_meant_a_folder_is_told_that_there_is_none(here: Path, text: str) -> None:
    """Where the text names no repository either; the service has no folders and says nothing of them."""
    with pytest.raises(BadSpec) as told:
        read(text)
    assert told.value.hint.startswith("No folder here is called so. ")
    with pytest.raises(BadSpec) as told:
        parse_spec(text, settings=RepositorySettings())
    assert "folder" not in told.value.hint


@pytest.mark.parametrize("text", ["~nobody-of-that-name/course", "./~nobody-of-that-name"])
def test_a_home_that_nobody_has_is_a_name_like_any(here: Path, text: str) -> None:
    """What a shell makes of it: nothing."""
    assert read(text).repository == str(here / text)


def test_another_machines_files_are_refused(here: Path) -> None:
    """An address of files may name a host."""
    with pytest.raises(BadSpec, match="not on this machine"):
        read(f"file://fileserver{here}/course")


def test_a_hint_has_what_is_to_be_typed_whole() -> None:
    """The digest of an image, a long list and a long address too: the beginning of one is another thing."""
    image = f"registry.example.org/a-long-group/a-long-project/a-long-name@sha256:{'0' * 64}"
    packages = " ".join(f"package-{number}==1.{number}" for number in range(20))
    for text, whole in ((image, image), (f"pip install {packages}", packages.replace(" ", ","))):
        with pytest.raises(BadSpec) as told:
            parse_spec(text, settings=RepositorySettings())
        assert whole in told.value.hint
        assert f"`{text[:80]}…`" in told.value.message

"""``hubkiln env list``: what is on this machine, as people and programs are told."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hubkiln.cli.env import env
from hubkiln.conventions import COMMIT_LABEL, PYTHON_LABEL, SOURCE_LABEL
from hubkiln.data_dir import DataDir
from hubkiln.local_images import LocalImage, LocalImages

COURSE = {
    SOURCE_LABEL: "https://git.example.org/ann/course",
    COMMIT_LABEL: "1234567890ab" + 28 * "c",
    PYTHON_LABEL: "3.11.2",
}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """Of a machine where nothing was built yet."""
    return DataDir(tmp_path)


def listed(data: DataDir, *words: str) -> Result:
    """What the command prints."""
    return CliRunner().invoke(env, ["list", "--data-dir", str(data.root), *words], catch_exceptions=False)


def put(data: DataDir, name: str, used: float, labels: dict[str, str]) -> str:
    """Keep an image that was last used then."""
    image = LocalImage(name=name, environment="e", labels=tuple(labels.items()))
    reference = LocalImages(data.own("images/documents")).put(image)
    os.utime(document(data, reference), (used, used))
    return reference


def document(data: DataDir, reference: str) -> Path:
    """Where an image is kept."""
    return data.images / "documents" / f"{reference.partition('sha256:')[2]}.json"


def test_the_last_used_image_is_first(data: DataDir) -> None:
    """Each is named as other commands take it, with its repository; looking uses none of them."""
    course, work = put(data, "course", 1000, COURSE), put(data, "work", 2000, {PYTHON_LABEL: "3.12.1"})
    for _ in range(2):
        lines = listed(data).output.splitlines()
        assert lines[0::2] == [work, course]
        assert lines[1].startswith("  work, Python 3.12.1, used 1970-01-01")
        assert lines[3].startswith("  https://git.example.org/ann/course at 1234567890ab, Python 3.11.2, used 1970-")
    assert document(data, work).stat().st_mtime == 2000


def test_a_program_gets_json(data: DataDir) -> None:
    """With the whole commit and the time in seconds; an image of a registry says of itself what it can."""
    pulled = put(data, "debian", 3000, {})
    course = put(data, "course", 1000, COURSE)
    first, second = json.loads(listed(data, "--json").output)
    assert first == {
        "image": pulled, "used": 3000, "name": "debian", "source": "", "commit": "", "folder": "", "python": "",
    }  # fmt: skip
    assert (second["image"], second["commit"], second["source"]) == (course, COURSE[COMMIT_LABEL], COURSE[SOURCE_LABEL])
    assert "debian, an image of its own, used" in listed(data).output


def test_nothing_is_said_with_the_way_to_something(data: DataDir) -> None:
    """To people; a program gets an empty list."""
    assert "hubkiln build SPEC" in listed(data).stderr
    assert json.loads(listed(data, "--json").stdout) == []


@pytest.mark.parametrize("damage", ["", "{", "[1]", '{"environment": "e"}', '{"name": "Ä b"}'])
def test_a_damaged_document_hides_no_other(data: DataDir, damage: str) -> None:
    """It can be made again, like any other that went."""
    course = put(data, "course", 1000, COURSE)
    document(data, f"sha256:{64 * '0'}").write_text(damage)
    assert [line for line in listed(data).output.splitlines() if "sha256" in line] == [course]


def test_what_a_maker_wrote_tells_a_terminal_nothing(data: DataDir) -> None:
    """Labels are a stranger's words."""
    put(data, "course", 1000, COURSE | {SOURCE_LABEL: "https://x.example/\x1b]0;owned\x07a"})
    assert "\x1b" not in listed(data).output

"""``--volume``: what may be shown inside, and what is answered to the rest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.cli.volumes import volumes
from hubkiln.errors import BadSpec
from hubkiln.sandbox import Mount


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A data folder."""
    folder = tmp_path / "state/data"
    folder.mkdir(parents=True)
    return folder


def test_volumes_are_written_as_containers_have_them(tmp_path: Path, own: Path) -> None:
    """Read and write, or read only; folders and files; names with colons; places that count from the work folder."""
    folder = tmp_path / "a:b"
    folder.mkdir()
    file = tmp_path / "notes.txt"
    file.touch()
    given = (f"{folder}:/data", f"{folder}:/x/:ro", f"{file}:notes.txt:rw", f"{folder}:./here:Z")
    assert volumes(given, own) == (
        Mount(source=folder, target="/data", writable=True),
        Mount(source=folder, target="/x", writable=False),
        Mount(source=file, target="notes.txt", writable=True),
        Mount(source=folder, target="here", writable=True),
    )


@pytest.mark.parametrize(
    "text", ["", "x", ":/data", "/tmp/x:", "/tmp:.", "/tmp/x:/", "/tmp/x:a\0b", "/tmp/x:/a/../../etc"]
)
def test_what_is_no_volume_is_refused_with_the_form(text: str, own: Path) -> None:
    """Before anything is built."""
    with pytest.raises(BadSpec) as refused:
        volumes((text,), own)
    assert "--volume FOLDER:/data" in refused.value.hint


@pytest.mark.parametrize("source", ["/", "/etc", "/etc/ssl", "/proc/self", "/dev", "/usr", "/home", "/etc/passwd"])
def test_the_system_is_nobodys_to_show(source: str, own: Path, tmp_path: Path) -> None:
    """Neither by its own name nor through a link."""
    (tmp_path / "link").symlink_to(source)
    for text in (source, f"{tmp_path}/link"):
        with pytest.raises(BadSpec, match="belongs to this machine's system"):
            volumes((f"{text}:/data",), own)


def test_folders_that_are_missing_are_not_made(tmp_path: Path, own: Path) -> None:
    """A misspelt one is said, so is a link to nothing or to itself."""
    (tmp_path / "loop").symlink_to("loop")
    for name in ("missing", "loop"):
        with pytest.raises(BadSpec, match=f"There is no folder .*{name}"):
            volumes((f"{tmp_path}/{name}:/data",), own)
    assert not (tmp_path / "missing").exists()


def test_sockets_and_pipes_are_not_shown(tmp_path: Path, own: Path) -> None:
    """They lead out of the sandbox."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadSpec, match="neither a folder nor a file"):
        volumes((f"{tmp_path}/pipe:/data",), own)


def test_the_data_folder_is_never_seen(tmp_path: Path, own: Path) -> None:
    """Neither itself, nor what holds it, nor a part of it."""
    (own / "homes").mkdir()
    for folder in (own, own / "homes", own.parent, tmp_path):
        with pytest.raises(BadSpec, match="Hubkiln's data folder"):
            volumes((f"{folder}:/data",), own)

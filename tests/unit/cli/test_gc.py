"""``hubkiln gc``: it says what stays and why, what would go, and takes only what it said."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkiln.cli.gc import gc, size
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec
from hubkiln.local_images import LocalImage, LocalImages, keep_in_use
from hubkiln.storage import Storage
from hubkiln.stores import lease

DAY = 24 * 3600


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    """A folder with an environment of which nobody knows, used 40 days ago."""
    data = DataDir(tmp_path / "data").make()
    environment(data, "old", days=40)
    return data


def environment(data: DataDir, key: str, days: float) -> Path:
    """An environment that was used so long ago."""
    path = data.environments / key
    path.mkdir()
    (path / "file").write_bytes(b"x" * 200_000)
    at = path.stat().st_mtime - days * DAY
    os.utime(path, (at, at))
    return path


def told(data: DataDir, *words: str) -> str:
    """What the command says."""
    result = CliRunner().invoke(gc, ["--data-dir", str(data.root), *words], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def keys(data: DataDir) -> list[str]:
    """The environments that are there."""
    return sorted(path.name for path in data.environments.iterdir())


def test_a_dry_run_says_what_would_go_and_leaves_it(data: DataDir) -> None:
    """With its bytes."""
    environment(data, "new", days=1)
    said = told(data, "--dry-run")
    assert "Would go: 1 thing, 20" in said and "environments: 1, 20" in said and "Stays: 1 thing" in said
    assert keys(data) == ["new", "old"]


def test_what_was_said_goes(data: DataDir) -> None:
    """And the trash is empty afterwards."""
    environment(data, "new", days=1)
    assert "Gone: 1 thing" in told(data)
    assert keys(data) == ["new"] and not list((data.root / "trash").iterdir())


def test_days_and_bytes_are_chosen(data: DataDir) -> None:
    """What was used longest ago goes first."""
    environment(data, "new", days=1)
    environment(data, "middle", days=2)
    assert "Would go: 0 things" in told(data, "--dry-run", "--keep-days", "41")
    told(data, "--keep-days", "41", "--keep-bytes", "500K")
    assert keys(data) == ["middle", "new"]


def test_a_running_server_keeps_what_it_runs_from(data: DataDir) -> None:
    """It is named."""
    keep_in_use(data.hub / "rooms/ann_lab", LocalImage(name="course", environment="old"))
    assert "the server ann_lab runs from it" in told(data)
    assert keys(data) == ["old"]


def test_a_pinned_image_stays(data: DataDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its environment."""
    reference = LocalImages(data.own("images/documents")).put(LocalImage(name="course", environment="old"))
    document = next((data.images / "documents").iterdir())
    os.utime(document, (1, 1))
    monkeypatch.setenv("HUBKILN_GC_PINS", reference)
    assert "pinned by the admin" in told(data)
    monkeypatch.setenv("HUBKILN_GC_PINS", "")
    told(data)
    assert keys(data) == [] and not document.exists()


def test_who_is_at_work_is_said(data: DataDir) -> None:
    """Nothing that may be in use goes."""
    at = (data.environments / "old").stat().st_mtime
    with lease(data.root, "a build of gh/ann/work"):
        os.utime(data.environments / "old")
        assert "a build of gh/ann/work is at work since 2" in told(data, "--keep-days", "0")
        assert keys(data) == ["old"]
    os.utime(data.environments / "old", (at, at))
    told(data, "--keep-days", "0")
    assert keys(data) == []


def test_json_names_every_thing_and_its_reason(data: DataDir) -> None:
    """For programs."""
    environment(data, "new", days=1)
    (data.root / "notes.txt").touch()
    found = json.loads(told(data, "--json", "--dry-run"))
    assert [(one["store"], one["key"]) for one in found["gone"]] == [("environments", "old")]
    (kept,) = found["kept"]
    assert (kept["key"], kept["why"], kept["for"]) == ("new", "used 1 day ago", "environments/new")
    assert found["gone_bytes"] >= 200_000 and found["dry_run"] is True
    assert found["nobodys"] == [str(data.root / "notes.txt")]


def test_records_that_are_elsewhere_are_not_taken_for_none(data: DataDir) -> None:
    """A service with a database of its own says so in the folder; who does not name that database removes nothing."""
    Storage(data, "postgresql://ann@db.example/hub").keep_database()
    result = CliRunner().invoke(gc, ["--data-dir", str(data.root)])
    assert isinstance(result.exception, BadSpec) and "HUBKILN_DATABASE" in result.exception.hint
    assert keys(data) == ["old"]
    Storage(data).keep_database()
    told(data)
    assert keys(data) == []


def test_a_size_that_cannot_be_read_is_named(data: DataDir) -> None:
    """Nothing goes."""
    result = CliRunner().invoke(gc, ["--data-dir", str(data.root), "--keep-bytes", "lots"])
    assert "--keep-bytes is 'lots'" in str(result.exception) and keys(data) == ["old"]


def test_bytes_are_for_people() -> None:
    """In the unit that fits."""
    assert [size(count) for count in (0, 999, 1_500, 2_000_000, 3_250_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "2.0 MB",
        "3.2 GB",
    ]

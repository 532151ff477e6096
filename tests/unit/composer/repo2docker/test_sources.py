"""Where short names of images are looked for."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from hubkiln.composer.repo2docker.sources import searched, short_names

MIRROR = '[[registry]]\nlocation = "quay.io"\ninsecure = true\n'


def file(folder: Path, text: str, name: str = "registries.conf") -> Path:
    """An admin's file."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize("kind", ["podman", "buildah"])
@pytest.mark.parametrize("text", [None, "", "# nothing chosen\n", MIRROR])
def test_short_names_mean_docker_hub(tmp_path: Path, kind: str, text: str | None) -> None:
    """As for Docker, and what else the admin wrote stays in force."""
    files = [file(tmp_path / "etc", text)] if text is not None else []
    made = Path(short_names(kind, tmp_path, files)["CONTAINERS_REGISTRIES_CONF"])
    told = tomllib.loads(made.read_text())
    assert told["unqualified-search-registries"] == ["docker.io"]
    assert ("registry" in told) is (text == MIRROR)


@pytest.mark.parametrize(
    "text",
    [
        'unqualified-search-registries = ["registry.lan"]\n' + MIRROR,
        '[registries.search]\nregistries = ["registry.lan"]\n',
    ],
    ids=["today's form", "the old form"],
)
def test_what_an_admin_chose_is_left_alone(tmp_path: Path, text: str) -> None:
    """Also where it stands in a file that is added to the first."""
    chosen = file(tmp_path / "etc", text)
    assert searched([chosen]) == ("registry.lan",)
    assert short_names("podman", tmp_path, [chosen]) == {}
    plain = file(tmp_path / "other", MIRROR)
    assert short_names("podman", tmp_path, [plain, file(tmp_path / "other", text, "50-lan.conf")]) == {}


def test_docker_needs_nothing(tmp_path: Path) -> None:
    """It looks there by itself; a file that cannot be read chooses nothing."""
    assert short_names("docker", tmp_path, []) == {}
    assert searched([file(tmp_path / "etc", "= = =")]) == ()

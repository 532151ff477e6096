"""A Python that cannot be brought is said when the build is planned, whatever the environment would stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.bases.bases import DEFAULT_BASE
from hubkiln.composer.bases.pythons import BasePython, pythons_label
from hubkiln.conventions import LABEL_PYTHONS
from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, Unsupported
from hubkiln.images import OciLayout, Runtime, compose_image
from hubkiln.packages import KERNELS
from hubkiln.packages.interpreters import find_interpreters, find_kernels
from hubkiln.recipes.interface import Need
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.workshop import fake_workshop

REPOSITORY = "gh/ann/work"
APT = {"apt.txt": "graphviz\n"}
ASKED = {"runtime.txt": "python-{}\n"}
RANGE = {"pyproject.toml": '[project]\nname = "work"\nversion = "1"\nrequires-python = "=={}.*"\n'}


@pytest.fixture
async def absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A server's and a kernel's Python that this machine lacks; none is downloaded, and Debian is not to be had."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    here = {python.minor for python in (*await find_interpreters(), *await find_kernels())}
    server = next((minor for minor in ("3.14", "3.13", "3.12", "3.10") if minor not in here), None)
    kernel = next((minor for minor in KERNELS if minor not in here), None)
    if server is None or kernel is None:
        pytest.skip("this machine has every Python that could be absent")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mmdebstrap").write_text("#!/bin/sh\necho E: this is begun too early\nexit 1\n")
    (programs / "mmdebstrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return {"server": server, "kernel": kernel}


def base_image(data: DataDir) -> None:
    """A base image of ours in `data`, with a Python that every machine of ours has."""
    layout = OciLayout(data.layers).make()
    label = pythons_label([BasePython("3.11.2", "/usr/bin/python3.11")])
    image = compose_image(None, [], Runtime(labels=((LABEL_PYTHONS, label),)))
    layout.put(image.config)
    layout.put(image.manifest)
    layout.tag(DEFAULT_BASE, image.descriptor)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "which", "push", "with_base"),
    [
        (APT | ASKED, "server", None, False),
        (APT | RANGE, "server", None, False),
        (ASKED, "server", "registry.example/ann/work", False),
        (APT | RANGE, "kernel", None, True),
        (RANGE, "server", None, False),
    ],
)
async def test_a_python_that_cannot_be_brought_is_not_planned(
    tmp_path: Path, absent: dict[str, str], files: dict[str, str], which: str, push: str | None, with_base: bool
) -> None:
    """Nor is anything made first by a build: it is named at once, with who can bring it."""
    minor = absent[which]
    data, repositories = DataDir(tmp_path / "data").make(), FakeRepositories()
    if with_base:
        base_image(data)
    repositories.add(REPOSITORY, {name: text.format(minor) for name, text in files.items()})
    pipeline = fake_workshop(data.root, repositories, can=frozenset(Need) - {Need.REPO2DOCKER}).pipeline
    request = BuildRequest(spec=repositories.parse(REPOSITORY), push=push)
    for deed in (pipeline.dry_run, pipeline.build):
        with pytest.raises((LockFailed, Unsupported), match=f"Python {minor}.*could not be brought") as failed:
            await deed(request, lambda event: None)
        assert "Ask for another version" in failed.value.hint

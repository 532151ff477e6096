"""Which files make a version of git's history."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.content.history import reads_history


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", 'requires = ["setuptools>=64", "setuptools_scm[toml]>=8"]'),
        ("pyproject.toml", 'requires = ["hatchling", "hatch-vcs"]'),
        ("pyproject.toml", '[tool.versioneer]\nVCS = "git"'),
        ("pyproject.toml", '[tool.hatch.version]\nsource = "versioningit"'),
        ("pyproject.toml", 'requires = ["poetry-core", "poetry-dynamic-versioning"]'),
        ("pyproject.toml", 'requires = ["hatchling", "uv-dynamic-versioning"]'),
        ("pyproject.toml", '[tool.pdm.version]\nsource = "scm"'),
        ("pyproject.toml", 'requires = ["flit_scm"]'),
        ("setup.py", "setup(use_scm_version=True, setup_requires=['setuptools-scm'])"),
        ("setup.py", "import versioneer"),
        ("setup.py", "setup(setup_requires=['pbr'], pbr=True)"),
        ("setup.py", 'subprocess.check_output(["git", "-C", HERE, "describe", "--tags"])'),
        ("setup.py", 'run(\n    ["git",\n     "describe"]\n)'),
        ("pyproject.toml", "[tool.pdm]\nversion = { use_scm = true }"),
        (
            "meson.build",
            "project('x', version: run_command('git', 'describe', check: true).stdout())",
        ),
        ("setup.cfg", "[versioneer]"),
        ("binder/postBuild", "#!/bin/bash\nVERSION=$(git describe --tags)"),
        ("postBuild", "git -C /srv/repo log -1 --format=%h"),
    ],
)
def test_tools_that_read_history_are_known(tmp_path: Path, name: str, text: str) -> None:
    """By their names, or by how git is called."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert reads_history(tmp_path, [name])


@pytest.mark.parametrize(
    "text",
    ['[project]\nname = "digits"\nversion = "1.0"', "pip install git+https://example.org/x.git", "git clone https://x"],
)
def test_ordinary_files_are_not(tmp_path: Path, text: str) -> None:
    """Fetching from git is no reading of the repository's own history."""
    (tmp_path / "postBuild").write_text(text)
    assert not reads_history(tmp_path, ["postBuild", "setup.py"])


def test_a_link_is_not_read(tmp_path: Path) -> None:
    """What lies outside tells nothing."""
    (tmp_path / "outside").write_text("setuptools_scm")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/setup.py").symlink_to(tmp_path / "outside")
    assert not reads_history(tmp_path / "root", ["setup.py"])

"""What the real repo2docker takes a checkout for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubkiln.recipes import Kind

app = pytest.importorskip("repo2docker.app", reason="repo2docker is not installed")
python_pack = pytest.importorskip("repo2docker.buildpacks.python")

KINDS = {
    "DockerBuildPack": Kind.DOCKERFILE,
    "JuliaProjectTomlBuildPack": Kind.JULIA,
    "NixBuildPack": Kind.NIX,
    "RBuildPack": Kind.R,
    "CondaBuildPack": Kind.CONDA,
    "PipfileBuildPack": Kind.PIPFILE,
    "PythonBuildPack": Kind.PYTHON,
}


def theirs(root: Path) -> tuple[Kind | None, str | None]:
    """The kind repo2docker would build, and its Python; None when it refuses."""
    before = Path.cwd()
    os.chdir(root)
    try:
        for pack in app.Repo2Docker().buildpacks:
            picked = pack(base_image="debian") if "Legacy" not in pack.__name__ else pack()
            if picked.detect():
                break
        else:
            picked = python_pack.PythonBuildPack(base_image="debian")
            return Kind.DEFAULT, str(picked.python_version)
        if type(picked).__name__ == "JuliaRequireBuildPack":
            return None, None
        kind = KINDS[type(picked).__name__]
        named = kind in (Kind.CONDA, Kind.PIPFILE, Kind.PYTHON)
        return kind, str(picked.python_version) if named else None
    except (RuntimeError, ValueError):
        return None, None
    finally:
        os.chdir(before)

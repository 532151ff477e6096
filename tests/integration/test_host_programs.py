"""A repository finds the same programs in a sandbox over this machine and in an image that is pushed."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from hubkiln.composer.bases.bases import default_base, read_parent
from hubkiln.data_dir import DataDir
from hubkiln.images import OciLayout
from hubkiln.sandbox import Room, SandboxEngine, SandboxSettings, host_settings
from hubkiln.sandbox.host_programs import NAMES, others

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(900)]

FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin", "usr/local/bin")


def programs_of_the_base(data: DataDir) -> set[str]:
    """What the base image has, as far as names do not tell a version."""
    layout = OciLayout(data.layers)
    tag = default_base(layout)
    assert tag is not None
    found = layout.find(tag)
    assert found is not None
    names = set()
    for layer in read_parent(layout, found.digest).layers:
        with tarfile.open(layout.path(layer.descriptor.digest)) as tar:
            names |= {Path(member.name.lstrip("./")) for member in tar if not member.isdir()}
    return {name.name for name in names if str(name.parent) in FOLDERS}


async def test_what_a_sandbox_over_this_machine_shows_the_base_image_has(based: Path, tmp_path: Path) -> None:
    """No program more, whatever is installed here; and the list that it goes by has all of the base image's."""
    base = programs_of_the_base(DataDir(based))
    versioned = {
        name for name in base if name.startswith(("python3", "pydoc3", "perl5", "x86_64-", "aarch64-", "hubkiln-"))
    }
    assert base - versioned <= NAMES
    engine = SandboxEngine(SandboxSettings(state=tmp_path / "state", host=host_settings({})))
    script = "import json, os; print(json.dumps([n for f in os.environ['PATH'].split(':') for n in os.listdir(f)]))"
    path = {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin"}
    shown = set(json.loads((await engine.run(Room(env=path), ["/usr/bin/python3", "-c", script])).output))
    every = set(
        json.loads((await engine.run(Room(env=path, all_programs=True), ["/usr/bin/python3", "-c", script])).output)
    )
    assert {"ls", "bash", "python3"} <= shown < every
    assert shown == every - {name for folder in path["PATH"].split(":") for name in others(Path(folder))}

"""Steps over a real base image: Debian packages, then what needs them, each over the one before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kept_base import kept_base, needs_base
from step_yard import Yard, recipe

from hubkiln.composer.bases.interface import Base
from hubkiln.composer.sources.interface import Sources
from hubkiln.composer.steps.interface import StepLayer
from hubkiln.errors import BuildFailed
from hubkiln.packages.interface import EnvironmentOnDisk
from hubkiln.values import PREFIX, REPO_DIR

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.network,
    pytest.mark.timeout(900),
    needs_base,
]

SETUP = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """
import subprocess, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    text = subprocess.run(["figlet", "-f", "term", "from apt"], check=True, capture_output=True, text=True).stdout
    name = "banner-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("banner.py", f"TEXT = {text!r}")
        wheel.writestr("banner-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: banner\\nVersion: 1.0\\n")
        tag = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr("banner-1.0.dist-info/WHEEL", tag)
        wheel.writestr("banner-1.0.dist-info/RECORD", "")
    return name
"""
"""A package that can be built only where ``apt.txt`` has been."""


TOUCH = "! touch" if os.geteuid() == 0 else "touch"
"""An ordinary user owns every file of the base, so ordinary steps of their builds may change it; that is not kept."""


@dataclass
class Site:
    """A yard whose base is the base image, with an environment on it."""

    yard: Yard
    base: Base
    environment: EnvironmentOnDisk


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Made once; steps add to it."""
    layout = kept_base()
    yard = Yard()
    yard.data.layers.rmdir()
    yard.data.layers.symlink_to(layout.root)

    async def made() -> tuple[Base, EnvironmentOnDisk]:
        base = await yard.bases.unpacked(await yard.bases.image(None, None, yard.say), yard.say)
        return base, await yard.environment(base)

    base, environment = asyncio.run(made())
    yield Site(yard, base, environment)
    yard.data.layers.unlink()
    yard.close()


async def test_debian_packages_are_there_for_what_comes_after(site: Site) -> None:
    """A build from source and postBuild find the program; the layers hold it, and nothing that apt only used."""
    content = site.yard.content(
        {
            "postBuild": f"#!/bin/sh\nset -e\nfiglet -f term hello > out.txt\nid -u\npython --version\n"
            f"touch ~/mine /{PREFIX}/mine\n{TOUCH} /etc/mine\n{TOUCH} /usr/bin/mine\n",
            "pyproject.toml": SETUP,
            "backend.py": BACKEND,
        }
    )
    asked = recipe(apt=("figlet",), post_build="postBuild", local=(".",))
    steps, sources = site.yard.steps(), site.yard.sources()

    async def system() -> tuple[StepLayer, ...]:
        return await steps.system(asked, site.base, site.yard.say)

    (built,) = await sources.build(Sources(local=(".",)), site.base, content, site.yard.say, below=system)
    assert built.asked == "banner==1.0"
    apt, post = await steps.run(asked, site.base, site.environment, content, site.yard.say)
    assert "`apt.txt` was run before" in site.yard.log
    assert "\n1000\nPython 3." in site.yard.log
    assert [target for target, _ in apt.places] == ["/"]
    system_tree = {entry.path: entry for entry in steps.entries(apt, (), site.base, None)}
    assert {"usr/bin/figlet-figlet", "var/lib/dpkg/status"} <= set(system_tree)
    assert all(entry.uid < 1000 for entry in system_tree.values())
    gone = ("var/lib/apt/lists/", "var/cache/apt/", "var/log/apt", "usr/sbin/policy-rc.d", "tmp/", "run/", "dev/")
    assert [path for path in system_tree if path.startswith(gone)] == []
    written = {entry.path: entry for entry in steps.entries(post, (apt,), site.base, site.environment, content)}
    assert {f"{REPO_DIR}/out.txt", "home/jovyan/mine", f"{PREFIX}/mine"} <= set(written)
    assert written[f"{REPO_DIR}/out.txt"].uid == written[PREFIX].uid == 1000
    assert [path for path in written if path.startswith(("etc/", "usr/"))] == []


async def test_apt_runs_once_for_every_environment(site: Site) -> None:
    """It lies below the environment, so another one finds it there."""
    asked = recipe(apt=("figlet",))
    (first,) = await site.yard.steps().system(asked, site.base, site.yard.say)
    (second,) = await site.yard.steps().system(asked, site.base, site.yard.say)
    assert first == second
    assert second.reused


async def test_a_package_that_debian_does_not_have_is_named(site: Site) -> None:
    """With the file to correct."""
    with pytest.raises(BuildFailed, match="no Debian package named libkiln-nonesuch-dev") as raised:
        await site.yard.steps().system(recipe(apt=("libkiln-nonesuch-dev",)), site.base, site.yard.say)
    assert "apt.txt" in raised.value.hint
    assert site.yard.leftovers() == []


async def test_nothing_on_disk_belongs_to_root_because_a_step_was_root(site: Site) -> None:
    """What root of the sandbox wrote has another owner on this machine."""
    (layer,) = await site.yard.steps().system(recipe(apt=("figlet",)), site.base, site.yard.say)
    folder = site.yard.data.steps / dict(layer.places)["/"]
    assert {path.lstat().st_uid for path in Path(folder, "usr").rglob("*")} & {0} == set()

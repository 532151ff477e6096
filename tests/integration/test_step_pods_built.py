"""A repository with a package from source and a `postBuild`, built by the service's objects, with steps as pods."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from containers import works_here as has_runc
from kept import remove_behind
from kept_base import give_base, needs_base
from node import Node, pull
from sandbox_user import open_folder

from api_server import ApiServer, needs_api_server
from hubkiln.assembly import open_workshop
from hubkiln.builds import BuildRequest, Event, Log
from hubkiln.data_dir import DataDir
from hubkiln.processes import free_port
from hubkiln.settings import Settings
from hubkiln.testing.registry import InMemoryRegistry
from hubkiln.values import PREFIX

pytestmark = [
    needs_api_server,
    needs_base,
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not has_runc(), reason="needs root and runc"),
    pytest.mark.skipif("HUBKILN_TEST_LONG" not in os.environ, reason="takes minutes: HUBKILN_TEST_LONG=1"),
]

SETUP = "from setuptools import setup\nsetup(name='ours', version='1', py_modules=['ours'])\n"
POST_BUILD = f"""#!/bin/bash
set -e
id -u
python -c 'import ours; print(ours.WORD)'
jupyter --version >/dev/null
echo made >made.txt
rm {f"/{PREFIX}"}/bin/jupyter-trust
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that sandboxes can reach, gone at the end."""
    made = open_folder()
    yield made
    remove_behind(made)


def repository(folder: Path) -> Path:
    """The repository, committed."""
    folder.mkdir()
    (folder / "setup.py").write_text(SETUP)
    (folder / "ours.py").write_text("WORD = 'from source'\n")
    (folder / "requirements.txt").write_text("./\n")
    (folder / "postBuild").write_text(POST_BUILD)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)
    return folder


async def test_what_only_pods_may_run_is_built_and_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its wheel, its script and the trial are pods; the pushed image has what they made; none of them is left."""
    (folder / "server").mkdir()
    with ApiServer(folder / "server") as server, Node(server, folder / "node") as node, InMemoryRegistry() as registry:
        server.namespace("steps", "restricted")
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
        data = DataDir(folder / "data").make()
        await asyncio.to_thread(give_base, data.root)
        port = free_port()
        variables = dict(os.environ) | {
            "HUBKILN_PUSH": f"{registry.host}/env-{{name}}",
            "HUBKILN_STEPS_IN": "pods",
            "HUBKILN_PODS_NAMESPACE": "steps",
            "HUBKILN_PODS_ADDRESS": f"127.0.0.1:{port}",
            "HUBKILN_PODS_PORT": str(port),
        }
        settings = Settings.read(variables)
        settings = replace(settings, repositories=replace(settings.repositories, allow_local_folders=True))
        said: list[str] = []

        def tell(event: Event) -> None:
            if isinstance(event, Log):
                said.append(event.text)

        async with open_workshop(data, settings) as workshop:
            spec = workshop.repositories.parse(str(await asyncio.to_thread(repository, folder / "work")))
            built = await workshop.pipeline.build(BuildRequest(spec=spec), tell)
        log = "".join(said)
        assert "1000\nfrom source\n" in log, log
        assert "runs in it." in log, log
        ran = len(node.runs)
        assert ran >= 3
        assert server.get("-n", "steps", "pods")["items"] == []
        assert not [tag for name, one in registry.repositories.items() if "steps" in name for tag in one.tags]
        await asyncio.to_thread(pull, built.image, folder / "image")
    assert (folder / "image/srv/repo/made.txt").read_text() == "made\n"
    assert not (folder / "image" / PREFIX / "bin/jupyter-trust").exists()

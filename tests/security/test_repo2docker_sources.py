"""What a Dockerfile starts from is an image of a registry: never an archive or a layout of the builder's machine."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_image import buildah, storage

from hubkiln.composer.repo2docker.command import build_with_repo2docker
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.composer.repo2docker.sources import registries_only
from hubkiln.errors import BuildFailed, ServiceError

ROOT = pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed")


@pytest.fixture(scope="module")
def podman() -> Iterator[EngineCommand]:
    """Podman with a storage of its own."""
    with storage() as made:
        yield made


@pytest.fixture(scope="module")
def kept(podman: EngineCommand, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with somebody's image, as an OCI layout and as an archive."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /secret\n")
    run = [*buildah(podman).base]
    subprocess.run([*run, "bud", "--isolation", "chroot", "-q", "-t", "mine", folder], check=True)
    for target in (f"oci:{folder}/layout:mine", f"docker-archive:{folder}/mine.tar:mine:latest"):
        subprocess.run([*run, "push", "-q", "mine", target], check=True)
    subprocess.run([*run, "rmi", "--all", "--force"], check=True, capture_output=True)
    return folder


ATTACKS = {
    "layout": "FROM oci:{kept}/layout:mine",
    "archive": "FROM docker-archive:{kept}/mine.tar",
    "copied from": "FROM scratch\nCOPY --from=oci:{kept}/layout:mine /secret /stolen",
    "by an argument": "ARG FROM=oc\nFROM ${{FROM}}i:{kept}/layout:mine",
    "in capitals, over two lines": "from \\\n  oci:{kept}/layout:mine",
    "mounted": 'FROM scratch\nRUN --mount=type=bind,from=oci:{kept}/layout:mine,target=/m ["/m/x"]',
}


@ROOT
@pytest.mark.podman
@pytest.mark.parametrize("engine", ["podman", "buildah"])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
async def test_a_build_does_not_read_images_off_the_disk(
    tmp_path: Path, podman: EngineCommand, kept: Path, engine: str, attack: str
) -> None:
    """However it is written, the engine says no, and no image is made."""
    (tmp_path / "Dockerfile").write_text(attack.format(kept=kept) + "\n")
    with pytest.raises(BuildFailed, match=r"no image of a registry|no stage or image found"):
        await build_with_repo2docker(
            tmp_path,
            "localhost/stolen:1",
            engine=podman if engine == "podman" else buildah(podman),
            say=len,
            build_args={},
        )


PROBE = """
#include <stdio.h>
int main() { FILE *file = fopen("/cache/x", "r"); if (file) return 7; file = fopen("/cache/x", "w"); return !file; }
"""


def compile_probe(into: Path) -> None:
    """A program that fails where somebody was before it."""
    subprocess.run(["gcc", "-static", "-o", into, "-x", "c", "-"], input=PROBE.encode(), check=True)


@ROOT
@pytest.mark.podman
@pytest.mark.skipif(not shutil.which("gcc"), reason="gcc is not installed")
@pytest.mark.parametrize("engine", ["podman", "buildah"])
async def test_builds_do_not_share_a_cache(tmp_path: Path, podman: EngineCommand, engine: str) -> None:
    """What one repository's build leaves in a cache of its Dockerfile, another's does not find."""
    compile_probe(tmp_path / "probe")
    used = podman if engine == "podman" else buildah(podman)
    for number in range(2):
        lines = ("FROM scratch", "COPY probe /probe", f"LABEL of={engine}{number}")
        (tmp_path / "Dockerfile").write_text("\n".join((*lines, 'RUN --mount=type=cache,target=/cache ["/probe"]\n')))
        await build_with_repo2docker(tmp_path, f"localhost/{engine}:{number}", engine=used, say=len)


def test_an_admins_policy_for_registries_stays(tmp_path: Path) -> None:
    """Signatures that an admin asks for are asked for."""
    signed = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/k"}]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"default": signed, "transports": {"docker": {"quay.io": signed}, "oci": {"": []}}}))
    made = registries_only([file])
    assert made["default"] == [{"type": "reject"}]
    assert made["transports"]["docker"] == {"": signed, "quay.io": signed} and "oci" not in made["transports"]
    assert registries_only([])["transports"]["docker"][""] == [{"type": "insecureAcceptAnything"}]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"transports": []}'])
def test_a_policy_that_cannot_be_read_stops_the_build(tmp_path: Path, text: str) -> None:
    """Rather than to go without it."""
    file = tmp_path / "policy.json"
    file.write_text(text)
    with pytest.raises(ServiceError, match="cannot be read"):
        registries_only([file])

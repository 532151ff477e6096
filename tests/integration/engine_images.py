"""A podman storage with an image in which JupyterHub's server runs, kept in ``~/.cache/hubkiln-tests``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from jupyter_image import WHERE, base, environment
from kept import CACHE, alone, end_pause
from tiny_image import NAME as TINY
from tiny_image import driver, engine, import_tiny, sh

from hubkiln.composer.repo2docker.engines import EngineCommand

JUPYTER = "localhost/jupyter:2"
BELOW = "localhost/below:1"
MANY = 40
"""Images of tests that stay until there are more: to remove some takes as long as a test."""

_DOCKERFILE = f"""\
FROM {BELOW}
USER root
ADD jupyter.tar /
ENV PATH=/{WHERE}/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT []
USER 1000
"""


def kept_folder() -> Path:
    """Where it is kept; another driver needs another storage."""
    return CACHE / "-".join(("podman-1", *driver()[1:]))


def can_be_kept() -> bool:
    """Whether Podman would work there: it refuses a run folder whose path is longer."""
    return shutil.which("podman") is not None and len(str(kept_folder() / "run")) <= 50


@contextmanager
def kept_storage() -> Iterator[EngineCommand]:
    """Podman with `JUPYTER` and the tiny image; what tests built is removed when it has become much."""
    kept = kept_folder()
    usual = engine(kept)
    # its own place for locks too: other tests reset the shared one
    podman = replace(usual, global_arguments=(*usual.global_arguments, "--tmpdir", str(kept / "tmp")))
    with alone("podman"):
        try:
            yield podman
        finally:
            built = [one["Id"] for one in _images(podman) if not {TINY, JUPYTER, BELOW}.intersection(_names(one))]
            if len(built) > MANY:
                subprocess.run([*podman.base, "rmi", "--force", *built], check=False, capture_output=True)
            end_pause(kept / "tmp")
            if (kept / "storage/overlay").is_mount():
                subprocess.run(["umount", kept / "storage/overlay"], check=False, capture_output=True)


async def fill(podman: EngineCommand) -> None:
    """Make the images that are not there."""
    names = {name for image in _images(podman) for name in _names(image)}
    if TINY not in names:
        import_tiny(podman)
    if JUPYTER in names:
        return
    layout = await base()
    with tempfile.TemporaryDirectory(prefix="hubkiln-context-") as folder:
        link, context = Path(folder) / "layout", Path(folder) / "context"
        link.symlink_to(layout.root)  # podman makes a name of the path, and some paths make none
        pulled = sh(*podman.base, "pull", "-q", f"oci:{link}:base:bookworm").strip()
        sh(*podman.base, "tag", pulled, BELOW)
        context.mkdir()
        _link_or_copy(environment("jupyter-server"), context / "jupyter.tar")
        (context / "Dockerfile").write_text(_DOCKERFILE)
        sh(*podman.base, "build", "-q", *podman.build_arguments, "-t", JUPYTER, context)


def _images(podman: EngineCommand) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sh(*podman.base, "images", "--format", "json"))
    return found


def _names(image: dict[str, Any]) -> list[str]:
    return image.get("Names") or []


def variables(podman: EngineCommand) -> dict[str, str]:
    """What makes ``hubkiln`` use `podman`."""
    return {
        "HUBKILN_ENGINE": podman.command,
        "HUBKILN_ENGINE_GLOBAL_ARGUMENTS": " ".join(podman.global_arguments),
        "HUBKILN_ENGINE_BUILD_ARGUMENTS": " ".join(podman.build_arguments),
    }


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)

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

from jupyter_image import WHERE, base, environment
from kept import CACHE, alone
from tiny_image import driver, engine, import_tiny, sh

from hubkiln.composer.repo2docker.engines import EngineCommand

JUPYTER = "localhost/jupyter:1"

_DOCKERFILE = f"""\
FROM localhost/below:1
USER root
ADD jupyter.tar /
ENV PATH=/{WHERE}/bin:/usr/local/bin:/usr/bin:/bin
ENTRYPOINT []
USER 1000
"""


@contextmanager
def kept_storage() -> Iterator[EngineCommand]:
    """Podman with `JUPYTER` and the tiny image; what a test built is removed at the end."""
    kept = CACHE / "-".join(("podman-1", *driver()[1:]))
    usual = engine(kept)
    # its own place for locks too: other tests reset the shared one
    podman = replace(usual, global_arguments=(*usual.global_arguments, "--tmpdir", str(kept / "tmp")))
    with alone("podman"):
        try:
            yield podman
        finally:
            built = sh(*podman.base, "images", "-q", "--no-trunc", "localhost/hubkiln/environment").split()
            if built:
                subprocess.run([*podman.base, "rmi", "--force", *built], check=False, capture_output=True)
            if (kept / "storage/overlay").is_mount():
                subprocess.run(["umount", kept / "storage/overlay"], check=False, capture_output=True)


async def fill(podman: EngineCommand) -> None:
    """Make the images that are not there."""
    there = json.loads(sh(*podman.base, "images", "--format", "json"))
    names = {name for image in there for name in image.get("Names") or ()}
    import_tiny(podman)
    if JUPYTER in names:
        return
    layout = await base()
    with tempfile.TemporaryDirectory(prefix="hubkiln-context-") as folder:
        link, context = Path(folder) / "layout", Path(folder) / "context"
        link.symlink_to(layout.root)  # podman makes a name of the path, and some paths make none
        pulled = sh(*podman.base, "pull", "-q", f"oci:{link}:base:bookworm").strip()
        sh(*podman.base, "tag", pulled, "localhost/below:1")
        context.mkdir()
        _link_or_copy(environment(), context / "jupyter.tar")
        (context / "Dockerfile").write_text(_DOCKERFILE)
        sh(*podman.base, "build", "-q", *podman.build_arguments, "-t", JUPYTER, context)


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

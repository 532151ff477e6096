"""An image as somebody else would make one for a hub: Debian, a virtual environment with JupyterLab, an entrypoint.

It takes a minute and the network, so its parts are kept in ``~/.cache/hubkiln-tests``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from isal import igzip
from kept import CACHE, alone
from kept_base import can_be_made as base_can_be_made
from kept_base import kept_base
from others_images import CONFIG, LAYER, MANIFEST, Files, described, digest, of
from uv import find_uv_bin

from hubkiln.images.layout import OciLayout
from hubkiln.images.manifest import read_descriptor
from hubkiln.images.names import parse_name
from hubkiln.images.registry import RegistryClient
from hubkiln.testing.logins import FixedLogins

PYTHON = Path("/usr/bin/python3.11")
WHERE = "opt/jupyter"
HOME = "/home/app"
UNUSED = re.compile(r"site-packages/(debugpy/|jedi/third_party/|babel/locale-data/(?!root|en))")
"""Half of the files, which no server loads that runs no kernel: each would be packed, sent and unpacked."""
START = '#!/bin/bash\nexport FROM_ENTRYPOINT=yes\necho "Entered by entrypoint"\nexec "$@"\n'


def can_be_made() -> bool:
    """True where there is what making it needs."""
    return PYTHON.exists() and base_can_be_made()


async def push_jupyter(reference: str) -> None:
    """Put the image there."""
    layout = await base()
    name = parse_name(reference)
    plain = environment().read_bytes()
    venv = igzip.compress(plain, 1, mtime=0)
    entry = gzip.compress(Files().file("usr/local/bin/start.sh", START, 0o755).done(), 1, mtime=0)
    async with RegistryClient(credentials=FixedLogins()) as client:
        below = json.loads(layout.read(layout.find("base:bookworm").digest))  # type: ignore[union-attr]
        for layer in map(read_descriptor, below["layers"]):
            await client.upload(name, layer, layout.path(layer.digest))
        config: dict[str, Any] = json.loads(layout.read(below["config"]["digest"]))
        config["rootfs"]["diff_ids"] += [digest(plain), digest(gzip.decompress(entry))]
        config["config"] = {
            "Env": [f"PATH=/{WHERE}/bin:/usr/local/bin:/usr/bin:/bin", f"HOME={HOME}"],
            "Entrypoint": ["/usr/bin/tini", "-g", "--", "start.sh"],
            "Cmd": ["jupyter", "lab"],
            "User": "1001",
        }
        document = json.dumps(config).encode()
        for blob in (venv, entry, document):
            await client.upload(name, described(blob), blob)
        below["config"] = of(document, CONFIG)
        below["layers"] += [of(blob, LAYER) for blob in (venv, entry)]
        await client.put_manifest(name, json.dumps(below).encode(), MANIFEST)


async def base() -> OciLayout:
    """Debian with Python."""
    return await asyncio.to_thread(kept_base)


def environment(server: str = "jupyterlab") -> Path:
    """A tar of a virtual environment with JupyterHub and a server, which JupyterLab doubles in size."""
    kept = CACHE / f"{server}-2.tar"
    with alone("jupyter"):
        if not kept.exists():
            _make(kept, server)
    return kept


def _make(kept: Path, server: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv, uv = Path(folder) / "venv", find_uv_bin()
        subprocess.run([uv, "venv", "-q", "--relocatable", "--python", PYTHON, venv], check=True)
        wanted = ["jupyterhub>=6,<7", server, "jsonschema<4.25"]  # later ones double what a start takes
        subprocess.run([uv, "pip", "install", "-q", "--python", venv / "bin/python", *wanted], check=True)
        made = Path(folder) / "made.tar"
        with tarfile.open(made, "w") as tar:
            tar.add(venv, WHERE, filter=_roots)
        shutil.move(made, kept.with_suffix(".part"))
    kept.with_suffix(".part").rename(kept)


def _roots(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if member.name == f"{WHERE}/share/jupyterhub" or UNUSED.search(member.name):  # the former are the hub's own pages
        return None
    member.uid = member.gid = 0
    member.mtime = 500_000_000
    return member

"""Asking an ordinary user's Podman whether it works leaves nothing running."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from sandbox_user import ORDINARY_UID, can_be_ordinary, open_folder, ordinary

pytestmark = [
    pytest.mark.podman,
    pytest.mark.skipif(not can_be_ordinary(), reason="needs root, to become somebody else"),
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
]

_ASK = """
import asyncio
from hubkiln.composer.repo2docker.engines import EngineCommand, find_engine
print(asyncio.run(find_engine(EngineCommand(command="podman"))).reason)
"""


def pauses(folder: Path) -> list[int]:
    """Processes that hold namespaces for a Podman whose notes are in `folder`; other tests have others."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words, variables = ((place / name).read_bytes() for name in ("cmdline", "environ"))
            if b"catatonit" in words and os.fsencode(folder) in variables:
                found.append(int(place.name))
    return found


def test_the_process_that_holds_its_namespaces_ends() -> None:
    """Podman would keep one for good, with nobody to end it."""
    folder = open_folder()
    user = ordinary(folder)
    who = [f"--reuid={ORDINARY_UID}", f"--regid={ORDINARY_UID}", "--clear-groups"]
    try:
        asked = subprocess.run(
            ["setpriv", *who, "/usr/bin/python3", "-c", _ASK],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(user.code), "HOME": str(user.folder)}
            | {"XDG_RUNTIME_DIR": str(user.folder)},
            cwd=user.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert asked.stdout == "podman works.\n", asked.stdout
        assert not pauses(user.folder), "what ended and was not yet fetched shows no words"
    finally:
        shutil.rmtree(folder)

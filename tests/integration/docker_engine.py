"""Podman as DockerSpawner sees it: its Docker-compatible socket, over a storage of the test's own."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.processes import ended_with_us

CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
"""


@contextmanager
def docker_engine(podman: EngineCommand, folder: Path, trusted: Path) -> Iterator[str]:
    """The address of the socket; the engine trusts registries with the certificate `trusted`."""
    (folder / "containers.conf").write_text(CONFIGURATION)
    path = folder / "engine.sock"
    argv = ended_with_us(*podman.base, "system", "service", "--time", "0", f"unix://{path}")  # it may be two processes
    env = os.environ | {"CONTAINERS_CONF": str(folder / "containers.conf"), "SSL_CERT_FILE": str(trusted)}
    with (folder / "engine.log").open("wb") as log:
        service = subprocess.Popen(argv, env=env, stdout=log, stderr=log)
    try:
        _answering(path, service)
        yield f"unix://{path}"
    finally:
        service.terminate()
        service.wait()


def _answering(path: Path, service: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and service.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except OSError:
                time.sleep(0.05)
            else:
                return
    raise RuntimeError("podman's socket does not answer")

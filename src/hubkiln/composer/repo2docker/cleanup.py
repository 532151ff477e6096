"""What a killed build leaves in an engine's storage: the container it worked in, still mounted. Found by our mark.

Podman and Buildah note a build's arguments beside its container, so a build argument that nobody uses tells whose it
is. Docker's daemon outlives its clients and cleans up by itself.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from hubkiln.composer.repo2docker.engines import EngineCommand, engine_environment
from hubkiln.processes import ProcessId, place, run

ARGUMENT = "HUBKILN_BUILD"

_ROOTS = {"podman": "{{.Store.GraphRoot}}", "buildah": "{{.store.GraphRoot}}"}


def new_mark() -> str:
    """A mark for one build of this process."""
    ours = ProcessId.ours()
    return f"{ours.pid}.{ours.started}.{place()}-{uuid.uuid4().hex}"


def is_dead(mark: str) -> bool:
    """
    Whether the process that made `mark` is gone: surely so after a new start of the machine, and if its pid is free or
    another's. Of one in another PID namespace, as in another container, nobody here can tell; it counts as alive.
    """
    try:
        pid, started, boot, namespace = re.split(r"[./]", mark.rpartition("-")[0])
        process = ProcessId(int(pid), int(started))
    except ValueError:
        return False
    here, _, our_namespace = place().rpartition("/")
    if boot != here:
        return True
    return namespace == our_namespace and not process.alive()


async def sweep(engine: EngineCommand, ours: Callable[[str], bool]) -> int:
    """Remove the containers of builds whose mark is `ours`; returns how many there were."""
    if engine.kind not in _ROOTS:
        return 0
    asked = await run([*engine.base, "info", "--format", _ROOTS[engine.kind]], env=engine_environment(), seconds=30)
    found = list(_containers(Path(asked.output.strip().splitlines()[-1]), ours)) if asked.code == 0 else []
    for container in found:
        force = ["--force"] if engine.kind == "podman" else []
        await run([*engine.base, "rm", *force, container], env=engine_environment(), seconds=60)
    return len(found)


def _containers(root: Path, ours: Callable[[str], bool]) -> Iterator[str]:
    for note in root.glob("*-containers/*/userdata/buildah.json"):
        try:
            mark = (json.loads(note.read_text()).get("Args") or {}).get(ARGUMENT)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(mark, str) and ours(mark):
            yield note.parent.parent.name

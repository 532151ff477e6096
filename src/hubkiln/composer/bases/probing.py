"""Which Pythons somebody else's base image has: each is run once, in a sandbox over the image's own layers."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.packages import OLDEST
from hubkiln.sandbox import BuildEngine, Network, Overlay, Room, remove_tree
from hubkiln.values import Interpreter, Limits

_TELL = (
    "import json,os,platform,sys;"
    "print(json.dumps(['python' if os.confstr('CS_GNU_LIBC_VERSION') else 'without glibc',"
    " platform.python_implementation(), '%d.%d.%d' % sys.version_info[:3],"
    " os.path.realpath(sys.executable)]))"
)
_SCRIPT = """\
for folder in /usr/local/bin /usr/bin /opt/*/bin /opt/python/*/bin /srv/conda/bin; do
  for python in "$folder"/python3 "$folder"/python3.[0-9]*; do
    case "$python" in *config|*.[0-9]*-*) continue;; esac
    [ -x "$python" ] && "$python" -I -S -c "$TELL" 2>/dev/null
  done
done
true
"""


async def pythons_of(data: DataDir, engine: BuildEngine, rootfs: Sequence[str]) -> list[Interpreter]:
    """
    Every usable CPython of the image with these layers: ``python3`` of the first folder first, each minor once.

    Raises:
        EngineMissing, ServiceError: nothing can run here.
    """
    folder = data.work / f"probe-{uuid.uuid4().hex}"
    (folder / "root").mkdir(parents=True)
    try:
        room = Room(
            rootfs=Overlay(
                target="/", lowers=tuple(data.images / "layers" / name for name in rootfs), upper=folder / "root"
            ),
            env={"TELL": _TELL, "PATH": "/usr/local/bin:/usr/bin:/bin"},
            network=Network.NONE,
            limits=Limits(seconds=60),
            name="probe",
            kept=False,
        )
        outcome = await engine.run(room, ["/bin/sh", "-c", _SCRIPT])
    finally:
        remove_tree(folder)
    return list(_read(outcome.output))


def _read(output: str) -> list[Interpreter]:
    found: dict[str, Interpreter] = {}
    for line in output.splitlines():
        try:
            mark, kind, version, path = json.loads(line)
            new_enough = tuple(map(int, version.split(".")[:2])) >= OLDEST
            place = Path(path)
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue  # whoever made the image may have it print anything
        if mark == "python" and kind == "CPython" and new_enough:
            python = Interpreter(version=version, path=place, roots=())
            found.setdefault(python.minor, python)
    return list(found.values())

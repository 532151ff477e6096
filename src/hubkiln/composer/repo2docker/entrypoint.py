"""How a pushed image that repo2docker made starts: as it would by itself, after the repository's files were delivered.

The image is somebody else's, so its own entrypoint stays and is run last, and whatever Python it has does the work.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubkiln.composer.repo2docker.order import Repo2dockerOrder
from hubkiln.composer.targets import DELIVER, START
from hubkiln.content import delivering
from hubkiln.images import Runtime
from hubkiln.trees import Entry, Tree, with_parents
from hubkiln.values import PREFIX, REPO_DIR

_START = f"""\
#!/bin/sh
# Brings the repository's files to a home that is a volume, then starts what was asked for.
if [ -n "$HUBKILN_REPOSITORY" ] && [ -d "$HOME" ] && [ "$(stat -c %d "$HOME")" != "$(stat -c %d /)" ]; then
  for python in python3 python /{PREFIX}/bin/python /usr/bin/python3; do
    if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
      exec "$python" -I {DELIVER} --name "$HUBKILN_REPOSITORY" --subdir="$HUBKILN_SUBDIR" \\
        --open="$HUBKILN_OPEN" --url="$HUBKILN_URL" -- "$@"
    fi
  done
  echo "Hubkiln: The repository's files stay at /{REPO_DIR}: the image has no Python 3.9 or newer to bring them home."
fi
exec "$@"
"""


def starting() -> Tree:
    """The layer that starts the image."""
    files = ((START, _START.encode(), 0o755), (DELIVER, delivering(), 0o644))
    entries = [Entry(path=path.lstrip("/"), mode=mode, size=len(data), source=data) for path, data, mode in files]
    return Tree(tuple(sorted(with_parents(entries), key=lambda entry: entry.path)))


def starting_key() -> str:
    """Of what :func:`starting` holds: an image that starts otherwise is another image."""
    digest = hashlib.sha256()
    for entry in starting():
        if isinstance(entry.source, bytes):
            digest.update(entry.source)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """How an image is started."""

    entrypoint: Sequence[str]
    """What of its own can be kept."""
    path: str = ""
    """Its ``PATH``, where a server is put beside it."""


def repo2docker_runtime(order: Repo2dockerOrder, config: Mapping[str, Any], how: Started) -> Runtime:
    """How the image is started whose own configuration is `config`."""
    started = config.get("config") or {}
    env = {"HUBKILN_REPOSITORY": order.revision.name, "HUBKILN_SUBDIR": order.revision.spec.subdir}
    if order.start is not None:
        env["R2D_ENTRYPOINT"] = f"/{REPO_DIR}/{order.start}"
    if how.path:
        env["PATH"] = how.path
    return Runtime(
        env=tuple((name, value) for name, value in env.items() if value),
        entrypoint=(START, *how.entrypoint),
        command=tuple(started.get("Cmd") or ()),
        labels=order.labels,
    )

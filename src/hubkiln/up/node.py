"""Which proxy to use: Node's, if it is really that."""

from __future__ import annotations

import shutil
from pathlib import Path


def node_proxy() -> list[str] | None:
    """Command of Node's ``configurable-http-proxy``, which is not the Python script of that name."""
    path, node = shutil.which("configurable-http-proxy"), shutil.which("node")
    if path is None or node is None:
        return None
    with Path(path).open("rb") as file:
        first = file.readline(200)
    return [node, str(Path(path).resolve())] if first.startswith(b"#!") and b"node" in first else None

"""What servers of a data folder run in. Imports nothing of JupyterHub's, so that ``hubkiln up`` starts quickly."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hubkiln.data_dir import DataDir
from hubkiln.sandbox import Engine, NoIsolation, SandboxEngine, SandboxSettings, host_settings


@cache
def engine_of(data_dir: str, isolation: bool = True) -> Engine:
    """What servers of a data folder run in."""
    data = DataDir(Path(data_dir))
    settings = SandboxSettings(state=data.hub / "sandboxes", hidden=(data.root,), host=host_settings())
    return SandboxEngine(settings) if isolation else NoIsolation(settings)

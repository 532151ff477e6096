"""``hubkiln doctor``: what this machine can and cannot do, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import click

from hubkiln.assembly import sandbox_engine
from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.data_dir import DataDir
from hubkiln.packages.interpreters import find_interpreters
from hubkiln.sandbox.interface import Capability
from hubkiln.values import Interpreter

LITTLE_SPACE = 5 * 1024**3
"""Bytes: a few environments with their wheels."""


class State(StrEnum):
    """How a finding stands."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing."""
    BAD = "bad"
    """Something needed is missing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    state: State
    says: str


@click.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Say which engine can run here, what is missing and how to get it."""
    data = open_data_dir(data_dir)
    findings = asyncio.run(examine(data))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings]))
    else:
        for finding in findings:
            colour = {State.OK: "green", State.NOTE: "yellow", State.BAD: "red"}[finding.state]
            click.echo(f"{click.style(f'{finding.state.value:>4}', fg=colour)}  {finding.name}: {finding.says}")
    sys.exit(1 if any(finding.state is State.BAD for finding in findings) else 0)


async def examine(data: DataDir) -> list[Finding]:
    """Everything there is to say; nothing is changed."""
    capability, pythons = await asyncio.gather(sandbox_engine(data).probe(), find_interpreters())
    host = (git(), proxy(), containers(), space(data))
    return [sandbox(capability), limits(capability), interpreters(pythons), *host]


def sandbox(capability: Capability) -> Finding:
    """Can servers and builds run in a sandbox?"""
    if capability.works:
        return Finding("sandbox", State.OK, "servers and builds run in bubblewrap, as an ordinary user")
    return Finding("sandbox", State.BAD, capability.reason)


def limits(capability: Capability) -> Finding:
    """Are memory and CPU choices enforced?"""
    named = [("memory", capability.memory_enforced), ("CPU", capability.cpu_enforced)]
    missing = " and ".join(name for name, enforced in named if not enforced)
    if not missing:
        return Finding("limits", State.OK, "memory and CPU choices are enforced through cgroups")
    return Finding("limits", State.NOTE, f"{missing} choices are not enforced: {capability.limits_reason}")


def interpreters(found: tuple[Interpreter, ...]) -> Finding:
    """Which Pythons can environments have?"""
    if not found:
        return Finding("python", State.BAD, "no CPython 3.10 or newer found; install one, for example python3")
    listed = ", ".join(dict.fromkeys(python.version for python in found))
    return Finding("python", State.OK, f"environments can have Python {listed}")


def git() -> Finding:
    """Can repositories be fetched?"""
    if shutil.which("git") is None:
        return Finding("git", State.BAD, "git is not installed; install the package git")
    printed = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout
    return Finding("git", State.OK, printed.strip())


def proxy() -> Finding:
    """Which proxy will the hub use?"""
    if shutil.which("configurable-http-proxy") and shutil.which("node"):
        return Finding("proxy", State.OK, "Node's configurable-http-proxy")
    return Finding("proxy", State.OK, "the Python configurable-http-proxy that came with Hubkiln")


def containers() -> Finding:
    """Is there a container engine, for what only repo2docker can build?"""
    found = [name for name in ("podman", "buildah", "docker") if shutil.which(name)]
    if found:
        return Finding("containers", State.OK, f"{', '.join(found)} found, for repositories with a Dockerfile")
    return Finding(
        "containers", State.NOTE, "no podman, buildah or docker: a Dockerfile, R, Julia or Nix cannot be built"
    )


def space(data: DataDir) -> Finding:
    """Is there room for environments?"""
    free = shutil.disk_usage(data.root).free
    says = f"{free / 1024**3:.0f} GiB free in {data.root}"
    if free < LITTLE_SPACE:
        return Finding("disk", State.NOTE, f"only {says}; large environments will not fit")
    return Finding("disk", State.OK, says)

"""``hubkiln doctor``: what this machine can and cannot do, and what to do about it."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from hubkiln.cli.cluster import examine_cluster
from hubkiln.cli.findings import Finding, State, report
from hubkiln.cli.options import data_dir_option, open_data_dir
from hubkiln.cli.push_trial import examine_push
from hubkiln.composer import (
    Ability,
    FirstBase,
    conda_missing,
    default_base,
    repo2docker_ability,
    repo2docker_settings,
    search_registries,
    step_settings,
)
from hubkiln.concurrently import all_of
from hubkiln.data_dir import DataDir
from hubkiln.engines import sandbox_engine
from hubkiln.errors import BadSpec, HubkilnError
from hubkiln.images import OciLayout
from hubkiln.packages import find_interpreters, find_kernels, find_uv
from hubkiln.pods import held, pod_settings
from hubkiln.sandbox import (
    SECCOMP_VARIABLE,
    Capability,
    HostSettings,
    Outlook,
    apart_works,
    as_nobody,
    current_identity,
    gives_away,
    host_settings,
    program_covers,
    seccomp_works_on,
)
from hubkiln.setting_values import named
from hubkiln.settings import Settings
from hubkiln.spawners import limited, one_uid
from hubkiln.storage import Storage
from hubkiln.values import Interpreter

LITTLE_SPACE = 5 * 1024**3
"""Bytes: a few environments with their wheels."""


@click.command()
@data_dir_option
@click.option("--cluster", is_flag=True, help="Look at the Kubernetes cluster that this pod is in, instead.")
@click.option("--push", is_flag=True, help="Try the push target with a small image, instead.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(data_dir: Path | None, cluster: bool, push: bool, as_json: bool) -> None:
    """Say which engine can run here, what is missing and how to get it."""
    if push:
        report(asyncio.run(examine_push(Settings.read())), as_json=as_json)
    data = open_data_dir(data_dir)
    findings = asyncio.run(examine_cluster(data, Settings.read()) if cluster else examine(data))
    report(findings, as_json=as_json)


async def examine(data: DataDir) -> list[Finding]:
    """Everything there is to say; nothing is changed."""
    if closed := Storage(data).closed():
        return [Finding("data folder", State.BAD, f"{closed}; nothing can be built, or looked at here, before it can")]
    chosen = usable_settings()
    engine = sandbox_engine(data, chosen)
    asked: list[Coroutine[Any, Any, Any]] = [
        engine.probe(),
        find_interpreters(None, data.pythons),
        find_kernels(data.pythons),
        repo2docker_ability(repo2docker_settings(os.environ)),
    ]
    capability, pythons, kernels, repo2docker = await all_of(asked)
    outlook = await engine.outlook() if capability.works else Outlook(reason="There are no sandboxes.")
    host = (git(), proxy(), conda(), run_steps(os.environ), base_image(data), containers(repo2docker), space(data))
    return [
        sandbox(capability),
        network(outlook),
        users(data),
        system_calls(chosen.more_calls),
        programs(data, all_programs=chosen.all_programs),
        limits(capability),
        helpers(
            is_root=os.geteuid() == 0,
            walled=os.geteuid() == 0 and apart_works(),
            rooted=run_as_root(),
            gives=os.geteuid() != 0 or gives_away(engine.identity.owners),
        ),
        interpreters(pythons, kernels),
        *host,
    ]


def usable_settings() -> HostSettings:
    """What was chosen of sandboxes, or the usual; that it cannot be read is told by :func:`users`."""
    try:
        return host_settings()
    except BadSpec:
        return HostSettings()


def run_as_root() -> tuple[str, ...]:
    """Those of git and uv that cannot be run as nobody, when we are root."""
    if os.geteuid() != 0:
        return ()
    return tuple(
        name
        for name, found, python in (("git", shutil.which("git"), False), ("uv", find_uv(), True))
        if found and not as_nobody(found, python=python)
    )


def helpers(*, is_root: bool, walled: bool, rooted: Sequence[str] = (), gives: bool = True) -> Finding:
    """With which rights are packages and images unpacked, and git and uv run?"""
    if not is_root:
        return Finding("helpers", State.OK, "packages and images are unpacked with your own rights")
    if walled and not rooted and gives:
        return Finding("helpers", State.OK, "packages and images are unpacked, git and uv are run, by nobody")
    if walled and not gives:
        return Finding(
            "helpers",
            State.NOTE,
            "packages and images are unpacked by root, though behind a wall, because nobody cannot be given a user "
            "namespace to give files away in; set user.max_user_namespaces, or run Hubkiln as an ordinary user",
        )
    if walled:
        return Finding(
            "helpers",
            State.NOTE,
            f"packages and images are unpacked by nobody, but {' and '.join(rooted)} has root's rights, because "
            "others may not read its files; install it for everybody, or run Hubkiln as an ordinary user",
        )
    return Finding(
        "helpers",
        State.NOTE,
        "packages and images are unpacked, and git and uv run, with all of root's rights, because bubblewrap cannot "
        "make a view of its own here; run Hubkiln as an ordinary user, or allow it CAP_SYS_ADMIN",
    )


def sandbox(capability: Capability) -> Finding:
    """Can servers and builds run in a sandbox?"""
    if capability.works and capability.processes_shown:
        return Finding(
            "sandbox",
            State.NOTE,
            "servers and builds run in bubblewrap, but see the list of all processes and their command lines: a part "
            "of /proc is masked here (Kubernetes: `procMount: Unmasked` with `hostUsers: false`)",
        )
    if capability.works:
        return Finding("sandbox", State.OK, "servers and builds run in bubblewrap, as an ordinary user")
    return Finding("sandbox", State.BAD, capability.reason)


def network(outlook: Outlook) -> Finding:
    """What do servers reach?"""
    if missing := limited(outlook):
        return Finding("network", State.NOTE, missing)
    return Finding("network", State.OK, "each server has a network of its own, from which it reaches the internet")


def users(data: DataDir) -> Finding:
    """Does each user have a uid of their own?"""
    try:
        if not current_identity(chosen=host_settings().uid).privileged:
            return Finding("users", State.OK, "all users' servers have your own uid, and namespaces keep them apart")
        shared = one_uid(data.own("hub"))
    except HubkilnError as error:
        return Finding("users", State.BAD, f"{error.message} {error.hint}")
    if shared:
        return Finding("users", State.NOTE, shared)
    return Finding("users", State.OK, "each user has a uid of their own")


def system_calls(more: frozenset[str] | None) -> Finding:
    """Is there a filter of system calls?"""
    if not seccomp_works_on():
        return Finding("system calls", State.NOTE, f"there is no filter for {platform.machine()}: all reach the kernel")
    if more is None:
        return Finding("system calls", State.NOTE, f"{SECCOMP_VARIABLE} switches the filter off")
    besides = f"; {SECCOMP_VARIABLE} allows {', '.join(sorted(more))} besides" if more else ""
    return Finding("system calls", State.OK, f"filtered after the model of Docker's default list{besides}")


def programs(data: DataDir, *, all_programs: bool) -> Finding:
    """Which of this machine's programs do environments see that stand on no base image?"""
    seen, differs = "environments see all of this machine's programs", "an image that is pushed lacks some of them"
    if all_programs:
        return Finding("programs", State.NOTE, f"{seen}, as {named('host_programs').variable} says; {differs}")
    with tempfile.TemporaryDirectory(dir=data.work) as folder:
        if not program_covers(Path(folder)):
            return Finding("programs", State.NOTE, f"{seen}, because Linux older than 5.8 can hide none; {differs}")
    return Finding("programs", State.OK, "environments see of this machine's programs those that base images have")


def limits(capability: Capability) -> Finding:
    """Are memory and CPU choices enforced?"""
    named = [("memory", capability.memory_enforced), ("CPU", capability.cpu_enforced)]
    missing = " and ".join(name for name, enforced in named if not enforced)
    if not missing:
        return Finding("limits", State.OK, "memory and CPU choices are enforced through cgroups")
    return Finding("limits", State.NOTE, f"{missing} choices are not enforced: {capability.limits_reason}")


def interpreters(found: tuple[Interpreter, ...], kernels: tuple[Interpreter, ...] = ()) -> Finding:
    """Which Pythons can environments have?"""
    if not found:
        return Finding("python", State.BAD, "no CPython 3.10 or newer found; install one, for example python3")
    listed = ", ".join(dict.fromkeys(python.version for python in found))
    beside = ", ".join(dict.fromkeys(python.version for python in kernels))
    more = f"; kernels beside the server, {beside}" if beside else ""
    return Finding("python", State.OK, f"environments can have Python {listed}{more}; uv is asked for others")


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


def conda() -> Finding:
    """Can conda packages be installed?"""
    hint = conda_missing()
    if hint is None:
        return Finding("conda", State.OK, "conda packages of an environment.yml can be installed")
    return Finding("conda", State.NOTE, f"an environment.yml with conda packages cannot be built. {hint}")


def run_steps(environ: Mapping[str, str]) -> Finding:
    """What may ``postBuild`` and building from source use?"""
    try:
        may, pods = step_settings(environ), pod_settings(environ)
    except BadSpec as error:
        return Finding("run steps", State.BAD, f"{error.message} {error.hint}")
    if pods.wanted:
        says = f"each is a pod with {held(pods, may.limits)}; may reach what its network policy lets it"
        return Finding("run steps", State.OK, says)
    return Finding("run steps", State.OK, str(may))


def base_image(data: DataDir) -> Finding:
    """Is there something for images to stand on?"""
    tag = default_base(OciLayout(data.layers))
    if tag is not None:
        return Finding("base image", State.OK, f"images stand on {tag} where no other base is named")
    if FirstBase(OciLayout(data.layers)).can_make:
        says = "none yet; the first build that needs one, for an image or for apt.txt, makes it of Debian's packages"
        return Finding("base image", State.NOTE, says)
    says = "none yet, which images and apt.txt need; make one with `hubkiln base build`, or name one with --base-image"
    return Finding("base image", State.NOTE, says)


def containers(found: Ability) -> Finding:
    """Are repo2docker and a container engine there, for what only they can build?"""
    if found.engine is not None:
        looked_in = " and ".join(search_registries()) or "Docker Hub, as Docker does"
        said = f"{found.engine.command} builds Dockerfile, R, Julia and Nix; short names are looked for in {looked_in}"
        return Finding("repo2docker", State.OK, said)
    return Finding("repo2docker", State.NOTE, f"a Dockerfile, R, Julia or Nix cannot be built. {found.hint}")


def space(data: DataDir) -> Finding:
    """Is there room for environments?"""
    free = shutil.disk_usage(data.root).free
    says = f"{free / 1024**3:.0f} GiB free in {data.root}"
    if free < LITTLE_SPACE:
        return Finding("disk", State.NOTE, f"only {says}; large environments will not fit")
    return Finding("disk", State.OK, says)

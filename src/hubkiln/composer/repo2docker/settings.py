"""How this installation builds what only repo2docker can build: which container engine, told what; or what is missing.

Read from variables, because engines need different arguments on different machines and both the service and the
command line must use the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hubkiln.composer.repo2docker.command import elsewhere, have_repo2docker
from hubkiln.composer.repo2docker.engines import KINDS, EngineCommand, FoundEngine, find_engine
from hubkiln.errors import BadSpec, Unsupported
from hubkiln.setting_values import Values
from hubkiln.values import Limits

USUAL = Limits(seconds=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repo2dockerSettings:
    """The admin's choices."""

    engines: tuple[EngineCommand, ...] = tuple(EngineCommand(command=kind) for kind in KINDS)
    """To be tried in this order."""

    limits: Limits = USUAL
    """Of a whole build. R and Julia compile a lot. Memory and processes are not limited unless the admin knows that the
    engine can: one without its own cgroup fails instead."""

    build_args: tuple[tuple[str, str], ...] = ()
    """``ARG`` of every Dockerfile, and part of every key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Whether repo2docker can build here."""

    engine: EngineCommand | None
    reason: str
    """One sentence: what was found, or what is missing."""
    hint: str = ""
    """What to do where it is missing."""


def settings(variables: Mapping[str, str]) -> Repo2dockerSettings:
    """
    From ``HUBKILN_ENGINE…``, ``HUBKILN_BUILD_ARGS`` and ``HUBKILN_REPO2DOCKER_SECONDS``; see
    :mod:`hubkiln.setting_table`.

    Raises:
        BadSpec: one of them cannot be read.
    """
    values = Values(variables)
    wanted = values.get("engine")
    engines = tuple(
        EngineCommand(
            command=command,
            global_arguments=values.get("engine_global_arguments", ()),
            build_arguments=values.get("engine_build_arguments", ()),
        )
        for command in ((wanted,) if wanted else KINDS)
    )
    if wanted and engines[0].kind not in KINDS:
        raise BadSpec(f"HUBKILN_ENGINE names {wanted!r}.", hint="Use podman, buildah or docker, or the path of one.")
    return Repo2dockerSettings(
        engines=engines,
        limits=replace(USUAL, seconds=values.get("repo2docker_seconds", USUAL.seconds)),
        build_args=tuple(word.partition("=")[::2] for word in values.get("build_args", ())),
    )


async def ability(chosen: Repo2dockerSettings) -> Ability:
    """What is there: repo2docker, and the first engine that works."""
    try:
        have_repo2docker()
    except Unsupported as error:
        return Ability(engine=None, reason="repo2docker is not installed.", hint=error.hint)
    reasons = []
    for engine in chosen.engines:
        found: FoundEngine = await find_engine(engine)
        if found.engine is not None:
            return Ability(engine=found.engine, reason=found.reason)
        reasons.append(found.reason.rstrip("."))
    why = "; ".join(reasons)
    hint = elsewhere(f"install a container engine, for example: apt install podman ({why}).")
    return Ability(engine=None, reason=f"{why}.", hint=hint)

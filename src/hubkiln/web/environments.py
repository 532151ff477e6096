"""Saved environments over HTTP, and the hub's question whether an image is one of ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from hubkiln.builds import OnReady, Record, RuleKind
from hubkiln.environments import Catalogue, Saved
from hubkiln.errors import Refused
from hubkiln.web.auth import Kind, owner_of
from hubkiln.web.models import (
    EngineModel,
    EnvironmentChange,
    EnvironmentList,
    EnvironmentModel,
    KnownModel,
    environment_model,
    known_model,
)
from hubkiln.web.requests import CallerOf, HubOf, PartsOf

router = APIRouter(prefix="/api", tags=["environments"])


@router.get("/environments", response_model=EnvironmentList)
async def listing(caller: CallerOf, parts: PartsOf) -> EnvironmentList:
    """What the caller may start, last used first."""
    found = await parts.catalogue.listing(caller.owner)
    return EnvironmentList(environments=[environment_model(environment) for environment in found])


@router.patch("/environments/{id}", response_model=EnvironmentModel)
async def change(id: str, body: EnvironmentChange, caller: CallerOf, parts: PartsOf) -> EnvironmentModel:
    """Rename, describe, share; only the owner may."""
    changed = await parts.catalogue.change(
        id, caller.owner, name=body.name, description=body.description, visibility=body.visibility
    )
    return environment_model(changed)


@router.delete("/environments/{id}", status_code=204)
async def delete(id: str, caller: CallerOf, parts: PartsOf) -> None:
    """Forget one; only the owner may."""
    await parts.catalogue.delete(id, caller.owner)


@router.get("/images", response_model=KnownModel)
async def image(
    _: HubOf,
    parts: PartsOf,
    ref: Annotated[str, Query(max_length=1024)],
    user: Annotated[str, Query(max_length=255)],
    starting: bool = False,
) -> KnownModel:
    """What is known of an image for a user; with ``starting=1`` it counts as used now."""
    owner, one = owner_of(Kind.USER, user), await parts.references.one(ref)
    known = await parts.catalogue.known(one, owner)
    if not known.known and one != ref and (as_written := await parts.catalogue.known(ref, owner)).known:
        known, one = as_written, ref  # from before it was pushed, or pulled, under another name
    try:
        await parts.jobs.rules.check({RuleKind.IMAGE: one})
    except Refused:
        known = replace(known, visible=False, environment=None)
    if known.environment is not None and not await parts.private.may_read(known.environment.spec):
        known = replace(known, visible=False, environment=None)
    if starting and known.visible:
        await parts.catalogue.touch(one, owner)
    return known_model(known, one)


@router.get("/engine", response_model=EngineModel)
async def engine(_: CallerOf, parts: PartsOf) -> EngineModel:
    """What servers run in, and what it can do here."""
    return parts.engine()


def saving(catalogue: Catalogue) -> OnReady:
    """Saves what was built, for everybody who wanted it."""

    async def save(record: Record) -> None:
        built = record.built
        assert built is not None
        for user in record.wanting:
            await catalogue.save(
                Saved(
                    owner=user,
                    spec=record.spec_of(user),
                    commit=built.commit,
                    image=built.image,
                    environment_key=built.environment_key,
                    plan=built.plan,
                    lock_digest=built.lock_digest,
                )
            )

    return save

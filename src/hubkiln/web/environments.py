"""Saved environments over HTTP, and the hub's question whether an image is one of ours."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import PlainTextResponse

from hubkiln.builds import BuildRequest, Built, Concerned, OnReady, Record, RuleKind, spec_name
from hubkiln.environments import Catalogue, Environment, Order, Saved, State, Version, Visibility
from hubkiln.errors import LimitReached, NotFound, Refused, Unsupported
from hubkiln.values import Spec
from hubkiln.web.auth import Caller, Kind, owner_of
from hubkiln.web.kinds import link_path
from hubkiln.web.models import (
    BuildModel,
    EngineModel,
    EnvironmentChange,
    EnvironmentList,
    EnvironmentModel,
    EnvironmentOrder,
    FullEnvironmentModel,
    KnownModel,
    PackageList,
    VersionModel,
    build_model,
    environment_model,
    known_model,
    spec_model,
)
from hubkiln.web.requests import CallerOf, HubOf, Parts, PartsOf, check_may_build

router = APIRouter(prefix="/api", tags=["environments"])

EXPORTS = ("lock", "dockerfile", "podman", "apptainer", "sbom")
"""As :mod:`hubkiln.exports` names them."""


MOST_LOOKS = 50
"""Images of a page that are looked at behind it."""

_SORTS = f"^-?({'|'.join(Order)})$"


@router.get("/environments", response_model=EnvironmentList)
async def listing(
    caller: CallerOf,
    parts: PartsOf,
    q: Annotated[str, Query(max_length=200)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int | None, Query(ge=1, le=500)] = None,
    everybody: Annotated[bool, Query(alias="all")] = False,
    sort: Annotated[str, Query(pattern=_SORTS)] = "-used",
    state: State | None = None,
    whose: Literal["mine", "others"] | None = None,
) -> EnvironmentList:
    """What the caller may start; those in which all words of `q` are, in this order. Admins may ask for all."""
    found, total = await parts.catalogue.listing(
        None if everybody and caller.admin else caller.owner,
        q,
        caller.groups,
        order=Order(sort.removeprefix("-")),
        descending=sort.startswith("-"),
        state=state,
        own=None if whose is None else whose == "mine",
        offset=offset,
        limit=limit,
    )
    parts.looking.soon([environment.image for environment in found[:MOST_LOOKS]])
    return EnvironmentList(environments=[environment_model(environment) for environment in found], total=total)


@router.get("/environments/{id}", response_model=FullEnvironmentModel)
async def show(id: str, caller: CallerOf, parts: PartsOf) -> FullEnvironmentModel:
    """One of them, with its versions."""
    environment = await seen(parts, id, caller)
    versions = await parts.versions.of(environment) if environment.owner == caller.owner or caller.admin else []
    images = [environment.image, *(version.image for version in versions)]
    parts.looking.soon(list(dict.fromkeys(images))[:MOST_LOOKS])
    mine = await parts.jobs.listing(caller.owner, 500)
    builds = {record.built.image: record.id for record in reversed(mine) if record.built}
    return FullEnvironmentModel(
        **environment_model(environment).model_dump(),
        versions=[VersionModel(**_fields(version), build=builds.get(version.image)) for version in versions],
        link=link_path(parts.offer.kinds, environment.spec),
        exports=list(EXPORTS),
    )


@router.get("/environments/{id}/packages", response_model=PackageList)
async def packages(
    id: str, caller: CallerOf, parts: PartsOf, image: Annotated[str, Query(max_length=1024)] = ""
) -> PackageList:
    """What is in today's version, or in that with `image`."""
    return await parts.offer.contents.packages(await _image(parts, id, caller, image))


@router.get("/environments/{id}/exports/{kind}", response_class=PlainTextResponse)
async def export(
    id: str, kind: str, caller: CallerOf, parts: PartsOf, image: Annotated[str, Query(max_length=1024)] = ""
) -> Response:
    """It in other tools' words: its lock, a Dockerfile, a command for Podman or Apptainer, a bill of materials."""
    text = await parts.offer.contents.export(await _image(parts, id, caller, image), kind)
    return PlainTextResponse(text, headers={"Cache-Control": "no-store"})


@router.post("/environments/{id}/builds", response_model=BuildModel, status_code=201)
async def build(id: str, body: EnvironmentOrder, response: Response, caller: CallerOf, parts: PartsOf) -> BuildModel:
    """Update it, refresh its packages, or make a version again from its lock; only the owner may."""
    check_may_build(parts, caller)
    environment = await _own(parts, id, caller)
    request = BuildRequest(spec=environment.spec, refresh=body.what == "refresh")
    if body.what == "change":
        request = BuildRequest(spec=parts.offer.parse(body.spec, body.ref or None, body.subdir))
    if body.what == "rebuild":
        version = await parts.versions.one(environment, body.image)
        if not version.lock_digest:
            raise Unsupported("No lock of this version is kept.", hint="Update it instead.")
        kind = next((kind for kind in parts.offer.kinds if kind.id == environment.spec.provider), None)
        spec = version.spec or environment.spec
        spec = replace(spec, ref=version.commit) if kind and kind.ref else spec
        request = BuildRequest(spec=spec, lock=version.lock_digest)
    await parts.catalogue.await_build(id, caller.owner, request.spec)
    record, joined = await parts.jobs.submit(request, caller.owner, groups=caller.groups)
    if record.spec_of(caller.owner) != request.spec and not record.ended:  # it was spelled in another way
        await parts.catalogue.await_build(id, caller.owner, record.spec_of(caller.owner))
    response.status_code = 200 if joined else 201
    return build_model(record)


@router.post("/environments/{id}/copies", response_model=EnvironmentModel, status_code=201)
async def copy(id: str, caller: CallerOf, parts: PartsOf) -> EnvironmentModel:
    """An environment of the caller's own like this one, to be changed."""
    check_may_build(parts, caller)
    original = await seen(parts, id, caller)
    if original.owner != caller.owner:
        whom = Concerned(owner=caller.owner, groups=caller.groups, spec=spec_name(original.spec))
        await parts.jobs.limits.check_stored(whom)
    return environment_model(await parts.catalogue.copy(id, caller.owner, caller.groups))


@router.patch("/environments/{id}", response_model=EnvironmentModel)
async def change(id: str, body: EnvironmentChange, caller: CallerOf, parts: PartsOf) -> EnvironmentModel:
    """Rename, describe, share, pin, keep other resources, or go back to an earlier version; only the owner may."""
    if body.image:
        await parts.versions.choose(await _own(parts, id, caller), body.image)
    if body.visibility is Visibility.GROUP and body.group not in caller.groups:
        raise Refused("You can share it with a group that you are in.", hint=_groups(caller))
    changed = await parts.catalogue.change(
        id,
        caller.owner,
        name=body.name,
        description=body.description,
        visibility=body.visibility,
        group=body.group,
        pinned=body.pinned,
        resources=body.resources,
    )
    return environment_model(changed)


@router.delete("/environments/{id}", status_code=204)
async def delete(id: str, caller: CallerOf, parts: PartsOf) -> None:
    """Forget one; only the owner may, and admins."""
    await parts.catalogue.delete(id, None if caller.admin else caller.owner)


async def seen(parts: Parts, id: str, caller: Caller) -> Environment:
    """
    One that `caller` may see.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    environment = await parts.catalogue.get(id, caller.owner, caller.groups, everybodys=caller.admin)
    if not await parts.private.may_read(environment.spec):
        raise NotFound("There is no such environment.")
    return environment


async def _own(parts: Parts, id: str, caller: Caller) -> Environment:
    environment = await seen(parts, id, caller)
    if environment.owner != caller.owner:
        raise NotFound("You have no such environment.")
    return environment


async def _image(parts: Parts, id: str, caller: Caller, image: str) -> str:
    environment = await seen(parts, id, caller)
    if not image or image == environment.image:
        return environment.image
    version = await parts.versions.one(await _own(parts, id, caller), image)
    if version.spec is not None and not await parts.private.may_read(version.spec):
        raise NotFound("This environment has no such version.")
    return version.image


def _groups(caller: Caller) -> str:
    if not caller.groups:
        return "You are in none; an admin makes groups."
    return f"These are {', '.join(caller.groups)[:500]}."


def _fields(version: Version) -> dict[str, Any]:
    fields = {name: value for name, value in asdict(version).items() if name != "lock_digest"}
    return fields | {"spec": spec_model(version.spec) if version.spec else None}


@router.get("/images", response_model=KnownModel)
async def image(
    _: HubOf,
    parts: PartsOf,
    ref: Annotated[str, Query(max_length=1024)],
    user: Annotated[str, Query(max_length=255)],
    starting: bool = False,
    start: Annotated[str, Query(max_length=32)] = "",
    group: Annotated[list[str], Query(max_length=1000)] = [],  # noqa: B006
) -> KnownModel:
    """What is known of an image for a user of these groups; with ``starting=1`` it is being started now.

    What is asked several times for one `start` counts once.
    """
    owner, one = owner_of(Kind.USER, user), await parts.offer.references.one(ref)
    known = await parts.catalogue.known(one, owner, group)
    if not known.known and one != ref and (as_written := await parts.catalogue.known(ref, owner, group)).known:
        known, one = as_written, ref  # from before it was pushed, or pulled, under another name
    try:
        await parts.jobs.rules.check({RuleKind.IMAGE: one})
    except Refused as error:
        return known_model(replace(known, visible=False, environment=None), one, error)
    if known.environment is not None and not await parts.private.may_read(known.environment.spec):
        known = replace(known, visible=False, environment=None)
    if starting and known.visible:
        spec = spec_name(known.environment.spec) if known.environment else ""
        try:
            await parts.jobs.limits.launch(Concerned(owner=owner, groups=tuple(group), spec=spec), start)
        except LimitReached as error:
            return known_model(replace(known, visible=False, environment=None), one, error)
        await parts.catalogue.touch(one, owner)
    return known_model(known, one)


@router.get("/engine", response_model=EngineModel)
async def engine(_: CallerOf, parts: PartsOf) -> EngineModel:
    """What servers run in, and what it can do here."""
    return parts.offer.engine()


def saving(catalogue: Catalogue) -> OnReady:
    """Saves what was built, for everybody who wanted it."""

    async def save(record: Record) -> None:
        assert record.built is not None
        for user in record.wanting:
            saved = _saved(user, record.spec_of(user), record.built)
            await catalogue.save(replace(saved, resources=record.resources.get(user, {})))

    return save


class Saving:
    """Knows who has what was built in their `catalogue`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def having(
        self, connection: AsyncConnection, request: BuildRequest, built: Built, owners: Collection[str]
    ) -> dict[str, datetime]:
        """See :class:`hubkiln.builds.Kept`."""
        return await self._catalogue.having(connection, _saved("", request.spec, built), owners)

    async def used(self, request: BuildRequest, owners: Collection[str]) -> None:
        """See :class:`hubkiln.builds.Kept`."""
        await self._catalogue.used(request.spec, owners)


def _saved(owner: str, spec: Spec, built: Built) -> Saved:
    return Saved(
        owner=owner,
        spec=spec,
        commit=built.commit,
        image=built.image,
        environment_key=built.environment_key,
        plan=built.plan,
        lock_digest=built.lock_digest,
    )

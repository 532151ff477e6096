"""Builds over HTTP: order, list, follow, read the log, cancel, try again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from hubkiln.builds import (
    MOST_ASKED,
    BuildRequest,
    Entered,
    Jobs,
    Log,
    Notices,
    Record,
    Told,
    as_of_date,
    encode_event,
)
from hubkiln.database import patiently
from hubkiln.web.arrivals import check_network
from hubkiln.web.models import BuildList, BuildModel, BuildOrder, build_model
from hubkiln.web.requests import CallerOf, Parts, PartsOf, check_admin, check_may_build, readable
from hubkiln.web.stream import Events, event_stream, sse
from hubkiln.web.telling import check_address
from hubkiln.web.visitors import address_of

router = APIRouter(prefix="/api/builds", tags=["builds"])

PIECE = 256 * 1024
"""Bytes of a log read at a time."""

MOST_WAITING = 60
"""Seconds that an answer may be waited for; proxies end what is silent for longer."""


@router.post("", response_model=BuildModel, status_code=201)
async def order(body: BuildOrder, request: Request, response: Response, caller: CallerOf, parts: PartsOf) -> BuildModel:
    """Build something; 200 instead of 201 when the same is being built already."""
    check_may_build(parts, caller)
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    if body.priority:
        check_admin(caller)
    spec = parts.offer.parse(body.spec, body.ref, body.subdir)
    as_of_date(body.as_of, datetime.now(UTC))
    wanted = BuildRequest(spec=spec, as_of=body.as_of, refresh=body.refresh)
    if body.notify:
        check_address(body.notify, parts.settings)
    found = await parts.jobs.submit(
        wanted,
        caller.owner,
        groups=caller.groups,
        priority=body.priority,
        supersede=body.supersede,
        resources=body.resources,
    )
    if body.notify:
        await Notices(parts.database).ask(found[0].id, body.notify, MOST_ASKED)
    return _answer(parts, response, *found)


@router.get("", response_model=BuildList)
async def listing(
    caller: CallerOf,
    parts: PartsOf,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    everybody: Annotated[bool, Query(alias="all")] = False,
) -> BuildList:
    """The caller's own and joined builds, newest first; admins may ask for all."""
    user = None if everybody and caller.admin else caller.owner
    return BuildList(builds=[build_model(record) for record in await parts.jobs.listing(user, limit)])


@router.get("/{id}", response_model=BuildModel)
async def show(
    id: str, caller: CallerOf, parts: PartsOf, wait: Annotated[float, Query(ge=0, le=MOST_WAITING)] = 0
) -> BuildModel:
    """One build; with `wait`, once it has come to another phase, or after so many seconds."""
    record = await readable(parts, id, caller)
    if wait and not record.ended:
        await _next_phase(parts.jobs, record, wait)
        record = await readable(parts, id, caller)
    return build_model(record)


async def _next_phase(jobs: Jobs, record: Record, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), aclosing(jobs.follow(record.id, record.last_seq)) as events:
            async for told in events:
                if isinstance(told.event, Entered):
                    return


@router.delete("/{id}", response_model=BuildModel)
async def cancel(id: str, caller: CallerOf, parts: PartsOf) -> BuildModel:
    """Leave the build; it stops when nobody wants it any more. An admin who is not waiting for it stops it for all."""
    record = await readable(parts, id, caller)
    everybody = caller.admin and caller.owner not in record.wanting
    return build_model(await parts.jobs.cancel(id, caller.owner, everybody=everybody))


@router.post("/{id}/retry", response_model=BuildModel, status_code=201)
async def retry(id: str, request: Request, response: Response, caller: CallerOf, parts: PartsOf) -> BuildModel:
    """Build the same again; only when it has ended."""
    check_may_build(parts, caller)
    await check_network(address_of(request, parts.settings.trusted_proxies), parts)
    await readable(parts, id, caller)
    record, joined = await parts.jobs.retry(id, caller.owner, caller.groups)
    await Notices(parts.database).hand_on(id, record.id)
    return _answer(parts, response, record, joined)


@router.get("/{id}/events", response_class=StreamingResponse)
async def events(
    id: str,
    request: Request,
    caller: CallerOf,
    parts: PartsOf,
    after: Annotated[int, Query(ge=0)] = 0,
    log_from: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """
    Everything that happens, from the beginning or after ``Last-Event-ID``, until the end.

    Log text that ends before byte `log_from` of the log is left out: whoever begins late can have it from ``log``.
    """
    await readable(parts, id, caller)
    last = request.headers.get("last-event-id", "")
    after = int(last) if re.fullmatch(r"\d{1,9}", last) else after
    return event_stream(_told(parts.jobs, id, after, log_from), parts.settings.keepalive_seconds)


@router.get("/{id}/log", response_class=StreamingResponse)
async def log(id: str, request: Request, caller: CallerOf, parts: PartsOf) -> Response:
    """The log as plain text; byte ranges are understood."""
    record = await readable(parts, id, caller)
    size = record.log_bytes
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    wanted = byte_range(request.headers.get("range"), size)
    if wanted is None:
        return log_response(parts.jobs, id, range(size), 200, headers)
    if not wanted:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    return log_response(parts.jobs, id, wanted, 206, headers)


def byte_range(header: str | None, size: int) -> range | None:
    """The bytes that a ``Range`` header asks for: None for all of them, empty if there are none such."""
    match = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header or "")
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size, int(last) + 1) if last else size)


def log_response(jobs: Jobs, id: str, wanted: range, status: int, headers: dict[str, str]) -> Response:
    """Those bytes of a log."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(wanted.start, wanted.stop, PIECE):
            yield await jobs.log(id, start, min(start + PIECE, wanted.stop))

    headers = headers | {"Content-Length": str(len(wanted))}
    return StreamingResponse(pieces(), status, headers, media_type="text/plain; charset=utf-8")


async def _told(jobs: Jobs, id: str, after: int, log_from: int = 0) -> Events:
    async for told in jobs.follow(id, after):
        if not _ends_before(told, log_from):
            yield _sent(told)
    record = await patiently(lambda: jobs.record(id))
    if record.ended:
        yield sse({"type": "end", "build": build_model(record).model_dump(mode="json")}, record.last_seq)


@lru_cache(maxsize=256)
def _sent(told: Told) -> bytes:
    """An event as it goes to each of those who follow; a crowd gets the same bytes."""
    return sse(told_json(told), told.seq)


def _ends_before(told: Told, byte: int) -> bool:
    """Whether `told` is log text that ends at `byte` of the log or before."""
    return isinstance(told.event, Log) and (told.offset or 0) + len(told.event.text.encode()) <= byte


def told_json(told: Told) -> dict[str, Any]:
    """An event as its stream sends it."""
    kind, data = encode_event(told.event)
    shown: dict[str, Any] = {"type": kind, **data}
    if kind == "phase":
        shown["at"] = told.at.isoformat()
    if told.offset is not None:
        shown["offset"] = told.offset
    return shown


def _answer(parts: Parts, response: Response, record: Record, joined: bool) -> BuildModel:
    response.headers["Location"] = f"{parts.prefix}api/builds/{record.id}"
    response.status_code = 200 if joined else 201
    return build_model(record)

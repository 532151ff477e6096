"""A build seen through BinderHub's wire format, for the clients that speak it.

The rules are the clients': every answer is HTTP 200 with events, a refusal is one ``failed`` event, each event is
one line, and the stream stays open for a while after ``ready``. What follows a build without ``build_only`` is
:mod:`hubkiln.web.launching`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from hubkiln.builds import ENDS, BuildRequest, Entered, Log, Phase, Queued, Record, Told
from hubkiln.errors import HubkilnError, NotFound
from hubkiln.web.arrivals import Arrival, arrival_of
from hubkiln.web.auth import Caller
from hubkiln.web.launching import launch_events, wants_launch
from hubkiln.web.link_specs import spec_in
from hubkiln.web.origins import ALLOWED, origin_headers
from hubkiln.web.problems import status_of
from hubkiln.web.requests import Parts, PartsOf, check_may_build, readable, until
from hubkiln.web.stream import Events, event_stream, sse

log = logging.getLogger(__name__)

router = APIRouter(prefix="/build", tags=["binderhub"])

WORDS = {
    Phase.QUEUED: "waiting",
    Phase.RESOLVING: "waiting",
    Phase.FETCHING: "fetching",
    Phase.PLANNING: "fetching",
    Phase.LOCKING: "building",
    Phase.BUILDING: "building",
    Phase.PUSHING: "pushing",
    Phase.VERIFYING: "building",
}
"""Our phases in the words that BinderHub's clients know."""

FORWARDS = ("waiting", "fetching", "building", "pushing")
"""The order in which those clients expect them; none comes again after a later one."""

SAID = {
    Phase.QUEUED: "Waiting for build to start...\n",
    Phase.RESOLVING: "Looking up the repository...\n",
    Phase.FETCHING: "Fetching the repository...\n",
    Phase.PLANNING: "Reading its configuration files...\n",
    Phase.LOCKING: "Choosing package versions...\n",
    Phase.BUILDING: "Building the environment...\n",
    Phase.PUSHING: "Pushing image\n",
    Phase.VERIFYING: "Checking that a server starts...\n",
}


_LAST = re.compile(r"([0-9a-f-]{1,64}):(\d{1,9})")
"""A build and one of its events, as ours are numbered."""


@router.options("/{rest:path}", status_code=204)
async def preflight(rest: str, request: Request, parts: PartsOf) -> Response:
    """Which headers a page of another origin may send."""
    origin = origin_headers(request, parts.settings.allow_origins)
    return Response(status_code=204, headers=ALLOWED | {"Access-Control-Max-Age": "600"} | origin)


@router.get("/{rest:path}", response_class=StreamingResponse)
async def build(rest: str, request: Request, parts: PartsOf) -> Response:
    """Start or join a build and follow it."""
    arrival = await arrival_of(request, parts)
    headers = ALLOWED | origin_headers(request, parts.settings.allow_origins) | arrival.headers
    return event_stream(_reporter(request, parts, arrival), parts.settings.keepalive_seconds, headers)


async def _reporter(request: Request, parts: Parts, arrival: Arrival) -> Events:
    """All events of one request; whatever goes wrong is its last one."""
    with parts.metrics.streams.track_inprogress():
        try:
            caller = await arrival.caller()
            launching = wants_launch(request, parts, caller)
            record, after = await _under_way(request, parts, caller) or (await _order(request, parts, caller), 0)
            async for event in _follow(parts, record, launching, after):
                yield event
            record = await parts.jobs.record(record.id)
            if launching and record.state == Phase.READY:
                async for event in launch_events(request, parts, arrival, caller, record):
                    yield event
                await until(parts.jobs.stopping, parts.settings.hold_seconds)
        except HubkilnError as error:
            parts.metrics.refused.labels(str(error.status)).inc()
            yield failed(error.for_users, error.status)
        except Exception:
            log.exception("stream broke", extra={"action": "binderhub_stream"})
            yield failed("Internal Server Error", 500)


async def _under_way(request: Request, parts: Parts, caller: Caller) -> tuple[Record, int] | None:
    """
    The build that a client followed before its connection was lost, and the last event that it had.

    Browsers' own clients come back by themselves, also after ``failed``: that is no wish for another build.
    """
    match = _LAST.fullmatch(request.headers.get("last-event-id", ""))
    if match is None:
        return None
    try:
        record = await readable(parts, match[1], caller)
    except NotFound:
        return None
    asked, there = spec_in(request, parts), record.spec_of(caller.owner)
    return (record, int(match[2])) if replace(asked, reader=there.reader) == there else None


async def _order(request: Request, parts: Parts, caller: Caller) -> Record:
    spec = spec_in(request, parts)
    check_may_build(parts, caller)
    record, _ = await parts.jobs.submit(BuildRequest(spec=spec), caller.owner, groups=caller.groups)
    return record


async def _follow(parts: Parts, record: Record, launching: bool, after: int) -> AsyncIterator[bytes]:
    word = WORDS[Phase.QUEUED]
    if not record.ended:  # of what was there already nothing but the end is to be told
        async for told in parts.jobs.follow(record.id):
            if isinstance(told.event, Entered):
                if told.event.phase in ENDS:
                    break
                word = max(word, WORDS[told.event.phase], key=FORWARDS.index)
            if told.seq > after and (shown := shown_as(told, word)) is not None:
                yield sse(shown, f"{record.id}:{told.seq}")
        record = await parts.jobs.record(record.id)
    yield last_event(record, launching)
    if record.state == Phase.READY and not launching:
        await until(parts.jobs.stopping, parts.settings.hold_seconds)


def shown_as(told: Told, word: str) -> dict[str, Any] | None:
    """What BinderHub's clients see of an event while the build is in the phase that they call `word`."""
    match told.event:
        case Entered(phase):
            return {"phase": word, "message": SAID[phase]}
        case Log(text):
            return {"phase": word, "message": text}
        case Queued(position, seconds):
            ahead = "The next free place is yours" if position == 1 else f"{position - 1} builds wait before yours"
            about = f", in about {max(1, round(seconds / 60))} min" if seconds else ""
            return {"phase": word, "message": f"{ahead}{about}.\n"}
        case _:
            return None


def ready_event(image: str, *, reused: bool, launching: bool = False) -> bytes:
    """The event that tells of an image."""
    done = "Done! Found built image\n" if reused else "Done! Image built\n"
    return sse({"phase": "built" if launching else "ready", "imageName": image, "message": done})


def last_event(record: Record, launching: bool = False) -> bytes:
    """The event that ends a build; a stream ends with it unless a launch follows."""
    if record.state == Phase.READY and record.built is not None:
        return ready_event(record.built.image, reused=record.built.reused, launching=launching)
    if record.error is None:  # the service is stopping while another process goes on with the build
        return failed("The service is restarting; ask again in a moment.", 503)
    sentence = f"{record.error['message']} {record.error['hint']}".strip()
    return failed(sentence, status_of(record.error["code"]))


def failed(message: str, status: int) -> bytes:
    """The one event of a refusal or a failure."""
    return sse({"phase": "failed", "status_code": status, "message": f"{message}\n"})

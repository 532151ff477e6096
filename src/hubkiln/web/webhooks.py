"""Webhooks of forges: a push to a branch that an admin listed is built before anybody asks for it.

Nobody's token is needed: whoever knows the admin's secret may ask for these builds, and for nothing else. The same
body is taken once; what is built is what the branch is now, so an old one could not bring back an old commit either.
"""

from __future__ import annotations

import hashlib
import time
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from hubkiln.builds import BEGUN, BuildRequest, Notices, Schedules
from hubkiln.errors import NotFound
from hubkiln.web.auth import Kind, owner_of
from hubkiln.web.launching import public_origin
from hubkiln.web.models import BuildModel, build_model
from hubkiln.web.pushes import Push, allowed, read_push
from hubkiln.web.requests import Parts, PartsOf
from hubkiln.web.signatures import check_sender

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"])

OWNER = owner_of(Kind.SERVICE, "webhooks")
"""Whose the builds are, for limits and in the list."""

LARGEST = 1024 * 1024
"""Bytes of a webhook: a push tells of many commits."""

PRIORITY = -1
"""People who wait go first."""


class Heard(BaseModel):
    """What came of a webhook."""

    build: BuildModel | None = None
    why: str = ""
    """Why nothing is built."""


@router.post("/{source}", response_model=Heard, responses={201: {"model": Heard}})
async def told(source: str, request: Request, response: Response, parts: PartsOf) -> Heard:
    """Hear of a push to a repository of `source`: ``gh``, ``gl``, ``codeberg``, or a forge of the admin's own."""
    if not parts.settings.webhook_secret:
        raise NotFound("There is no such thing.")
    body = await request.body()
    headers = {name.lower(): value for name, value in request.headers.items()}
    check_sender(headers, body, parts.settings.webhook_secret, time.time())
    push = read_push(headers, body)
    if push is None:
        return Heard(why="Only pushes to branches are built.")
    if not allowed(push, source, parts.settings.webhook_repositories):
        return Heard(why=f"The admin has not listed {source}/{push.repository}, or not this branch.")
    digest = hashlib.sha256(source.encode() + b"\0" + body).hexdigest()
    if await parts.deliveries.known(digest):
        return Heard(why="This was told before.")
    wanted = BuildRequest(spec=parts.offer.parse_provider(source, rest_of(parts, source, push)))
    record, _ = await parts.jobs.submit(wanted, OWNER, priority=PRIORITY, supersede=True)
    if parts.offer.statuses.can_tell(source):
        service = f"{public_origin(request, parts)}{parts.prefix}"
        await Notices(parts.database).ask(record.id, f"{BEGUN}{service}")
    if not record.ended:
        await Schedules(parts.database).follow(record, OWNER)
    await parts.deliveries.remember(digest)
    response.status_code = 201
    return Heard(build=build_model(record))


def rest_of(parts: Parts, source: str, push: Push) -> str:
    """What comes after the provider in a link to the branch."""
    kind = next((kind for kind in parts.offer.kinds if kind.id == source), None)
    repository = quote(push.repository, safe="" if kind is not None and kind.encode else "/")
    return f"{repository}/{quote(push.branch, safe='/')}"

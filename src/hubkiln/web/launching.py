"""After the build: the server's start, told in BinderHub's words until it is ready.

What a server and its client are told (``repo_url``, ``binder_request``, …) is BinderHub's; notebooks and extensions
read it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from starlette.requests import Request

from hubkiln.builds import Concerned, Record, spec_name
from hubkiln.errors import HubkilnError, Refused, Unsupported
from hubkiln.launches import Launch, Launched, Launcher
from hubkiln.web.arrivals import Arrival
from hubkiln.web.auth import Caller, Kind
from hubkiln.web.kinds import address_of_repository
from hubkiln.web.launch_notes import note_launch
from hubkiln.web.link_specs import link_of, packages_in, query_of
from hubkiln.web.requests import Parts
from hubkiln.web.spelled import split_path
from hubkiln.web.stream import sse

YES = frozenset({"true", "1", "yes", "on"})


def wants_launch(request: Request, parts: Parts, caller: Caller) -> bool:
    """
    Whether the build of this request is to be followed by a server.

    Raises:
        Unsupported, Refused: it is, and that cannot be here.
    """
    if request.query_params.get("build_only", "").lower() in YES:
        return False
    if parts.launcher is None or parts.settings.launch == "no":
        raise Unsupported("This service builds only; add ?build_only=true to the request.")
    if caller.kind is Kind.SERVICE:
        raise Refused("A service has no server to start.", hint="Add ?build_only=true, or ask as a user.")
    return True


async def launch_events(
    request: Request, parts: Parts, arrival: Arrival, caller: Caller, record: Record
) -> AsyncIterator[bytes]:
    """
    ``launching`` until ``ready``; who goes away leaves the start to the hub.

    Raises:
        UserError, ServiceError: see :class:`hubkiln.launches.Launcher`.
    """
    assert parts.launcher is not None and record.built is not None
    facts = facts_of(request, parts, arrival.address, record)
    host = urlsplit(public_origin(request, parts)).netloc
    user = None if caller.kind is Kind.VISITOR else caller.name
    launch = Launch(image=record.built.image, name=record.built.name, user=user, facts=facts)
    if user is not None:
        spec = spec_name(record.request.spec)
        await parts.jobs.limits.launch(Concerned(owner=caller.owner, groups=caller.groups, spec=spec))
    yield sse({"phase": "launching", "message": "Launching server...\n"})
    with parts.metrics.launch(record.request.spec.provider) as retries:
        said: asyncio.Queue[str | None] = asyncio.Queue()
        task = asyncio.create_task(_launched(parts.launcher, launch, said))
        try:
            while (line := await said.get()) is not None:
                if line.startswith("Launch attempt "):
                    retries.append(None)
                yield sse({"phase": "launching", "message": line})
            launched = await task
        except HubkilnError:
            note_launch(request, parts, record, host, ready=False)
            raise
        finally:
            task.cancel()
    note_launch(request, parts, record, host, ready=True)
    url = urljoin(f"{public_origin(request, parts)}/", launched.url)
    told = {"phase": "ready", "message": f"server running at {url}\n", "image": launch.image}
    yield sse(told | facts | {"url": f"{url.rstrip('/')}/", "token": launched.token})


def facts_of(request: Request, parts: Parts, address: str, record: Record) -> dict[str, str]:
    """What a server of this build is told, by BinderHub's keys."""
    spec, commit = record.request.spec, record.commit or ""
    repository, page = address_of_repository(parts.offer.kinds, spec, commit)
    asked = "/".join(split_path(request.scope["raw_path"], parts.prefix)).rstrip("/")
    asked += query_of(packages_in(request))
    lasting = link_of(parts.offer.kinds, replace(spec, ref=commit)) if commit else asked
    return {
        "repo_url": repository,
        "binder_ref_url": page,
        "binder_launch_host": f"{public_origin(request, parts)}{parts.prefix}",
        "binder_request": f"v2/{asked}",
        "binder_persistent_request": f"v2/{lasting}",
        "binder_client_ip": address,
    }


def public_origin(request: Request, parts: Parts) -> str:
    """Scheme and host under which people see us."""
    if parts.public_origin:
        return parts.public_origin
    scheme = request.headers.get("x-forwarded-proto", request.url.scheme).split(",")[0].strip()
    return f"{'https' if scheme == 'https' else 'http'}://{request.url.netloc}"


async def _launched(launcher: Launcher, launch: Launch, said: asyncio.Queue[str | None]) -> Launched:
    try:
        return await launcher.launch(launch, said.put_nowait)
    finally:
        said.put_nowait(None)

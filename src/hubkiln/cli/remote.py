"""``hubkiln build --service``: the same command, but the build service does the work.

What is shown and how it ends is as for a build of this machine, so a workflow needs no other way to tell.
"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import suppress
from pathlib import Path

import click

from hubkiln.builds import decode_event
from hubkiln.cli.display import Display
from hubkiln.client import AsyncClient, Build, Order
from hubkiln.errors import BadSpec, HubkilnError

TOKEN = "HUBKILN_TOKEN"
"""Variable with the Hub token; on the command line everybody of the machine could read it."""

LEAVING_SECONDS = 5


def token_of(file: Path | None) -> str:
    """
    The Hub token, of a file or of :data:`TOKEN`.

    Raises:
        BadSpec: there is none.
    """
    try:
        token = (file.read_text() if file else os.environ.get(TOKEN, "")).strip()
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it holds no text"
        raise BadSpec(f"{file} cannot be read: {why}.", hint="Name the file that holds the Hub token.") from error
    if token:
        return token
    raise BadSpec(
        "The build service needs a Hub token, and none was given.",
        hint=f"Put it into the variable {TOKEN}, or into a file for --token-file; the hub's token page makes one.",
    )


async def build_there(url: str, token: str, order: Order, *, wait: bool, as_json: bool) -> None:
    """
    Order a build at the service `url`, and with `wait` follow it to its end.

    Raises:
        UserError, ServiceError: it was refused, or failed.
    """
    async with AsyncClient(url, token) as service:
        build = await service.order(order)
        if wait and not build.ended:
            try:
                build = await shown(service, build)
            except asyncio.CancelledError:  # Ctrl-C, or a workflow that was stopped
                with suppress(HubkilnError, TimeoutError):
                    async with asyncio.timeout(LEAVING_SECONDS):
                        await service.cancel(build.id)
                raise
    if build.error is not None:
        raise build.error
    told = build.image if build.image is not None else build.id
    click.echo(json.dumps(dict(build.document)) if as_json else told)


async def shown(service: AsyncClient, build: Build) -> Build:
    """Show `build` happening; as it ended."""
    with Display() as display:
        async for event in service.follow(build.id):
            if event.kind != "end":
                with suppress(ValueError):  # a later service tells more kinds than we know
                    display(decode_event(event.kind, dict(event.data)))
    return await service.show(build.id)

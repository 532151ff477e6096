"""Run as a program: the real service in a process of its own, over a scripted builder, as JupyterHub would start it.

``web_service.py DATABASE SCRIPT [held]``, where SCRIPT is a JSON list of event documents, ``-`` for the usual one, or
``paced``: builds then take a moment, as long as there is a file ``still`` at least, and their image's name says what it
was made of. What has the ref ``failed`` fails, what has ``waits`` waits for a file ``go``.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubkiln.builds.codec import decode
from hubkiln.builds.interface import Builder, BuildRequest, BuildSettings, Built, Tell
from hubkiln.builds.lookups import Glances
from hubkiln.database.engine import open_database
from hubkiln.errors import BuildFailed
from hubkiln.exports import FORMATS, Exported
from hubkiln.packages import Lock
from hubkiln.repositories import Refs, RepositorySettings, parse_provider_path, recognise
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.service import ENGINE, parse
from hubkiln.values import Spec
from hubkiln.web.listening import HubEnvironment
from hubkiln.web.models import PackageList, PackageModel
from hubkiln.web.offer import Offer
from hubkiln.web.serve import serve
from hubkiln.web.settings import WebSettings


class PacedBuilder:
    """
    Takes its time over each phase, and for as long as there is a file ``still`` over the last; makes an image that is
    named after the request.
    """

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        for event in SCRIPT:
            tell(event)
            await asyncio.sleep(random.uniform(0, 0.1))
        while Path("still").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        return replace(BUILT, image=f"hubkiln.local/{request.spec.repository}:made")


class Scripted(FakeBuilder):
    """Of the ref ``failed`` nothing comes; one of the ref ``waits`` ends when there is a file ``go`` to read."""

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        built = await super().build(request, tell)
        while request.spec.ref == "waits" and not Path("go").exists():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        if request.spec.ref == "failed":
            raise BuildFailed("Its own instructions failed.", hint="Mend them.")
        return built


def chosen() -> dict[str, Any]:
    """What the hub that starts us passes on of an admin's settings for launches."""
    given = {name: os.environ.get(f"HUBKILN_{name.upper()}") for name in ("launch", "allow_origin")}
    return {
        "launch": given["launch"] or "no",
        "allow_origins": tuple((given["allow_origin"] or "").split()),
        "launch_attempts": 2,
        "anonymous_limit": 50,
    }


class InRegistry:
    """What is in every image that is made here, as if it had been pushed."""

    async def packages(self, image: str) -> PackageList:
        """See :class:`hubkiln.web.offer.Contents`."""
        return PackageList(python="3.11", packages=[PackageModel(name="humanize", version="4.9.0")])

    async def export(self, image: str, kind: str) -> str:
        """See :class:`hubkiln.web.offer.Contents`."""
        lock = Lock(python="3.11", wheels=(), text='lock-version = "1.0"\n')
        return FORMATS[kind](Exported(image=f"registry.example/lab/waves@sha256:{'5' * 64}", lock=lock, labels={}))


async def branches(spec: Spec) -> Refs:
    """Those that builds know, of every repository."""
    return Refs(default="main", branches=("main", "failed", "waits"), tags=("v1",))


async def main(url: str, script: str, *more: str) -> None:
    """Serve until told to stop."""
    if script == "paced":
        return await serving(url, PacedBuilder())
    image = os.environ.get("TEST_IMAGE", BUILT.image)
    events = SCRIPT if script == "-" else [decode(e["type"], e) for e in json.loads(Path(script).read_text())]
    await serving(url, Scripted(events, built=replace(BUILT, image=image), held="held" in more))


async def serving(url: str, builder: Builder) -> None:
    """Serve builds of `builder`."""
    database = await open_database(url)
    try:
        await serve(
            builder,
            database,
            HubEnvironment.read(),
            Offer(
                engine=lambda: ENGINE,
                parse=parse,
                parse_provider=lambda provider, rest: parse_provider_path(
                    provider, rest, settings=RepositorySettings()
                ),
                contents=InRegistry(),
                refs=Glances(branches),
                recognise=lambda text, ref, subdir: recognise(text, ref, subdir=subdir, settings=RepositorySettings()),
            ),
            builds=BuildSettings(beat_seconds=0.2, poll_seconds=0.1),
            web=replace(WebSettings(keepalive_seconds=1, hold_seconds=30), **chosen()),
        )
    finally:
        await database.close()


asyncio.run(main(*sys.argv[1:]))

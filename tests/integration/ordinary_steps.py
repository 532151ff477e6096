"""A program for tests: run by an ordinary user, it runs ``apt.txt`` over a base image and prints what came of it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from step_yard import Yard, recipe

from hubkiln.composer.steps.settings import StepSettings
from hubkiln.egress.allowed import read_reach
from hubkiln.errors import BuildFailed


async def main(folder: Path) -> None:
    """Everything in `folder`, whose layers hold a base image."""
    yard = Yard(folder=folder, settings=StepSettings(reach=read_reach("packages deb.debian.org")))
    base = await yard.bases.unpacked(await yard.bases.image(None, None, yard.say), yard.say)
    steps = yard.steps()
    (layer,) = await steps.system(recipe(apt=("figlet", "redis-server")), base, yard.say)
    tree = steps.entries(layer, (), base, None)
    owned = {entry.path: [entry.uid, entry.gid, oct(entry.mode)] for entry in tree}
    size = sum(len(entry.source.read_bytes()) for entry in tree if isinstance(entry.source, Path))
    content = yard.content({"postBuild": "#!/bin/sh\nfiglet -f term it works\nid -u\n"})
    environment = await yard.environment(base)
    await steps.run(
        recipe(apt=("figlet", "redis-server"), post_build="postBuild"), base, environment, content, yard.say
    )
    try:
        await steps.system(recipe(apt=("libkiln-nonesuch-dev",)), base, yard.say)
    except BuildFailed as error:
        failed = error.message
    print(
        json.dumps(
            {
                "owned": owned,
                "bytes": size,
                "log": yard.log,
                "failed": failed,
                "left": yard.leftovers(),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

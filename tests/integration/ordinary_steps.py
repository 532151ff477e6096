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
from hubkiln.local_images.work_folder import in_use
from hubkiln.sandbox import current_identity, remove_left
from hubkiln.sandbox.user_namespace import run_as_root
from hubkiln.stores.trash import Trash


async def left_by_a_killed_step(yard: Yard) -> list[str]:
    """What stays of other owners' files where unfinished things lie, and in the trash, after the next start."""
    places = [yard.data.work / "left", yard.data.root / "trash/left"]
    for place in places:
        place.mkdir(parents=True)
        script = 'mkdir "$0/in" && touch "$0/in/x" && chown -R 33:33 "$0/in" && chmod 700 "$0/in"'
        done = await run_as_root(current_identity(), ["sh", "-c", script, str(place)])
        assert done.code == 0, done.output
    with in_use(yard.data):
        Trash(yard.data.root, remove_left).empty()
    return [str(place) for place in places if place.exists()]


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
    killed = await left_by_a_killed_step(yard)
    print(
        json.dumps(
            {
                "owned": owned,
                "bytes": size,
                "log": yard.log,
                "failed": failed,
                "left": yard.leftovers(),
                "killed": killed,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

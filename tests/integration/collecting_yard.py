"""A machine that builds and collects, whose time can be made to pass; also a program that builds in a loop."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from hubkiln.builds import BuildRequest, Built
from hubkiln.data_dir import DataDir
from hubkiln.local_images import LocalImage
from hubkiln.local_images.store import image_of_document
from hubkiln.packages import Wheel
from hubkiln.storage import Storage
from hubkiln.stores import CollectSettings, lease
from hubkiln.stores.uses import alone
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import fake_workshop

RECIPES = {"gh/ann/a": "one\n", "gh/ann/b": "two\n", "gh/ann/c": "one\ntwo\n", "gh/ann/d": "two\nthree\n"}
HOUR = 3600


async def starts(inside: Inside) -> int:
    """A server's program that runs, where all that it is made of is there."""
    lowers = [lower for overlay in inside.room.overlays for lower in overlay.lowers]
    missing = [lower for lower in lowers if not lower.is_dir()]
    inside.say(f"6.1.1 {missing}\n")
    return 1 if missing else 0


@dataclass
class Yard:
    """A data folder in which four repositories are built."""

    data: DataDir
    wheels: list[Wheel]

    def __post_init__(self) -> None:
        repositories = FakeRepositories()
        for name, requirements in RECIPES.items():
            repositories.add(name, {"requirements.txt": requirements, "note.ipynb": name})
        self.repositories = repositories
        self.workshop = fake_workshop(
            self.data.root,
            repositories,
            locker=FakeLocker(self.wheels),
            engine=FakeEngine({"jupyterhub-singleuser": starts}),
            opened=ExitStack(),
        )

    async def build(self, name: str) -> Built:
        """Build one; what it is made of is there as long as we are."""
        request = BuildRequest(spec=self.repositories.parse(name))
        return await self.workshop.pipeline.build(request, lambda event: None)

    def whole(self) -> None:
        """
        Raises:
            AssertionError: an image is here, and something of it is not.
        """
        for document in (self.data.images / "documents").glob("*.json"):
            image = image_of_document(json.loads(document.read_text()))
            assert not self.missing(image), (document, self.missing(image))

    def missing(self, image: LocalImage) -> list[str]:
        """What `image` lacks."""
        environment, content = self.data.environments / str(image.environment), self.data.content / str(image.content)
        note = content / "note.ipynb"
        if not note.exists():
            return [str(note)]
        packages = RECIPES[note.read_text()].split()
        return [name for name in packages if not list(environment.glob(f"lib/python*/site-packages/{name}.py"))]


def pass_hours(data: DataDir, hours: float = 1) -> None:
    """Let time pass for everything at once, those at work included, while nobody looks."""
    with alone(data.root):
        for store in Storage(data).stores():
            for path in store.folder.glob("blobs/sha256/*" if store.name == "layers" else "*"):
                with suppress(FileNotFoundError):
                    os.utime(path, (path.stat().st_mtime - hours * HOUR,) * 2)
        for held in (data.root / "leases").glob("*"):
            with suppress(FileNotFoundError, json.JSONDecodeError):  # killed before it said since when: empty
                told = json.loads(held.read_text())
                held.write_text(json.dumps(told | {"since": told["since"] - hours * HOUR}))


async def forever(yard: Yard) -> None:
    """Build one after the other; each is whole for as long as a lease is held, or the word is LOST."""
    chosen = random.Random(os.getpid())
    while True:
        with lease(yard.data.root, "a test"):
            built = await yard.build(chosen.choice(list(RECIPES)))
            missing = yard.missing(yard.workshop.images.get(built.image))
            print(f"LOST {missing}" if missing else "built", flush=True)


async def once(data: DataDir) -> None:
    """Collect everything that can go, when somebody says so."""
    storage = Storage(data)
    collector, found = await storage.look(CollectSettings(keep_seconds=0))
    print(f"found {len(found.garbage)}", flush=True)
    sys.stdin.readline()
    collector.sweep(found)
    print("swept", flush=True)


if __name__ == "__main__":
    data = DataDir(Path(sys.argv[2]))
    if sys.argv[1] == "build":
        asyncio.run(forever(Yard(data, [Wheel(**one) for one in json.loads(sys.argv[3])])))
    else:
        asyncio.run(once(data))

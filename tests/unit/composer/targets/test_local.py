"""Environments for this machine: from what was asked to a room in which a server starts, over an engine in memory."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.builds.events import Phase
from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.conventions import ADDED_LABEL
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, EngineMissing, LockFailed
from hubkiln.later import Later
from hubkiln.local_images.interface import LocalImage
from hubkiln.local_images.room import room_for
from hubkiln.packages import stack
from hubkiln.testing.packages import FakeLocker
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import fake_workshop
from hubkiln.values import PREFIX
from index_server import Index, serve
from pushing import Told
from wheels import make_wheel

REPOSITORY = "gh/ann/work"
SERVER = "jupyterhub-singleuser"


async def starts(inside: Inside) -> int:
    """A server's program that runs."""
    inside.say("6.1.1\n")
    return 0


async def breaks(inside: Inside) -> int:
    """One that does not."""
    inside.say("Traceback\nImportError: no tornado\n")
    return 1


class Machine:
    """A data folder, and a pipeline that makes environments in it."""

    def __init__(self, folder: Path, index: Index, engine: FakeEngine | None = None) -> None:
        self.data = DataDir(folder).make()
        self.index, self.told, self.repositories = index, Told(), FakeRepositories()
        self.engine = engine or FakeEngine({SERVER: starts, "/bin/sh": starts})
        wheels = [index.wheel(path) for path in sorted(index.folder.glob("*.whl"))]
        made = fake_workshop(folder, self.repositories, locker=FakeLocker(wheels), engine=self.engine)
        self.images, self.packages, self.pipeline = made.images, made.packages, made.pipeline

    def request(self) -> BuildRequest:
        """The one repository that there is."""
        return BuildRequest(spec=self.repositories.parse(REPOSITORY))

    async def build(self, files: dict[str, str] | None = None) -> Built:
        """Build it, with `files` as a new commit."""
        if files is not None:
            self.repositories.add(REPOSITORY, files)
        self.told = Told()
        return await self.pipeline.build(self.request(), self.told)

    def image(self, built: Built) -> LocalImage:
        """What a server would start."""
        return self.images.get(built.image)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """One with an index of two packages and one of the Jupyter stack."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    ipykernel = dict(stack.preferred(".".join(map(str, sys.version_info[:2]))))["ipykernel"]
    make_wheel(folder, "ipykernel", ipykernel)
    make_wheel(folder, "one", files={"one.py": "X = 1\n"}, entry_points="[console_scripts]\none = one:main\n")
    make_wheel(folder, "two", files={"two.py": "Y = 1\n"})
    with serve(folder) as index:
        yield Machine(tmp_path / "data", index)


async def test_packages_are_added_to_a_repositorys_own(machine: Machine) -> None:
    """Both are in the image, which is another than without, and says what was added, so that it can be made again."""
    plain = await machine.build({"requirements.txt": "one\n"})
    request = replace(machine.request(), spec=machine.repositories.parse(f"{REPOSITORY} + two"))
    added = await machine.pipeline.build(request, Told())
    assert added.image != plain.image and added.environment_key != plain.environment_key
    found = [
        {path.stem for path in (machine.data.environments / str(machine.image(one).environment)).rglob("*.py")}
        for one in (plain, added)
    ]
    assert found[1] >= {"one", "two"} and "two" not in found[0]
    assert (await machine.pipeline.build(request, Told())).reused
    assert dict((await machine.pipeline.dry_run(request, Told())).labels)[ADDED_LABEL] == "two"


async def test_a_repository_becomes_an_image_that_was_tried(machine: Machine) -> None:
    """Its packages are in one folder, its files in another, and a server was started over both before it is ready."""
    built = await machine.build({"requirements.txt": "one\n", "note.ipynb": "{}"})
    image = machine.image(built)
    environment = machine.data.environments / str(image.environment)
    assert list(environment.glob("lib/python*/site-packages/one.py")) and (environment / "bin/one").exists()
    assert (machine.data.content / str(image.content) / "note.ipynb").read_text() == "{}"
    ((room, argv),) = machine.engine.opened
    assert argv == (SERVER, "--version") and room.overlays[0].target == f"/{PREFIX}"
    assert machine.told.phases[-2:] == [Phase.BUILDING, Phase.VERIFYING]


async def test_a_changed_notebook_makes_nothing_but_content(machine: Machine) -> None:
    """The environment is the one that was there: nothing is asked of the index, nothing tried again."""
    first = await machine.build({"requirements.txt": "one\n", "note.ipynb": "{}"})
    wanted = machine.index.wanted.total()
    second = await machine.build({"requirements.txt": "one\n", "note.ipynb": '{"cells": []}'})
    assert second.reused and not first.reused and second.image != first.image
    assert machine.image(second).environment == machine.image(first).environment
    assert machine.index.wanted.total() == wanted and len(machine.engine.opened) == 1


async def test_whoever_starts_a_server_at_once_needs_no_trial(machine: Machine) -> None:
    """Nothing is run for a build that is not to be tried; for the next, which is, a server is started."""
    machine.repositories.add(REPOSITORY, {"requirements.txt": "one\n"})
    untried = await machine.pipeline.build(replace(machine.request(), tried=False), machine.told)
    assert not machine.engine.opened and machine.told.phases[-1] is Phase.BUILDING
    assert (await machine.build()).image == untried.image
    assert [argv for _, argv in machine.engine.opened] == [(SERVER, "--version")]


async def test_the_first_server_waits_for_no_byte_code(tmp_path: Path, machine: Machine) -> None:
    """It is made behind the build, and lies below the environment where the next server starts."""
    compiling, later = asyncio.Event(), Later()
    machine.repositories.add(REPOSITORY, {"requirements.txt": "one\n"})
    wheels = [machine.index.wheel(path) for path in sorted(machine.index.folder.glob("*.whl"))]
    locker = FakeLocker(wheels)
    workshop = fake_workshop(tmp_path / "own", machine.repositories, locker=locker, engine=machine.engine, later=later)
    async with later:
        later.do("another's", compiling.wait)
        built = await workshop.pipeline.build(machine.request(), machine.told)
        image = workshop.images.get(built.image)
        environment = workshop.data.environments / str(image.environment)

        def lowers() -> tuple[Path, ...]:
            room = room_for(workshop.data.rooms, image, home=None, work=tmp_path / "work")
            return room.overlays[0].lowers

        assert lowers() == (environment,)
        compiling.set()
        await later.done()
        below, own = lowers()
    assert own == environment and list(below.rglob("one.cpython-*.pyc"))
    assert not list(environment.rglob("*.pyc"))


async def test_a_new_package_keeps_what_was_there(machine: Machine) -> None:
    """Only the new one is fetched."""
    await machine.build({"requirements.txt": "one\n"})
    machine.index.wanted.clear()
    await machine.build({"requirements.txt": "one\ntwo\n"})
    assert [path.rpartition("/")[2] for path in machine.index.wanted] == ["two-1.0-py3-none-any.whl"]


async def test_an_environment_in_which_no_server_starts_is_no_environment(machine: Machine) -> None:
    """The message has what it printed; when it is asked for again it is tried again."""
    machine.engine.programs[SERVER] = breaks
    for _ in range(2):
        with pytest.raises(BuildFailed, match="ImportError: no tornado"):
            await machine.build({"requirements.txt": "one\n"})
    assert len(machine.engine.opened) == 2
    machine.engine.programs[SERVER] = starts
    assert (await machine.build()).image


async def test_a_package_that_is_not_there_is_said_before_anything_is_made(machine: Machine) -> None:
    """No folder, no room."""
    with pytest.raises(LockFailed, match="nothing-of-that-name"):
        await machine.build({"requirements.txt": "nothing-of-that-name\n"})
    assert not machine.engine.opened and not list(machine.data.environments.iterdir())


async def test_a_dry_run_says_what_is_new_and_changes_nothing(machine: Machine) -> None:
    """Before the first build nothing is known of its packages, after it the environment is there."""
    machine.repositories.add(REPOSITORY, {"requirements.txt": "one\n"})
    assert (await machine.pipeline.dry_run(machine.request(), Told())).lock is None
    assert not machine.engine.opened and not list(machine.data.environments.iterdir())
    await machine.build()
    found = await machine.pipeline.dry_run(machine.request(), Told())
    assert found.there and "The environment is there already." in found.steps


async def test_what_is_intended_is_told_of_files_that_are_here(machine: Machine) -> None:
    """Nothing is fetched for it: of a commit that is not here nothing is said."""
    machine.repositories.add(REPOSITORY, {"requirements.txt": "one\n"})
    revision = await machine.repositories.resolve(machine.request().spec)
    request = replace(machine.request(), revision=revision)
    assert await machine.pipeline.intended(request) is None and not machine.repositories.fetched
    await machine.build()
    found = await machine.pipeline.intended(request)
    assert found is not None and (found.plan, found.there) == ("compose", True)


async def test_start_script_variables_and_folder_come_along(machine: Machine) -> None:
    """What a server's room must know is in the image's document."""
    built = await machine.build({"requirements.txt": "two\n", "start": '#!/bin/sh\nexec "$@"\n'})
    image = machine.image(built)
    assert (image.start, image.name) == ("start", "work")
    assert dict(image.labels)["org.opencontainers.image.revision"] == built.commit


async def test_what_cannot_be_tried_is_not_begun(machine: Machine, tmp_path: Path) -> None:
    """Where no sandbox can be made a build says so, and why, before it fetches anything."""
    engine = FakeEngine(missing=EngineMissing("User namespaces are off.", hint="Ask."))
    other = Machine(tmp_path / "other", machine.index, engine)
    with pytest.raises(EngineMissing, match="User namespaces are off") as caught:
        await other.build({"requirements.txt": "one\n"})
    assert "hubkiln doctor" in caught.value.hint
    assert Phase.FETCHING not in other.told.phases
    assert not list(other.data.environments.glob("*"))

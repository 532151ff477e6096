"""``hubkiln launch`` once the environment is made: the server it starts is its trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkiln.cli.launch import served
from hubkiln.errors import BuildFailed
from hubkiln.local_images import LocalImage
from hubkiln.processes import free_port
from hubkiln.testing.repositories import FakeRepositories
from hubkiln.testing.sandbox import FakeEngine, Inside
from hubkiln.testing.workshop import fake_workshop

IMAGE = LocalImage(name="work", environment="none")
SERVER = "jupyterhub-singleuser"


async def fails(inside: Inside) -> int:
    """A server that cannot start."""
    inside.say("ImportError: no tornado\n")
    return 1


async def ends(inside: Inside) -> int:
    """One that ends at once."""
    return 3


async def ends_well(inside: Inside) -> int:
    """One that says its version."""
    inside.say("6.1.1\n")
    return 0


async def launched(folder: Path, engine: FakeEngine) -> int:
    """Exit code of the server that is started in the image, in `engine`."""
    workshop = fake_workshop(folder, FakeRepositories(), engine=engine)
    (workshop.data.environments / "none").mkdir(parents=True)
    return await served(workshop, IMAGE, free_port(), {})


async def test_a_server_that_never_answers_is_explained(tmp_path: Path) -> None:
    """The build did not try the image, so whether a server starts in it is seen now, and said as a build says it."""
    engine = FakeEngine({"jupyter": fails, SERVER: fails})
    with pytest.raises(BuildFailed, match="does not start in it: ImportError: no tornado"):
        await launched(tmp_path / "data", engine)
    assert [argv[0] for _, argv in engine.opened] == ["jupyter", SERVER]


async def test_a_server_that_could_have_started_is_believed(tmp_path: Path) -> None:
    """Where a server does start in the image, the exit code of the one that ended is what is passed on."""
    assert await launched(tmp_path / "data", FakeEngine({"jupyter": ends, SERVER: ends_well})) == 3

"""``hubkiln doctor --push``: what it says of registries as they are, and of those that do not do what is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubkiln.cli.findings import State
from hubkiln.cli.push_trial import examine_push
from hubkiln.settings import Settings
from hubkiln.testing.docker_registry import DockerRegistry, installed
from hubkiln.testing.registry import InMemoryRegistry

real = [pytest.mark.registry, pytest.mark.skipif(not installed(), reason="docker-registry is not installed")]


@pytest.fixture(params=["memory", pytest.param("docker", marks=real)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[InMemoryRegistry | DockerRegistry]:
    """One that works."""
    with InMemoryRegistry() if request.param == "memory" else DockerRegistry(tmp_path / "registry") as running:
        yield running


async def said(push: str, **more: str) -> dict[str, tuple[State, str]]:
    """The findings by name."""
    found = await examine_push(Settings.read({}, {"push": push, **more}))
    return {one.name: (one.state, one.says) for one in found}


@pytest.mark.parametrize("where", ["hub/environments", "hub/{name}"])
async def test_a_registry_that_works_is_said_to(registry: InMemoryRegistry | DockerRegistry, where: str) -> None:
    """All four ways are tried, twice, and what the registry cannot do without harm is a note."""
    for _ in range(2):
        found = await said(f"{registry.host}/{where}")
        assert list(found) == ["push", "find", "pull", "remove"], found
        assert {name: state for name, (state, _) in found.items() if name != "remove"} == dict.fromkeys(
            ("push", "find", "pull"), State.OK
        ), found
        assert found["remove"][0] is not State.BAD


async def test_what_is_wrong_is_said_by_what_it_stops(tmp_path: Path) -> None:
    """No target, a login that is missing, a name by which nothing can be pulled."""
    assert (await examine_push(Settings.read({})))[0].state is State.BAD
    with InMemoryRegistry(login=("pusher", "secret")) as closed:
        found = await said(f"{closed.host}/hub/env")
        assert list(found) == ["push"] and found["push"][0] is State.BAD and "secret" not in found["push"][1]
    with InMemoryRegistry() as first, InMemoryRegistry() as second:
        found = await said(f"{first.host}/hub/env", pull_from=f"{second.host}/elsewhere/env")
        assert [found[name][0] for name in ("push", "find", "pull")] == [State.OK, State.OK, State.NOTE], found

"""What is decided before repo2docker starts: settings, keys, and what a failure is called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.repo2docker.builder import failed_build
from hubkiln.composer.repo2docker.checkout import normalised_runtime
from hubkiln.composer.repo2docker.cleanup import is_dead, new_mark
from hubkiln.composer.repo2docker.engines import EngineCommand
from hubkiln.composer.repo2docker.order import Repo2dockerOrder
from hubkiln.composer.repo2docker.settings import Repo2dockerSettings, ability, settings
from hubkiln.content.store import Content
from hubkiln.errors import BadSpec, BuildFailed
from hubkiln.recipes.interface import Kind, Need, Plan, PlanKind, Recipe
from hubkiln.values import Revision, Spec

SPEC = Spec(provider="git", repository="https://example.org/r")
REVISION = Revision(spec=SPEC, commit="1" * 40, url="https://example.org/r", name="r")
DOCKER = Recipe(
    kind=Kind.DOCKERFILE, folder="", files=(("Dockerfile", "0"),), whole_tree="`Dockerfile` may read any file"
)
OLD = Recipe(kind=Kind.PYTHON, folder="", python="3.7", files=(("runtime.txt", "0"),), start="start")


def order(recipe: Recipe = DOCKER, **more: object) -> Repo2dockerOrder:
    made = Repo2dockerOrder(
        request=BuildRequest(spec=SPEC),
        revision=REVISION,
        content=Content(key="c", path=Path("/c"), root=Path("/c")),
        recipe=recipe,
        plan=Plan(kind=PlanKind.REPO2DOCKER, why=(), needs=(Need.REPO2DOCKER,)),
    )
    return replace(made, **more)  # type: ignore[arg-type]


OTHER = replace(REVISION, commit="2" * 40)


def test_a_dockerfile_is_built_for_each_commit() -> None:
    """It may read any file; and the image is the engine's by that key."""
    assert order().environment_key != order(revision=OTHER).environment_key
    assert order().tag.endswith(f":{order().environment_key}")
    assert not order().split


def test_a_recipe_that_reads_only_its_files_is_built_once() -> None:
    """Another commit with the same files is the same environment, and another image."""
    assert order(OLD).split
    assert order(OLD).environment_key == order(OLD, revision=OTHER).environment_key
    assert order(OLD).image_key != order(OLD, revision=OTHER).image_key
    changed = replace(OLD, files=(("runtime.txt", "1"),))
    assert order(OLD).environment_key != order(changed).environment_key


def test_start_is_ours_only_where_the_image_does_not_know_it() -> None:
    """repo2docker's images run it themselves when they hold the repository."""
    assert order(OLD).start == "start"
    assert order(replace(OLD, whole_tree="why")).start is None


def test_the_admins_arguments_are_part_of_the_key() -> None:
    assert order(build_args=(("A", "1"),)).environment_key != order().environment_key


def test_settings_are_read_as_a_shell_would() -> None:
    """One engine where it is named, else all in their order with the same arguments."""
    found = settings(
        {
            "HUBKILN_ENGINE": "/opt/podman",
            "HUBKILN_ENGINE_GLOBAL_ARGUMENTS": "--root '/a b'",
            "HUBKILN_ENGINE_BUILD_ARGUMENTS": "--isolation chroot",
            "HUBKILN_BUILD_ARGS": "A=1 'B=x y' C=",
        }
    )
    (engine,) = found.engines
    assert engine == EngineCommand(
        command="/opt/podman", global_arguments=("--root", "/a b"), build_arguments=("--isolation", "chroot")
    )
    assert found.build_args == (("A", "1"), ("B", "x y"), ("C", ""))
    assert [engine.kind for engine in settings({}).engines] == ["podman", "buildah", "docker"]


@pytest.mark.parametrize("environ", [{"HUBKILN_ENGINE": "kaniko"}, {"HUBKILN_BUILD_ARGS": "A='x"}])
def test_settings_that_cannot_be_meant_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(BadSpec):
        settings(environ)


async def test_what_is_missing_is_named() -> None:
    """Every engine that was tried, and what to install."""
    nothing = tuple(EngineCommand(command=f"/nowhere/{kind}") for kind in ("podman", "docker"))
    found = await ability(Repo2dockerSettings(engines=nothing))
    assert found.engine is None
    assert found.reason == "/nowhere/podman is not installed; /nowhere/docker is not installed."
    assert "apt install podman" in found.hint


def test_a_failing_step_says_what_it_said_last() -> None:
    """The engine's own words and the steps before it are no news."""
    log = (
        "STEP 1/3: FROM x\nSTEP 2/3: RUN make\nfine\nSTEP 3/3: RUN make more\nno rule to make target\n"
        'subprocess exited with status 2\nError: building at STEP "RUN make more": exit status 2\n'
    )
    error = BuildFailed("The build step 'RUN make more' failed (exit status 2).", hint="The log above says why.")
    assert failed_build(error, log).message.endswith("(exit status 2): no rule to make target")
    other = BuildFailed("The base image x does not exist or is not public.", hint="")
    assert failed_build(other, log) is other


def test_a_mark_tells_whether_its_builder_lives() -> None:
    """By pid and start time, so a pid that was used again is not taken for it; elsewhere nobody can tell."""
    mark = new_mark()
    pid, started, where = mark.rpartition("-")[0].split(".")
    boot, namespace = where.split("/")
    assert not is_dead(mark)
    assert is_dead(f"4194305.{started}.{where}-abc")
    assert is_dead(f"{pid}.{int(started) + 1}.{where}-abc"), "the pid is somebody else's now"
    assert is_dead(f"{pid}.{started}.another-boot/{namespace}-abc"), "the machine was started anew"
    assert not is_dead(f"4194305.{started}.{boot}/1-abc"), "another container's process"
    assert not is_dead("nonsense")


@pytest.mark.parametrize(
    ("written", "given"),
    [
        ("python-3.7.17\n", "python-3.7\n"),
        ("python-2.7.18", "python-2.7"),
        ("python-3.10", "python-3.10"),
        ("python-3.11.2-2024-01-01\n", "python-3.11-2024-01-01\n"),
        ("r-4.4.1-2024-10-01\n", "r-4.4.1-2024-10-01\n"),
        ("julia-1.9.3", "julia-1.9.3"),
    ],
)
def test_repo2docker_is_given_pythons_as_it_knows_them(written: str, given: str) -> None:
    """It has a list for each minor version and knows no releases."""
    assert normalised_runtime(written) == given

"""The fallback for real: repo2docker with our engine on Podman and Buildah, a local base, a real registry."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_image import NAME, import_tiny, run_argv, sh, storage
from tiny_image import buildah as buildah_over

from hubkiln.composer.repo2docker.command import build_with_repo2docker
from hubkiln.composer.repo2docker.engines import EngineCommand, find_engine
from hubkiln.errors import BuildFailed, RecipeError, Unreachable
from hubkiln.testing.docker_registry import DockerRegistry
from hubkiln.testing.docker_registry import installed as registry_installed
from hubkiln.values import Limits

pytestmark = [
    pytest.mark.podman,
    pytest.mark.skipif(not shutil.which("podman"), reason="podman is not installed"),
]
needs_registry = [
    pytest.mark.registry,
    pytest.mark.skipif(not registry_installed(), reason="docker-registry is not installed"),
]


@pytest.fixture(scope="module")
def podman() -> Iterator[EngineCommand]:
    """Podman with a storage of its own that holds the tiny base."""
    with storage() as made:
        import_tiny(made)
        yield made


@pytest.fixture
def buildah(podman: EngineCommand) -> EngineCommand:
    """Buildah over the same storage."""
    return buildah_over(podman)


def checkout(tmp_path: Path, dockerfile: str, folder: str = "", **files: str) -> Path:
    """A repository with a Dockerfile."""
    root = tmp_path / "checkout"
    (root / folder).mkdir(parents=True)
    (root / folder / "Dockerfile").write_text(f"FROM {NAME}\n{dockerfile}\n")
    for name, text in files.items():
        (root / name).write_text(text)
    return root


def output(podman: EngineCommand, image: str, *argv: str) -> str:
    return sh(*run_argv(podman, image, *argv))


async def test_a_dockerfile_becomes_an_image(tmp_path: Path, podman: EngineCommand) -> None:
    """Build arguments, labels and the context arrive; what is said is text; the image runs."""
    repo = checkout(
        tmp_path,
        "ARG NB_USER\nARG NB_UID\nARG REPO_DIR\nARG EXTRA\nCOPY data /data\n"
        "RUN echo building-now; echo $NB_USER $NB_UID $REPO_DIR $EXTRA > /args",
        data="from the repository",
    )
    said: list[str] = []
    made = await build_with_repo2docker(
        repo,
        "localhost/first:1",
        engine=podman,
        say=said.append,
        labels={"repo2docker.repo": "https://example.org/r", "own": "a b=c"},
        build_args={"EXTRA": "x y"},
    )
    assert output(podman, made.image, "cat", "/args", "/data") == "jovyan 1000 /srv/repo x y\nfrom the repository"
    log = "".join(said)
    assert "building-now\n" in log
    assert '"message"' not in log
    found = json.loads(sh(*podman.base, "image", "inspect", made.image))[0]
    assert found["Labels"]["repo2docker.repo"] == "https://example.org/r"
    assert found["Labels"]["own"] == "a b=c"
    assert made.id == f"sha256:{found['Id']}"


async def test_a_dockerfile_below_binder_sees_the_whole_repository(tmp_path: Path, podman: EngineCommand) -> None:
    """The context is the root of the repository, wherever the Dockerfile is."""
    repo = checkout(tmp_path, "COPY top /top", ".binder", top="of the tree")
    made = await build_with_repo2docker(repo, "localhost/binder:1", engine=podman, say=len)
    assert output(podman, made.image, "cat", "/top") == "of the tree"


async def test_a_subdirectory_is_the_root_where_asked(tmp_path: Path, podman: EngineCommand) -> None:
    """`subdir` moves the root."""
    repo = checkout(tmp_path, "RUN echo sub > /where", "sub")
    made = await build_with_repo2docker(repo, "localhost/sub:1", engine=podman, say=len, subdir="sub")
    assert output(podman, made.image, "cat", "/where") == "sub\n"


async def test_buildah_builds_as_well(tmp_path: Path, buildah: EngineCommand) -> None:
    """Any of the commands will do."""
    repo = checkout(tmp_path, "RUN echo buildah > /who")
    made = await build_with_repo2docker(repo, "localhost/buildah:1", engine=buildah, say=len)
    assert made.id.startswith("sha256:")
    assert output(buildah, made.image, "cat", "/who") == "buildah\n"


async def test_an_image_that_is_there_is_taken(tmp_path: Path, podman: EngineCommand) -> None:
    """The second build of one name builds nothing."""
    repo = checkout(tmp_path, "RUN echo once")
    first = await build_with_repo2docker(repo, "localhost/again:1", engine=podman, say=len)
    said: list[str] = []
    assert await build_with_repo2docker(repo, "localhost/again:1", engine=podman, say=said.append) == first
    assert "Reusing existing image" in "".join(said)


async def test_a_failing_step_is_named(tmp_path: Path, podman: EngineCommand) -> None:
    """The user learns which instruction failed, and how."""
    repo = checkout(tmp_path, "RUN echo oh-dear && exit 3")
    said: list[str] = []
    with pytest.raises(BuildFailed, match=r"RUN echo oh-dear.*exit status 3"):
        await build_with_repo2docker(repo, "localhost/failing:1", engine=podman, say=said.append)
    assert "oh-dear" in "".join(said)


async def test_a_base_that_is_not_there_is_named(tmp_path: Path, podman: EngineCommand) -> None:
    """A mistyped FROM, or a registry that does not answer, is said with the image's name."""
    repo = checkout(tmp_path, "")
    (repo / "Dockerfile").write_text("FROM 127.0.0.1:9/nowhere:1\n")
    with pytest.raises((BuildFailed, Unreachable), match=r"127\.0\.0\.1:9/nowhere"):
        await build_with_repo2docker(repo, "localhost/nobase:1", engine=podman, say=len)


MARK = f"9{os.getpid():07}"
"""Seconds, which no other run of these tests has."""


async def gone(mark: str) -> None:
    """Return when no command line holds `mark`; the test's time-out says otherwise."""
    while running(mark):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def running(mark: str) -> list[str]:
    """Processes whose command line holds `mark`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


async def test_cancelling_leaves_nothing_running(tmp_path: Path, podman: EngineCommand) -> None:
    """repo2docker, podman and the build step below them all end."""
    repo = checkout(tmp_path, f"RUN echo it-runs && sleep {MARK}")
    begun = asyncio.Event()

    def say(text: str) -> None:
        if text == "it-runs\n":
            begun.set()

    task = asyncio.create_task(build_with_repo2docker(repo, f"localhost/cancelled:{MARK}", engine=podman, say=say))
    await asyncio.wait_for(begun.wait(), 200)
    assert running(f"sleep {MARK}")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(MARK)
    await gone(f"localhost/cancelled:{MARK}")


async def test_a_build_ends_at_its_time_limit(tmp_path: Path, podman: EngineCommand) -> None:
    """A step that never ends is ended."""
    repo = checkout(tmp_path, f"RUN sleep {MARK}")
    with pytest.raises(BuildFailed, match="longer than 4 seconds"):
        await build_with_repo2docker(
            repo, "localhost/slow:1", engine=podman, say=len, limits=Limits(seconds=4, processes=500)
        )
    await gone(MARK)


async def test_a_recipe_that_links_out_of_the_repository_is_refused(tmp_path: Path, podman: EngineCommand) -> None:
    """A Dockerfile that is a link to a file of the host is never read."""
    repo = checkout(tmp_path, "")
    (repo / "Dockerfile").unlink()
    (repo / "Dockerfile").symlink_to("/etc/shadow")
    with pytest.raises(RecipeError, match="Dockerfile is a link"):
        await build_with_repo2docker(repo, "localhost/link:1", engine=podman, say=len)


async def test_the_checkouts_own_configuration_is_not_read(tmp_path: Path, podman: EngineCommand) -> None:
    """repo2docker_config.py is Python that would run as us."""
    repo = checkout(tmp_path, "RUN true", **{"repo2docker_config.py": f"open({str(tmp_path / 'ran')!r}, 'w')"})
    await build_with_repo2docker(repo, "localhost/config:1", engine=podman, say=len)
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path / "registry") as started:
        yield started


class TestPushing:
    """To Debian's docker-registry."""

    pytestmark = needs_registry

    async def test_the_plugin_pushes_for_others_too(
        self, tmp_path: Path, podman: EngineCommand, registry: DockerRegistry
    ) -> None:
        """`repo2docker --engine hubkiln --push` works without us, as BinderHub would call it."""
        repo = checkout(tmp_path, "RUN true")
        image = f"{registry.host}/plugin:1"
        settings = {name: list(getattr(podman, name)) for name in ("global_arguments", "build_arguments")}
        settings["push_arguments"] = ["--tls-verify=false"]
        (tmp_path / "config.json").write_text(json.dumps({"CliEngine": settings}))
        argv = ["--engine", "hubkiln", "--no-run", "--push", "--user-id", "1000", "--user-name", "jovyan"]
        argv += ["--config", str(tmp_path / "config.json"), "--image-name", image, str(repo)]
        sh(sys.executable, "-m", "repo2docker", *argv, cwd=tmp_path)
        assert json.loads(sh("skopeo", "inspect", "--tls-verify=false", f"docker://{image}"))["Digest"]


async def test_the_engine_that_works_is_found(podman: EngineCommand) -> None:
    """A wanted engine is used as it is; one that is not there is named."""
    assert (await find_engine(podman)).engine == podman
    missing = await find_engine(EngineCommand(command="no-such-engine"))
    assert missing.engine is None
    assert "no-such-engine is not installed" in missing.reason

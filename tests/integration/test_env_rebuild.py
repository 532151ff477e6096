"""``hubkiln env rebuild``: an environment made again from its image alone, on the real command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kept_base import needs_base
from newcomer import hubkiln, said

from git_server import GitServer, add_commit, make_repository
from hubkiln.composer import DEFAULT_BASE, read_parent
from hubkiln.images import OciLayout, Runtime, compose_image
from hubkiln.testing.docker_registry import DockerRegistry, installed

pytestmark = [
    pytest.mark.network,
    pytest.mark.sandbox,
    pytest.mark.registry,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not installed(), reason="docker-registry is not installed"),
    needs_base,
]


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """A git host on loopback."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        make_repository(server.root / "pinned.git", {"requirements.txt": "six==1.16.0\n"})
        make_repository(server.root / "open.git", {"requirements.txt": "six\n", "a.ipynb": "{}"})
        below = {"below/requirements.txt": "six\n", "below/postBuild": "echo $PWD > made\n"}
        make_repository(server.root / "deep.git", below | {"requirements.txt": "hubkiln-no-such-thing\n"})
        yield server


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerRegistry]:
    """Where images are pushed first."""
    with DockerRegistry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[DockerRegistry]:
    """A registry that has nothing."""
    with DockerRegistry(tmp_path / "registry") as running:
        yield running


def printed(*words: str | Path, data: Path) -> str:
    """What a command that ends well prints."""
    done = hubkiln(*words, data=data, seconds=500)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def digest(image: str) -> str:
    """The part of a reference that says what is in it."""
    return image.partition("@")[2]


def test_an_image_is_made_again_from_the_lock_it_had(
    based: Path, hosted: GitServer, registry: DockerRegistry, empty: DockerRegistry, tmp_path: Path
) -> None:
    """Its repository has moved on and would get newer packages today; the digest is the same in an empty registry."""
    pinned = printed("build", hosted.url("pinned.git"), "--push", f"{registry.host}/pinned", data=based)
    lock = tmp_path / "pylock.toml"
    lock.write_text(printed("env", "export", pinned, data=based) + "\n")
    push = ("build", hosted.url("open.git"), "--push", f"{registry.host}/open")
    first = printed(*push, "--lock", lock, data=based)
    add_commit(hosted.root / "open.git", {"requirements.txt": "six\nidna\n"})
    again = printed("env", "rebuild", first, "--push", f"{empty.host}/again", data=based)
    assert digest(again) == digest(first)
    assert again.startswith(f"{empty.host}/again@sha256:")
    assert printed("env", "export", again, data=based) == lock.read_text().strip()


def test_a_folder_a_date_and_run_steps_are_part_of_it(
    based: Path, hosted: GitServer, registry: DockerRegistry, empty: DockerRegistry
) -> None:
    """What was said beside the repository is said by the image too."""
    push = ("build", hosted.url("deep.git"), "--subdir", "below", "--as-of", "2026-06-30")
    first = printed(*push, "--push", f"{registry.host}/deep", data=based)
    assert digest(printed("env", "rebuild", first, "--push", f"{empty.host}/deep", data=based)) == digest(first)


def test_an_image_of_a_folder_says_how_it_is_made_again(based: Path, registry: DockerRegistry, tmp_path: Path) -> None:
    """Nobody else has that folder, and where it lay is nobody's business."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "requirements.txt").write_text("six\n")
    image = printed("build", folder, "--push", f"{registry.host}/folder", data=based)
    assert "build the folder with --lock" in said(hubkiln("env", "rebuild", image, data=based))


def test_the_old_base_is_found_when_the_default_is_another_and_the_registry_is_gone(
    based: Path, hosted: GitServer, empty: DockerRegistry, tmp_path: Path
) -> None:
    """The image says which base it had; base, lock and what the image says of itself are kept where it was made."""
    with DockerRegistry(tmp_path / "wiped") as first_one:
        first = printed("build", hosted.url("pinned.git"), "--push", f"{first_one.host}/old", data=based)
    layout = OciLayout(based / "layers")
    old = layout.find("base:bookworm")
    assert old is not None
    other = compose_image(read_parent(layout, old.digest), [], Runtime(labels=(("other", "base"),)))
    layout.put(other.config)
    layout.put(other.manifest)
    layout.tag(DEFAULT_BASE, other.descriptor)
    try:
        again = printed("env", "rebuild", first, "--push", f"{empty.host}/again", data=based)
    finally:
        layout.tag(DEFAULT_BASE, old)
    assert digest(again) == digest(first)

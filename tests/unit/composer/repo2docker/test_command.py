"""What is handed to repo2docker, and how its words are understood."""

from pathlib import Path

import pytest

from hubkiln.composer.repo2docker.command import Lines, check_links, command, configuration, plain
from hubkiln.composer.repo2docker.engines import EngineCommand, kind_of, limits_of, push_target
from hubkiln.errors import RecipeError
from hubkiln.values import Limits


def test_json_lines_become_text_wherever_they_are_cut() -> None:
    """Output comes in pieces; each line is said once, whole."""
    said: list[str] = []
    lines = Lines(said.append)
    for piece in ('{"message": "STEP', ' 1\\n", "phase": "building"}\nplain', " text\n", '{"message": "end"}'):
        lines.feed(piece)
    lines.end()
    assert said == ["STEP 1\n", "plain text\n", "end\n"]


@pytest.mark.parametrize("line", ["[1, 2]", "7", "null", '{"other": 1}', "{broken", ""])
def test_what_is_not_a_log_record_is_said_as_it_is(line: str) -> None:
    """A build step may print JSON of its own."""
    assert plain(line) == f"{line}\n"


def test_links_that_stay_inside_are_fine(tmp_path: Path) -> None:
    """A recipe file may be a link to another file of the repository."""
    (tmp_path / "real").write_text("FROM x")
    (tmp_path / "Dockerfile").symlink_to("real")
    check_links(tmp_path, "")


@pytest.mark.parametrize(("folder", "subdir"), [("", ""), ("binder", ""), (".binder", ""), ("sub/binder", "sub")])
def test_links_out_of_the_repository_are_refused(tmp_path: Path, folder: str, subdir: str) -> None:
    """Wherever repo2docker would look for recipe files."""
    (tmp_path / "repo" / folder).mkdir(parents=True)
    (tmp_path / "repo" / folder / "apt.txt").symlink_to("/etc/hostname")
    with pytest.raises(RecipeError, match=r"apt\.txt is a link out"):
        check_links(tmp_path / "repo", subdir)


@pytest.mark.parametrize("subdir", ["../other", "absent", "link"])
def test_a_subdirectory_is_inside_the_repository(tmp_path: Path, subdir: str) -> None:
    """Neither dots nor links lead out of it."""
    (tmp_path / "repo").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "repo/link").symlink_to(tmp_path / "other")
    with pytest.raises(RecipeError, match="no folder"):
        check_links(tmp_path / "repo", subdir)


def test_limits_become_arguments() -> None:
    """Podman and Buildah keep memory (without swap), CPU and processes; Docker's builder keeps none, and we know."""
    limits = Limits(memory_bytes=1000, cpus=0.5, processes=7)
    flags, unkept = limits_of("podman", limits)
    memory, cpu, processes = flags[:4], flags[4:8], flags[8:]
    assert memory == ["--memory", "1000", "--memory-swap", "1000"]
    assert cpu == ["--cpu-period", "100000", "--cpu-quota", "50000"]
    assert processes == ["--ulimit", "nproc=7:7"]
    assert not unkept
    assert limits_of("docker", limits) == ([], ["memory", "CPU", "process"])


def test_the_command_names_everything_repo2docker_would_guess() -> None:
    """User, folder, image and configuration are given, so nothing of our own account enters the image."""
    argv = command(Path("/c"), "host/x:1", Path("/w/config.json"), subdir="sub", repo_dir="/srv/repo")
    text = " ".join(argv)
    for words in ("--user-id 1000", "--user-name jovyan", "--image-name host/x:1", "--subdir sub", "--no-run"):
        assert words in text
    engine = EngineCommand(command="podman", build_arguments=("--isolation", "chroot"))
    settings = configuration(engine, ["--memory", "1"])["CliEngine"]
    assert settings["build_arguments"] == ["--memory", "1", "--isolation", "chroot"]


def test_engines_are_told_apart_by_name() -> None:
    """A path or podman-remote is still podman; Buildah wants the destination said."""
    assert kind_of("/usr/bin/podman-remote") == "podman"
    assert push_target("buildah", "h/x:1") == ["h/x:1", "docker://h/x:1"]

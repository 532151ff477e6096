"""What cannot be composed goes to repo2docker itself: Dockerfile, R, Julia, Nix, and what the admin forces.

repo2docker runs as a process of its own over a local checkout, with our engine plugin
(:mod:`hubkiln.composer.repo2docker.plugin`). It never sees a credential: pushing is done afterwards, by us.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hubkiln.composer.repo2docker.cleanup import ARGUMENT, is_dead, new_mark, sweep
from hubkiln.composer.repo2docker.engines import (
    EngineCommand,
    engine_environment,
    image_id,
    limits_of,
    pairs,
)
from hubkiln.composer.repo2docker.failures import repo2docker_error
from hubkiln.composer.repo2docker.sources import policy_arguments, short_names
from hubkiln.errors import BuildFailed, RecipeError, ServiceError, Unsupported
from hubkiln.folders import no_folder
from hubkiln.processes import WAIT_SECONDS, Finished, ended_with_us, run
from hubkiln.values import REPO_DIR, Limits, Say

NO_LIMITS = Limits()

ON_DISK = os.environ.get("TMPDIR") or ("/var/tmp" if Path("/var/tmp").is_dir() else None)
"""Where engines keep unfinished things, which may be large; None leaves it to Python."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """What repo2docker made."""

    image: str
    """The name it was given."""
    id: str
    """The engine's id, ``sha256:…`` of the configuration."""


async def build_with_repo2docker(
    checkout: Path,
    image: str,
    *,
    engine: EngineCommand,
    say: Say,
    limits: Limits = NO_LIMITS,
    labels: Mapping[str, str] | None = None,
    build_args: Mapping[str, str] | None = None,
    subdir: str = "",
    repo_dir: str = f"/{REPO_DIR}",
) -> BuiltImage:
    """
    Build the repository in `checkout` as `image`, in the engine's own storage.

    An image of that name that is already there is taken as it is (so the name must say what is in it). Cancelling
    kills repo2docker, the engine and the build steps below it.

    Raises:
        BuildFailed: the repository's own instructions failed, or took longer than `limits.seconds`.
        RecipeError: the checkout cannot be handed over.
        Unsupported: repo2docker is not installed.
    """
    have_repo2docker()
    check_links(checkout, subdir)
    limit_flags, unkept = limits_of(engine.kind, limits)
    if unkept:
        say(f"Warning: {engine.command} cannot keep the {' and '.join(unkept)} limit of this build.\n")
    lines = Lines(say)
    with tempfile.TemporaryDirectory(prefix="hubkiln-repo2docker-", dir=ON_DISK, ignore_cleanup_errors=True) as folder:
        config = Path(folder) / "config.json"
        limit_flags += policy_arguments(engine.kind, Path(folder))
        config.write_text(json.dumps(configuration(engine, limit_flags)))
        argv = command(checkout, image, config, subdir=subdir, repo_dir=repo_dir)
        argv += [*pairs("--label", labels), *pairs("--build-arg", build_args)]
        ended = await _run_marked(engine, argv, Path(folder), lines, limits, checkout)
    if ended.timed_out:
        raise BuildFailed(f"The build took longer than {limits.seconds:.0f} seconds.", hint="Make the build smaller.")
    if ended.code:
        raise repo2docker_error(ended.code, "".join(lines.kept))
    made = await image_id(engine, image)
    if made is None:
        raise ServiceError(f"repo2docker ended well, but {engine.command} has no image {image}.", hint="Build again.")
    return BuiltImage(image=image, id=made)


async def _run_marked(
    engine: EngineCommand, argv: list[str], folder: Path, lines: Lines, limits: Limits, checkout: Path
) -> Finished:
    """Run repo2docker to its end; if it is ended before, nothing of its build is left in the engine's storage."""
    await sweep(engine, is_dead)
    mark = new_mark()
    argv = [*argv, "--build-arg", f"{ARGUMENT}={mark}", str(checkout.absolute())]
    try:
        # of its own, because engines keep there what `RUN --mount=type=cache` would share with other people's builds
        env, longest = engine_environment() | short_names(engine.kind, folder) | {"TMPDIR": str(folder)}, limits.seconds
        ended = await run(argv, env=env, cwd=folder, say=lines.feed, seconds=longest, grace=WAIT_SECONDS)
        lines.end()
    except BaseException:
        await asyncio.shield(sweep(engine, mark.__eq__))
        raise
    if ended.timed_out:
        await sweep(engine, mark.__eq__)
    return ended


def elsewhere(install: str) -> str:
    """What users can do where repo2docker cannot build, and an admin; in a pod there is nothing to install."""
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "Build the image where a container engine is, push it, and choose it as an image."
    theirs = "Build the image where a container engine is, push it, and choose it as an image"
    return f"{theirs}; or an admin's turn: {install}"


def have_repo2docker() -> None:
    """
    Raises:
        Unsupported: repo2docker is not installed.
    """
    if importlib.util.find_spec("repo2docker") is None:
        raise Unsupported(
            "This repository needs repo2docker, which is not installed.",
            hint=elsewhere("pip install 'hubkiln[repo2docker]'"),
        )


def check_links(checkout: Path, subdir: str) -> None:
    """
    Refuse recipe files that are links out of the repository: repo2docker and the engine would read them here, as us.

    Raises:
        RecipeError: there is such a link.
    """
    inside, root = checkout.resolve(), checkout / subdir
    if not root.resolve().is_relative_to(inside) or not root.is_dir():
        said, hint = no_folder(checkout, subdir)
        raise RecipeError(said, hint=hint)
    folders = [root, root / "binder", root / ".binder"]
    for path in [*folders, *(path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()))]:
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            name = path.relative_to(checkout)
            raise RecipeError(f"{name} is a link out of the repository.", hint="Put the file itself there.")


def configuration(engine: EngineCommand, limit_flags: list[str]) -> dict[str, dict[str, object]]:
    """What repo2docker reads with ``--config``."""
    settings: dict[str, object] = {
        "command": engine.command,
        "global_arguments": list(engine.global_arguments),
        "build_arguments": [*limit_flags, *engine.build_arguments],
    }
    return {"CliEngine": settings}


def command(checkout: Path, image: str, config: Path, *, subdir: str, repo_dir: str) -> list[str]:
    """The command line, but for labels, build arguments and the checkout."""
    python = [sys.executable, "-P", "-m"]  # never modules of the working folder
    fixed = [
        "--engine",
        "hubkiln",
        "--no-run",
        "--no-clean",
        "--json-logs",
        "--user-id",
        "1000",
        "--user-name",
        "jovyan",
    ]
    argv = ended_with_us(*python, "repo2docker", "--config", str(config), *fixed, "--image-name", image)
    return [*argv, "--target-repo-dir", repo_dir, *(["--subdir", subdir] if subdir else [])]


class Lines:
    """Turns repo2docker's output (one JSON object a line, mostly) into the text it stands for."""

    KEPT = 400

    def __init__(self, say: Say) -> None:
        self._say, self._rest = say, ""
        self.kept: list[str] = []
        """The last lines said."""

    def feed(self, text: str) -> None:
        """Take a piece of output, which may end within a line."""
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._tell(line)

    def end(self) -> None:
        """The output ended."""
        if self._rest:
            self._tell(self._rest)
            self._rest = ""

    def _tell(self, line: str) -> None:
        text = plain(line)
        self.kept = [*self.kept, text][-self.KEPT :]
        self._say(text)


def plain(line: str) -> str:
    """The text of one line of output, ending in a line break."""
    try:
        record = json.loads(line)
        text = str(record["message"])
    except (ValueError, KeyError, TypeError):
        text = line
    return text.rstrip("\n") + "\n"

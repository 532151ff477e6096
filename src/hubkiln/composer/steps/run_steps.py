"""Runs what a recipe asks for beyond packages: ``apt.txt`` as root of a sandbox, ``postBuild`` as its user.

What a step changed is kept as folders to be stacked over what was there, so it runs once for everybody who asks for
the same over the same. The folders are whole or not there; nothing of a step that failed or was cancelled stays.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hubkiln.composer.bases import Base, Bases
from hubkiln.composer.steps.conda import CondaCommand, conda_for, packed
from hubkiln.composer.steps.hosts import with_packages
from hubkiln.composer.steps.interface import StepLayer
from hubkiln.composer.steps.missed import Missed
from hubkiln.composer.steps.room import index_variables, step_room
from hubkiln.composer.steps.running import run_explained
from hubkiln.composer.steps.scripts import runner
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.composer.steps.tree import step_tree
from hubkiln.content import Content
from hubkiln.conventions import HOME
from hubkiln.data_dir import DataDir
from hubkiln.errors import Unsupported
from hubkiln.folders import put
from hubkiln.keys import short_digest
from hubkiln.local_images import LocalImage, kernel_variables
from hubkiln.packages import CondaSettings, EnvironmentOnDisk, PackageSettings, PostLink, index_address
from hubkiln.recipes import Recipe
from hubkiln.sandbox import BuildEngine, Network, forget_step, remove_tree, work_of
from hubkiln.stores import use
from hubkiln.trees import Tree
from hubkiln.turns import Turns
from hubkiln.values import FORMAT, PREFIX, REPO_DIR, Say

WRITTEN = {"/": "root", f"/{PREFIX}": "environment", f"/{REPO_DIR}": "content", HOME: "home"}
"""Where a step may write that is kept, and what the folder for it is called."""

_APT = """\
set -e
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
apt-get -q -o APT::Sandbox::User=root update
apt-get -q -y -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 install --no-install-recommends -- "$@"
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
"""No service may start in a build (``policy-rc.d``), and nobody types answers."""


class RunSteps:
    """Runs steps in the sandbox; equal steps at the same time run once."""

    def __init__(
        self,
        data: DataDir,
        engine: BuildEngine,
        bases: Bases,
        *,
        settings: StepSettings | None = None,
        index: PackageSettings | None = None,
        conda: CondaSettings | None = None,
    ) -> None:
        self._data, self._engine, self._bases = data, engine, bases
        self._conda = conda or CondaSettings()
        self._settings = settings or StepSettings()
        self._index = index_address(index.index_url if index else None)
        self._turns = Turns()

    async def run(
        self,
        recipe: Recipe,
        base: Base,
        environment: EnvironmentOnDisk,
        content: Content,
        say: Say,
        *,
        as_of: datetime | None = None,
    ) -> tuple[StepLayer, ...]:
        """
        What the steps of `recipe` change over `base`, `environment` and `content`; run unless they were before. Conda
        packages that came after `as_of` do not count.

        Raises:
            BuildFailed, TooLarge: a step's own fault, explained.
            Unsupported: apt packages over the host's own system.
            DiskFull, ServiceError.
        """
        layers = await self.system(recipe, base, say)
        for script in environment.scripts:
            layers = (*layers, await self._post_link(script, base, environment, layers, say))
        if recipe.post_build is None:
            return layers
        return (*layers, await self._post_build(recipe, base, environment, content, layers, say, as_of))

    async def system(self, recipe: Recipe, base: Base, say: Say) -> tuple[StepLayer, ...]:
        """
        What ``apt.txt`` adds to `base`: first of all steps, below the environment, so that source can build on it.

        Raises:
            as :meth:`run`.
        """
        if not recipe.apt:
            return ()
        if base.is_host:
            raise Unsupported(
                "`apt.txt` needs a base image: packages cannot be added to this machine's own system.",
                hint="An admin's turn: make one with `hubkiln base build`, or name one with --base-image.",
            )
        key = short_digest([FORMAT, "apt", base.name, recipe.apt])
        image = LocalImage(name="apt", rootfs=(await self._bases.unpacked(base, say)).rootfs)
        argv = ["sh", "-c", _APT, "apt", *recipe.apt]
        return (await self._layer(key, "apt.txt", image, (), argv, say, root=True),)

    async def _post_link(
        self,
        script: PostLink,
        base: Base,
        environment: EnvironmentOnDisk,
        below: Sequence[StepLayer],
        say: Say,
    ) -> StepLayer:
        """What the script of a conda package changes once the package is in its place."""
        key = short_digest(
            [FORMAT, "post-link", base.name, environment.key, [layer.key for layer in below], script.path]
        )
        prefix = f"/{script.prefix}"
        image = LocalImage(
            name="postlink",
            environment=environment.key,
            rootfs=(await self._bases.unpacked(base, say)).rootfs,
            env=(
                ("PREFIX", prefix),
                ("PKG_NAME", script.name),
                ("PKG_VERSION", script.version),
                ("PKG_BUILDNUM", str(script.build_number)),
            ),
        )
        title = f"post-link script of {script.name}"
        return await self._layer(key, title, image, below, ["sh", f"{prefix}/{script.path}"], say, cwd=prefix)

    async def _post_build(
        self,
        recipe: Recipe,
        base: Base,
        environment: EnvironmentOnDisk,
        content: Content,
        below: Sequence[StepLayer],
        say: Say,
        as_of: datetime | None,
    ) -> StepLayer:
        assert recipe.post_build is not None
        subdir = content.root.relative_to(content.path).as_posix()
        folder = f"/{REPO_DIR}" if subdir == "." else f"/{REPO_DIR}/{subdir}"
        named = [FORMAT, "postBuild", base.name, environment.key, [layer.key for layer in below]]
        command = conda_for(content.root / recipe.post_build, recipe, self._conda, as_of)
        named += [command.variable, short_digest(packed().hex())] if command else []
        key = short_digest([*named, content.key, subdir, recipe.post_build, recipe.env])
        if base.is_host is False:
            base = await self._bases.unpacked(base, say)
        image = LocalImage(
            name="postbuild",
            environment=environment.key,
            rootfs=base.rootfs,
            content=content.key,
            python_roots=base.python_roots,
            env=kernel_variables(base.kernel) + recipe.env,
            workdir="" if subdir == "." else subdir,
        )
        path = f"{folder}/{recipe.post_build}"
        words = runner(content.root / recipe.post_build)
        argv = command.argv(words, path) if command else ["sh", "-c", words, "sh", path]
        return await self._layer(key, recipe.post_build, image, below, argv, say, cwd=folder, conda=command)

    async def _layer(
        self,
        key: str,
        title: str,
        image: LocalImage,
        below: Sequence[StepLayer],
        argv: Sequence[str],
        say: Say,
        *,
        root: bool = False,
        cwd: str = "/",
        conda: CondaCommand | None = None,
    ) -> StepLayer:
        """The kept changes of one step."""
        folder = self._data.steps / key
        async with self._turns.of(key):
            use(self._data.root, folder)
            if reused := folder.is_dir():
                say(f"`{title}` was run before; what it changed is used again.\n")
            else:
                await self._make(folder, title, image, below, argv, say, root=root, cwd=cwd, conda=conda)
        return StepLayer(key=key, title=title, places=tuple(_places(folder)), reused=reused)

    async def _make(
        self,
        folder: Path,
        title: str,
        image: LocalImage,
        below: Sequence[StepLayer],
        argv: Sequence[str],
        say: Say,
        *,
        root: bool,
        cwd: str,
        conda: CondaCommand | None,
    ) -> None:
        say(f"Running `{title}`, {self._engine.place}.\n")
        work = self._data.work / f"step-{uuid.uuid4().hex}"
        work.mkdir(parents=True)
        work.chmod(0o711)
        try:
            settings = with_packages(self._settings, self._index, self._data, image.rootfs, conda)
            room = step_room(self._data, image, below, work, settings, name="step")
            env = room.env | index_variables(self._index) | ({"HUBKILN_CONDA": conda.variable} if conda else {})
            room = replace(room, root=root, cwd=cwd, env=env)
            if room.network is Network.NONE:
                say("Note: steps have no network here.\n")
            missed = Missed(say)
            outcome = await run_explained(self._engine, room, argv, missed, what=f"`{title}`", reach=settings.reach)
            if not root:  # packages of the system call much that they can do without
                missed.judge(title)
                if not self._engine.identity.privileged and not outcome.owners_noted:
                    await asyncio.to_thread(remove_tree, work / WRITTEN["/"])  # the base's files seemed to be its own
            await asyncio.to_thread(_settle, work, folder)
        finally:
            await asyncio.shield(self._forget(work))

    async def _forget(self, work: Path) -> None:
        if not work.exists():
            return
        uppers = [work / name for name in WRITTEN.values()]
        await forget_step(uppers, self._engine.identity)
        await asyncio.to_thread(remove_tree, work)

    def entries(
        self,
        layer: StepLayer,
        below: Sequence[StepLayer],
        base: Base,
        environment: EnvironmentOnDisk | None,
        content: Content | None = None,
    ) -> Tree:
        """
        `layer` as a tree for an image layer that lies over `base` (unpacked), `below`, `environment` and `content`.

        Content comes before it in an image where the step changed files of the repository.

        Raises:
            BuildFailed: the step made a device file, or a name that image layers reserve.
        """
        bottom = {
            "/": tuple(self._data.images / "layers" / name for name in base.rootfs),
            f"/{PREFIX}": (environment.path,) if environment is not None else (),
            f"/{REPO_DIR}": (content.path,) if content is not None else (),
        }
        return step_tree(self._data, self._engine.identity, layer, below, bottom, root=layer.title == "apt.txt")


def _settle(work: Path, folder: Path) -> None:
    """Keep the folders where something was written; the rest goes, and nothing is left to be written to."""
    kept = work / "kept"
    kept.mkdir()
    kept.chmod(0o711)
    remove_tree(work / "home" / ".cache")
    for name in WRITTEN.values():
        upper = work / name
        remove_tree(work_of(upper))
        if upper.is_dir() and any(upper.iterdir()):
            upper.rename(kept / name)
    put(kept, folder)


def _places(folder: Path) -> list[tuple[str, str]]:
    return [(target, f"{folder.name}/{name}") for target, name in WRITTEN.items() if (folder / name).is_dir()]

"""What cannot be composed: built by repo2docker through a container engine, then taken in like any other image.

What comes out of the engine is unpacked, checked for a hub's server and remembered by its environment key, so that it
is built once; the sandbox runs it over its own layers. Where it is pushed, our own registry client does so.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubkiln.builds import Phase, Reporter
from hubkiln.composer.repo2docker.beside import OwnServer, Servers, rough_sign
from hubkiln.composer.repo2docker.checkout import dockerfile_of, laid_out
from hubkiln.composer.repo2docker.command import build_with_repo2docker
from hubkiln.composer.repo2docker.engines import EngineCommand, image_id
from hubkiln.composer.repo2docker.entrypoint import Started
from hubkiln.composer.repo2docker.export import ExportedImage
from hubkiln.composer.repo2docker.order import Repo2dockerOrder
from hubkiln.composer.repo2docker.push import Repo2dockerPush
from hubkiln.composer.repo2docker.settings import Ability, Repo2dockerSettings, ability
from hubkiln.composer.steps import Tail, last_lines
from hubkiln.composer.targets import DryRun, Patience, Prepared, Result
from hubkiln.conventions import SERVER
from hubkiln.data_dir import DataDir
from hubkiln.errors import BuildFailed, Unsupported
from hubkiln.folders import keep_note, read_note
from hubkiln.images import Clients, LayerStore, parse_name
from hubkiln.keys import digest
from hubkiln.local_images import (
    LocalImage,
    LocalImages,
    Run,
    ServerChecks,
    UnpackedLayers,
    has_program,
    image_of_config,
    places_of,
    without_glibc,
)
from hubkiln.packages import Packages
from hubkiln.recipes import Kind
from hubkiln.sandbox import BuildEngine
from hubkiln.stores import use
from hubkiln.turns import Turns
from hubkiln.values import REPO_DIR, Say

NO_SERVER = {
    Kind.DOCKERFILE: "Add a line to the Dockerfile: RUN python3 -m pip install 'jupyterhub>=6,<7' jupyterlab",
}
"""What to do about an image in which no hub can start a server, by what made it."""

_STEP = re.compile(r"^(?:STEP \d+/\d+: |#\d+ \[ *\d+/\d+\] )", re.MULTILINE)
"""How engines announce an instruction."""

_ENGINES_OWN = re.compile(r"(?i)(error: building at step|subprocess exited|exit status \d+|error: |-{6,})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An image that was taken in."""

    digest: str
    config: Mapping[str, Any]
    rootfs: tuple[str, ...]


class Repo2dockerBuilder:
    """Builds with repo2docker; equal environments at the same time are built once."""

    def __init__(
        self,
        data: DataDir,
        engine: BuildEngine,
        packages: Packages,
        images: LocalImages,
        run: Run,
        clients: Clients,
        layers: Callable[[], LayerStore],
        settings: Repo2dockerSettings | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._data, self._images, self._clients, self._store = data, images, clients, layers
        self._settings = settings or Repo2dockerSettings()
        self._patience = patience or Patience(seconds=0)
        self._layers = UnpackedLayers(data.own("images/layers"), engine.identity)
        self._servers = Servers(data=data, packages=packages, engine=engine)
        self._checks = ServerChecks(data, run)
        self._ability: Ability | None = None
        self._turns = Turns()

    async def ability(self) -> Ability:
        """Whether repo2docker can build here; once it can, that is not asked again."""
        if self._ability is None or self._ability.engine is None:
            self._ability = await ability(self._settings)
        return self._ability

    async def make(self, prepared: Prepared, reporter: Reporter) -> Result:
        """
        See :class:`hubkiln.composer.targets.interface.Maker`.

        Raises:
            Unsupported: repo2docker or the engine is gone.
        """
        order = self._order(prepared)
        if order.request.for_hub and order.recipe.kind is Kind.DOCKERFILE and not rough_sign(dockerfile_of(order)):
            reporter.say(
                f"Note: this Dockerfile says nothing of Jupyter. If its image has no {SERVER}, a server of ours is put "
                "beside it, for which it needs Python 3.10 or newer with glibc; else this build fails at its end.\n"
            )
        if not order.split:
            reporter.say(f"Note: every commit is built anew, because {order.recipe.whole_tree}.\n")
        if order.request.push is None:
            return await self._made(order, None, reporter)
        async with self._clients() as client:
            hidden = (self._data.root,)
            push = Repo2dockerPush(order, client, self._store(), self._patience, reporter, hidden=hidden)
            return await self._made(order, push, reporter)

    async def dry_run(self, prepared: Prepared, reporter: Reporter) -> DryRun:
        """See :class:`hubkiln.composer.targets.interface.Maker`; repo2docker itself does not tell."""
        return DryRun(plan=prepared.plan.kind.value, why=prepared.plan.why)

    def _order(self, prepared: Prepared) -> Repo2dockerOrder:
        return Repo2dockerOrder(
            request=prepared.request,
            revision=prepared.revision,
            content=prepared.content,
            recipe=prepared.recipe,
            plan=prepared.plan,
            build_args=self._settings.build_args,
        )

    async def _made(self, order: Repo2dockerOrder, push: Repo2dockerPush | None, reporter: Reporter) -> Result:
        with self._folder() as folder:
            with reporter.phase(Phase.BUILDING):
                there = await push.there() if push is not None else None
                if there is None:
                    async with self._turns.of(order.environment_key):
                        taken, reused, over = await self._taken(order, folder, push, reporter.say)
                    image = self._image(order, taken)
            if push is not None and there is not None:
                with reporter.phase(Phase.PUSHING):
                    return await push.again(there)
            with reporter.phase(Phase.VERIFYING):
                image, server = await self._ready(order, image, reporter)
            if push is None:
                return order.result(self._images.put(image), reused=reused)
            with reporter.phase(Phase.PUSHING):
                if over is None:
                    over = await self._built(order, folder, reporter.say)
                    await over.read(push.held)
                missing = order.split or not self._has_repository(taken)
                async with self._servers.layers(server, self._store, reporter) as layers:
                    started = Started(entrypoint=image.entrypoint, path=server.path if server else "")
                    return await push.run(over, folder, started, server=layers, with_content=missing)

    async def _ready(
        self, order: Repo2dockerOrder, image: LocalImage, reporter: Reporter
    ) -> tuple[LocalImage, OwnServer | None]:
        """The image as a hub is to start it, with what had to be put beside it; raises BuildFailed where none can."""
        server = await self._servers.find(image, reporter.say)
        if server is not None:
            try:
                beside = await self._servers.beside(image, server, reporter)
                return await self._verified(order, beside, reporter.say), server
            except BuildFailed as error:
                if order.request.for_hub:
                    raise
                reporter.say(f"Note: {error.message}\n")
        return await self._verified(order, image, reporter.say), None

    async def _taken(
        self, order: Repo2dockerOrder, folder: Path, push: Repo2dockerPush | None, say: Say
    ) -> tuple[Taken, bool, ExportedImage | None]:
        """The image, whether it was there already, and what the engine handed over if it was not."""
        if (known := self._known(order)) is not None:
            say("This environment was built before; it is used again.\n")
            return known, True, None
        over = await self._built(order, folder, say)
        say("Taking the image over from the container engine\n")
        await over.read(lambda diff_ids: self._layers.held(diff_ids) & (push.held(diff_ids) if push else set(diff_ids)))
        rootfs = await self._layers.ensure(over.parent.layers, over.layout, say)
        taken = Taken(digest=config_digest(over.parent.config), config=over.parent.config, rootfs=rootfs)
        keep_note(self._note(order), {"digest": taken.digest, "config": taken.config, "rootfs": rootfs})
        return taken, False, over

    async def _built(self, order: Repo2dockerOrder, folder: Path, say: Say) -> ExportedImage:
        return ExportedImage(await self._build(order, say), order.tag, folder, say)

    async def _build(self, order: Repo2dockerOrder, say: Say) -> EngineCommand:
        """Have repo2docker build it, unless the engine has it; returns the engine."""
        found = await self.ability()
        if found.engine is None:
            raise Unsupported(f"This repository needs repo2docker: {found.reason}", hint=found.hint)
        if await image_id(found.engine, order.tag) is not None:
            return found.engine
        with self._folder() as folder:
            root, subdir = laid_out(order, folder / "recipe")
            said = Tail(lambda text: say(text.replace(str(root), "the repository")))
            try:
                await build_with_repo2docker(
                    root,
                    order.tag,
                    engine=found.engine,
                    say=said,
                    limits=self._settings.limits,
                    labels=dict(order.labels),
                    build_args=dict(self._settings.build_args),
                    subdir=subdir,
                )
            except BuildFailed as error:
                raise failed_build(error, said.text) from error
            finally:
                said.end()
        return found.engine

    def _image(self, order: Repo2dockerOrder, taken: Taken) -> LocalImage:
        name = parse_name(f"localhost/hubkiln/environment@{taken.digest}")
        made = image_of_config(name, taken.config, taken.rootfs, places_of(self._data.rooms, taken.rootfs))
        env = {"REPO_DIR": f"/{REPO_DIR}"} | dict(made.env)
        return replace(
            made,
            name=order.revision.name,
            content=order.content.key,
            env=tuple(env.items()),
            start=order.start,
            workdir=order.revision.spec.subdir,
            labels=tuple(sorted((dict(made.labels) | dict(order.labels)).items())),
        )

    async def _verified(self, order: Repo2dockerOrder, image: LocalImage, say: Say) -> LocalImage:
        """See that a hub can start it; raises BuildFailed where none can."""
        there = image.environment is not None or has_program(image, places_of(self._data.rooms, image.rootfs), SERVER)
        if not order.request.for_hub and not there:
            say(
                f"Note: the image has no {SERVER}, and no Python that could run ours ({self._needed(image)}): "
                "it can be built and run, and no hub can start a server in it.\n"
            )
            return image
        hint = NO_SERVER.get(order.recipe.kind, "Look at the log above: repo2docker should have installed it.")
        if not image.entrypoint and not there:
            raise BuildFailed(
                f"The image was built, but it has no {SERVER}, which a hub starts, and no Python that could run ours "
                f"({self._needed(image)}).",
                hint=hint,
            )
        try:
            return await self._checks.ready(self._images.put(image), image, say)
        except Unsupported as error:
            raise BuildFailed(f"The image was built, but no hub can start it: {error.message}", hint=hint) from error

    def _needed(self, image: LocalImage) -> str:
        """What a server of ours needs, and why that is not in `image` where its files tell."""
        why = without_glibc(places_of(self._data.rooms, image.rootfs))
        return f"CPython 3.10 or newer with glibc{'; ' if why else ''}{why.rstrip('.')}"

    def _has_repository(self, taken: Taken) -> bool:
        """Whether the image itself holds files where the repository's are expected."""
        found = places_of(self._data.rooms, taken.rootfs).find(f"/{REPO_DIR}")
        return found is not None and found.is_dir() and any(found.iterdir())

    def _known(self, order: Repo2dockerOrder) -> Taken | None:
        use(self._data.root, self._note(order))
        try:
            note = read_note(self._note(order)) or {}
            taken = Taken(digest=note["digest"], config=note["config"], rootfs=tuple(note["rootfs"]))
        except (LookupError, TypeError):
            return None
        use(self._data.root, *(self._layers.path(name) for name in taken.rootfs))
        return taken if all(self._layers.path(name).is_dir() for name in taken.rootfs) else None

    def _note(self, order: Repo2dockerOrder) -> Path:
        return self._data.images / "foreign" / f"{order.environment_key}.json"

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        self._data.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._data.work, prefix="foreign-") as folder:
            yield Path(folder)


def config_digest(config: Mapping[str, Any]) -> str:
    """Names an image by what it is configured to be, its layers included."""
    return f"sha256:{digest(config)}"


def failed_build(error: BuildFailed, log: str) -> BuildFailed:
    """`error` with what the failing instruction said last, where the log has it."""
    if "build step" not in error.message:
        return error
    step = _STEP.split(log)[-1].partition("\n")[2]
    last = last_lines("\n".join(line for line in step.splitlines() if not _ENGINES_OWN.match(line)))
    return BuildFailed(f"{error.message.removesuffix('.')}: {last}", hint=error.hint) if last else error

"""A place to run steps in: a data folder, a small environment made of test wheels, content from a few files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Never

from sandbox_user import open_folder

from hubkiln.composer.bases.bases import Bases
from hubkiln.composer.bases.interface import Base
from hubkiln.composer.sources.build import SourceWheels
from hubkiln.composer.steps.run_steps import RunSteps
from hubkiln.composer.steps.settings import StepSettings
from hubkiln.content.store import Content, Contents
from hubkiln.data_dir import DataDir
from hubkiln.engines import sandbox_engine
from hubkiln.local_images.running import hand_over
from hubkiln.packages.interface import EnvironmentOnDisk, Lock, PackageSettings, Wheel
from hubkiln.packages.packages import Packages
from hubkiln.recipes.interface import Kind, Recipe
from hubkiln.repositories import Repositories
from hubkiln.repositories.interface import RepositorySettings
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.overlays import remove
from wheels import make_wheel


@dataclass
class Yard:
    """Everything that steps need, in one folder."""

    folder: Path = field(default_factory=open_folder)
    index_url: str | None = None
    settings: StepSettings = field(default_factory=StepSettings)
    repositories: RepositorySettings = field(default_factory=RepositorySettings)
    said: list[str] = field(default_factory=list)
    data: DataDir = field(init=False)
    engine: SandboxEngine = field(init=False)
    packages: Packages = field(init=False)
    bases: Bases = field(init=False)
    contents: Contents = field(init=False)

    def __post_init__(self) -> None:
        self.data = DataDir(self.folder / "data").make()
        self.engine = sandbox_engine(self.data)
        identity = self.engine.identity
        owner = (identity.uid, identity.gid) if identity.privileged else None
        self.packages = Packages(self.data, PackageSettings(index_url=self.index_url), owner=owner)
        self.bases = Bases(self.data, self.packages, self.engine, _no_registry)
        self.contents = Contents(
            self.data.own("content"),
            Repositories(self.repositories),
            prepare=lambda folder: hand_over(folder, identity),
        )

    def close(self) -> None:
        """Remove everything."""
        remove(self.folder)

    def say(self, text: str) -> None:
        """Remember it."""
        self.said.append(text)

    @property
    def log(self) -> str:
        """All that was said."""
        return "".join(self.said)

    def steps(self) -> RunSteps:
        """New, with nothing remembered but what is on disk."""
        return RunSteps(self.data, self.engine, self.bases, settings=self.settings)

    def sources(self) -> SourceWheels:
        """New, with nothing remembered but what is on disk."""
        return SourceWheels(
            self.data,
            self.engine,
            self.bases,
            self.packages,
            self.contents,
            Repositories(self.repositories),
            settings=self.settings,
            index=PackageSettings(index_url=self.index_url),
        )

    def content(self, files: Mapping[str, str], key: str | None = None) -> Content:
        """`files` in the store, readable for the sandbox; a name's first slash-free part may be a folder."""
        key = key or hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:40]
        path = self.data.content / key
        if not path.exists():
            for name, text in {".keep": "", **files}.items():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                (path / name).write_text(text, newline="")
            hand_over(path, self.engine.identity)
        return Content(key=key, path=path, root=path)

    async def environment(self, base: Base) -> EnvironmentOnDisk:
        """One package, ``tiny``, with a module, a folder of data and a command."""
        made = make_wheel(
            self.folder,
            files={"tiny/__init__.py": "X = 1\n", "tiny/data/a.txt": "a\n", "tiny/data/b.txt": "b\n"},
            entry_points="[console_scripts]\ntiny = tiny:main\n",
        )
        data = made.read_bytes()
        wheel = Wheel(
            name="tiny",
            version="1.0",
            filename=made.name,
            url=made.as_uri(),
            sha256=hashlib.sha256(data).hexdigest(),
            size=len(data),
        )
        lock = Lock(python=base.interpreter.minor, wheels=(wheel,), text="")
        worker = await self.bases.worker(base)
        return await self.packages.environment(lock, base.interpreter, self.say, compiler=worker)

    def leftovers(self) -> list[str]:
        """What unfinished work left behind."""
        with suppress(FileNotFoundError):
            return sorted(path.name for path in self.data.work.iterdir() if path.name != "sandboxes")
        return []


def recipe(**values: object) -> Recipe:
    """A recipe that asks for `values` alone."""
    return Recipe(kind=Kind.PYTHON, folder="", **values)  # type: ignore[arg-type]


def _no_registry() -> Never:
    raise AssertionError("no registry is asked")

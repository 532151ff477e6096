"""Which Python a recipe gets: what is asked for, the day, the packages; and how the lock remembers it."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubkiln.builds.interface import BuildRequest
from hubkiln.composer.bases.bases import Bases
from hubkiln.composer.locking.beside import extensions
from hubkiln.composer.locking.interface import Locked
from hubkiln.composer.locking.locking import Locking
from hubkiln.composer.locking.python_choice import candidates, default_python, python_of, with_python
from hubkiln.content.store import Content
from hubkiln.data_dir import DataDir
from hubkiln.errors import BadSpec, LockFailed, Unsupported
from hubkiln.packages import stack
from hubkiln.packages.interpreters import find_interpreters, find_kernels
from hubkiln.packages.packages import Packages
from hubkiln.recipes.interface import Kind, Recipe
from hubkiln.sandbox.engine import SandboxEngine
from hubkiln.sandbox.interface import SandboxSettings
from hubkiln.testing.packages import FakeIndex, FakeLocker, release
from hubkiln.testing.workshop import InMemoryLocks
from hubkiln.values import Revision, Spec

OWN = f"3.{sys.version_info.minor}"
OTHER = "3.13" if OWN == "3.12" else "3.12"
OFFERED = ("2.7", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
TODAY = datetime(2026, 11, 29, tzinfo=UTC)
PLAIN = Recipe(kind=Kind.DEFAULT, folder="")
PINNED = replace(PLAIN, requirements=("old==1.0",))
REVISION = Revision(
    spec=Spec(provider="git", repository="https://example.org/r"),
    commit="a" * 40,
    url="https://example.org/r",
    name="r",
)


@dataclass
class Yard:
    """Locking on this machine, over an index where ``old 1.0`` has a wheel for the Python `has` alone."""

    folder: Path
    default: str = OTHER
    has: str = OWN
    book: InMemoryLocks = field(default_factory=InMemoryLocks)
    said: str = ""

    def __post_init__(self) -> None:
        data = DataDir(self.folder / "data").make()
        tag = f"cp{self.has.replace('.', '')}"
        names = {"old": [f"old-1.0-{tag}-{tag}-manylinux2014_x86_64.whl"]}
        self.locker = FakeLocker([release("old", "1.0"), release("new", "1.0")], only={"old": [self.has]})
        packages = Packages(data, locker=self.locker, index=FakeIndex(names))
        engine = SandboxEngine(SandboxSettings(state=self.folder / "sandboxes"))
        bases = Bases(data, packages, engine, _no_registry)
        self.locking = Locking(packages, bases, self.book, default=self.default)
        self.content = Content(key="c", path=self.folder, root=self.folder)

    def say(self, text: str) -> None:
        """Remember it."""
        self.said += text

    async def lock(self, recipe: Recipe, revision: Revision = REVISION) -> Locked:
        """As the pipeline does: the packages of before, else new ones, which are kept."""
        request = BuildRequest(spec=revision.spec)
        base = await self.locking.base(recipe, request, self.say)
        locked = await self.locking.known(recipe, revision, request, base)
        if locked is None:
            locked = await self.locking.new(recipe, revision, request, base, self.content, self.say)
        await self.locking.keep(recipe, revision, request, base, locked)
        return locked


def _no_registry() -> object:
    raise AssertionError("nothing is asked of a registry")


async def test_pins_choose_the_python_and_the_lock_says_it(tmp_path: Path) -> None:
    """Not the default, for which the pinned version has no wheels; the log names the reason."""
    yard = Yard(tmp_path)
    locked = await yard.lock(PINNED)
    assert (locked.base.interpreter.minor, locked.lock.python) == (OWN, OWN)
    assert python_of(locked.lock.text) == OWN
    assert f"old 1.0 has wheels for Python {OWN}" in yard.said
    assert f"Python {OWN} is the newest" in yard.said


async def test_the_choice_is_made_once(tmp_path: Path) -> None:
    """The next build reads it from the lock and asks nobody; so does another repository with the same recipe."""
    yard = Yard(tmp_path)
    first = await yard.lock(PINNED)
    asked = len(yard.locker.requests)
    assert (await yard.lock(PINNED)).recipe_key == first.recipe_key
    assert (await yard.lock(PINNED)).base.interpreter.minor == OWN
    assert len(yard.locker.requests) == asked


async def test_where_the_default_will_do_it_is_asked_once(tmp_path: Path) -> None:
    """Choosing costs nothing then: the answer is the lock."""
    yard = Yard(tmp_path, default=OWN)
    locked = await yard.lock(replace(PLAIN, requirements=("new",)))
    assert locked.base.interpreter.minor == OWN
    assert len(yard.locker.requests) == 1
    assert f"Python {OWN}: the default" in yard.said


@pytest.mark.slow
async def test_the_lock_remembers_who_stood_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And why; the next build takes it from there without asking anybody."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    here = {python.minor for python in await find_interpreters()}
    absent = next((minor for minor in ("3.14", "3.13", "3.12") if minor not in here), None)
    if absent is None:
        pytest.skip("this machine has every Python that could be absent")
    yard = Yard(tmp_path, default=absent)
    locked = await yard.lock(replace(PLAIN, requirements=("new",)))
    minor = locked.base.interpreter.minor
    assert minor in here and python_of(locked.lock.text) == minor
    assert f"Python {absent}" in locked.lock.text and "could not be had when this was locked" in locked.lock.text
    asked = len(yard.locker.requests)
    assert (await yard.lock(replace(PLAIN, requirements=("new",)))).base.interpreter.minor == minor
    assert len(yard.locker.requests) == asked


async def test_another_default_is_another_question(tmp_path: Path) -> None:
    """An admin who changes it gets it, and no lock of before."""
    book = InMemoryLocks()
    await Yard(tmp_path / "one", default=OWN, book=book).lock(PINNED)
    other = Yard(tmp_path / "two", default=OTHER, book=book)
    await other.lock(PINNED)
    assert other.locker.requests


async def test_what_is_asked_for_is_not_changed(tmp_path: Path) -> None:
    """But what has no wheels for it is named, with the Pythons that have them, before anything is built."""
    yard = Yard(tmp_path, has=OTHER)
    with pytest.raises(LockFailed) as failed:
        await yard.lock(replace(PINNED, python=OWN))
    assert f"old 1.0 has wheels for Python {OTHER}, not for {OWN}" in yard.said
    assert f"old 1.0 has wheels for Python {OTHER}" in failed.value.hint


async def test_the_key_covers_the_python(tmp_path: Path) -> None:
    """The same recipe with another Python is another environment."""
    chosen = await Yard(tmp_path / "one").lock(PINNED)
    asked = await Yard(tmp_path / "two").lock(replace(PINNED, python=OWN))
    plain = await Yard(tmp_path / "three", default=OWN).lock(replace(PLAIN, requirements=("new",)))
    assert chosen.recipe_key == asked.recipe_key != plain.recipe_key


@pytest.mark.parametrize(
    ("recipe", "at", "minors"),
    [
        (PLAIN, TODAY, ("3.11", "3.14", "3.13", "3.12", "3.10", "3.9", "3.8", "3.7", "3.6", "3.5")),
        (replace(PLAIN, python="3.7"), TODAY, ("3.7",)),
        (replace(PLAIN, requires_python=">=3.12"), TODAY, ("3.14", "3.13", "3.12")),
        (replace(PLAIN, requires_python=">=3.10.4,<3.12"), TODAY, ("3.11", "3.10")),
        (
            replace(PLAIN, requires_python=">=3.9"),
            datetime(2025, 6, 1, tzinfo=UTC),
            ("3.11", "3.13", "3.12", "3.10", "3.9"),
        ),
        (replace(PLAIN, requires_python=">=3.8"), datetime(2022, 6, 1, tzinfo=UTC), ("3.10", "3.9", "3.8")),
        (PLAIN, datetime(2019, 6, 1, tzinfo=UTC), ("3.7", "3.6", "3.5")),
        (replace(PLAIN, requires_python="<3.7"), TODAY, ("3.6", "3.5")),
        (replace(PLAIN, requires_python="<3"), TODAY, ("2.7",)),
        (PLAIN, datetime(2015, 6, 1, tzinfo=UTC), ("3.5",)),
        (replace(PLAIN, requires_python=">=3.7,<3.10"), TODAY, ("3.9", "3.8", "3.7")),
        (replace(PLAIN, requires_python=">=3.11"), datetime(2022, 6, 1, tzinfo=UTC), ("3.11",)),
    ],
)
def test_the_candidates(recipe: Recipe, at: datetime, minors: tuple[str, ...]) -> None:
    """The default, then newer before older, of those that were half a year old on that day."""
    assert candidates(recipe, "3.11", at, OFFERED).minors == minors


def test_a_python_that_nobody_has_is_refused() -> None:
    """Before anything is resolved, with what there is."""
    with pytest.raises(Unsupported) as refused:
        candidates(replace(PLAIN, requires_python=">=4"), "3.11", TODAY, OFFERED)
    assert "3.9, 3.10, 3.11, 3.12, 3.13, 3.14" in refused.value.hint


def test_the_default_is_fixed_and_the_admins() -> None:
    """Not the Python of the machine; a version that no environment can have is named."""
    assert default_python({}) == default_python({"HUBKILN_PYTHON": ""}) == "3.11"
    assert default_python({"HUBKILN_PYTHON": "3.13"}) == "3.13"
    for wrong in ("3", "2.7", "3.11.4", "python3.11"):
        with pytest.raises(BadSpec, match="HUBKILN_PYTHON"):
            default_python({"HUBKILN_PYTHON": wrong})
    assert default_python({}) in stack.minors()


def test_a_lock_that_says_nothing_of_python_has_none() -> None:
    """One that uv or pip made; one that is damaged; ours says it with its reason."""
    plain = 'lock-version = "1.0"\ncreated-by = "uv"\npackages = []\n'
    assert python_of(plain) is None
    assert python_of(with_python(plain, "3.10", "because “x”")) == "3.10"
    assert python_of("[[\n\n[tool.hubkiln]\npython = 3") is None


async def test_an_old_python_is_a_kernel_beside_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe's packages are the kernel's; the server's are its own, and both are found again."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    here = [python.minor for python in await find_kernels()]
    if not here:
        pytest.skip("this machine has no Python that is too old for the server")
    yard = Yard(tmp_path, default=OWN)
    recipe = replace(PLAIN, python=here[0], requirements=("new",))
    locked = await yard.lock(recipe)
    assert locked.base.interpreter.minor == OWN
    assert locked.base.kernel is not None and locked.base.kernel.minor == here[0]
    assert locked.lock.kernel is not None
    assert [wheel.name for wheel in locked.lock.kernel.wheels] == ["new"]
    assert locked.lock.wheels == ()
    asked = len(yard.locker.requests)
    again = await yard.lock(recipe)
    assert (again.base.kernel, again.lock.digest) == (locked.base.kernel, locked.lock.digest)
    assert len(yard.locker.requests) == asked


@pytest.mark.parametrize(
    ("requirements", "for_the_server"),
    [
        (("numpy==1.16.4", "matplotlib"), ()),
        (("jupyterlab-git==0.20", "numpy"), ("jupyterlab-git",)),
        (
            ("jupyter-server-proxy", "jupyter_rsession_proxy==1.0", "rise"),
            ("jupyter-server-proxy", "jupyter-rsession-proxy", "rise"),
        ),
        (("jupyterlab==1.0", "notebook==5.7", "ipywidgets", "jupyter", "ipykernel<5"), ()),
    ],
)
def test_extensions_of_the_server_are_known_by_name(
    requirements: tuple[str, ...], for_the_server: tuple[str, ...]
) -> None:
    """They could do nothing in the kernel; what the server has anyway is not asked for again."""
    assert extensions(requirements) == for_the_server

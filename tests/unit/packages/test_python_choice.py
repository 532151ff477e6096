"""The Python for which everything has wheels, asked of the real resolver over an index of tiny wheels."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from hubkiln.data_dir import DataDir
from hubkiln.packages.cpython import settled, span
from hubkiln.packages.interface import LockRequest, PackageSettings
from hubkiln.packages.packages import Packages
from hubkiln.packages.python_choice import Choice
from hubkiln.packages.simple_index import IndexFile
from hubkiln.packages.wheel_ranges import wheel_range
from hubkiln.values import Interpreter
from index_server import Index
from wheels import make_wheel

pytestmark = pytest.mark.slow  # each asks uv several times

Choose = Callable[..., Awaitable[Choice]]
NEWEST_FIRST = ("3.11", "3.14", "3.13", "3.12", "3.10")
PLATFORM = PackageSettings().platform


def compiled(folder: Path, name: str, *minors: str, version: str = "1.0", source: bool = True) -> None:
    """Wheels of a compiled package for `minors`, beside its source."""
    if source:
        (folder / f"{name}-{version}.tar.gz").write_bytes(b"never read")
    for minor in minors:
        tag = f"cp{minor.replace('.', '')}"
        abi = "mu" if minor == "2.7" else "m" if minor in ("3.4", "3.5", "3.6", "3.7") else ""
        make_wheel(folder, name, version, tag=f"{tag}-{tag}{abi}-manylinux2014_x86_64")


def wheel(minor: str) -> str:
    """The file that :func:`compiled` makes for `minor` of ``old``."""
    tag = f"cp{minor.replace('.', '')}"
    return f"old-1.0-{tag}-{tag}-manylinux2014_x86_64.whl"


def digest(path: Path) -> str:
    """What a repository lists."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def said() -> list[str]:
    """What a user reads."""
    return []


@pytest.fixture
def choose(data: DataDir, index: Index, monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Choose:
    """Chooses for requirements among `NEWEST_FIRST`."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    packages = Packages(data, PackageSettings(index_url=index.simple))
    python = Interpreter(version="3.11.2", path=Path(sys.executable), roots=())

    async def chosen(
        *requirements: str,
        among: tuple[str, ...] = NEWEST_FIRST,
        as_of: datetime | None = None,
        hashes: tuple[tuple[str, tuple[str, ...]], ...] = (),
    ) -> Choice:
        request = LockRequest(requirements=requirements, python=python, stack=False, as_of=as_of, hashes=hashes)
        return await packages.choose_python(request, among, said.append)

    return chosen


async def test_the_first_candidate_is_the_answer_where_it_fits(
    choose: Choose, wheelhouse: Path, said: list[str]
) -> None:
    """Its lock is the lock, and nobody hears of other Pythons."""
    make_wheel(wheelhouse, "tiny")
    choice = await choose("tiny")
    assert (choice.minor, [wheel.name for wheel in choice.lock.wheels]) == ("3.11", ["tiny"])
    assert said == []


async def test_pins_without_wheels_choose_the_newest_python_that_has_them(
    choose: Choose, wheelhouse: Path, said: list[str]
) -> None:
    """And it is said which package is the reason."""
    compiled(wheelhouse, "old", "3.8", "3.9", "3.10", "3.12")
    compiled(wheelhouse, "old", "3.14", version="2.0")
    choice = await choose("old==1.0")
    assert (choice.minor, choice.why) == ("3.12", "old 1.0 has wheels for Python 3.8–3.10, 3.12")
    assert said == [f"{choice.why}; looking for another Python than 3.11.\n"]


async def test_all_pins_count_together(choose: Choose, wheelhouse: Path) -> None:
    """The newest that one has does not help where the other lacks it."""
    compiled(wheelhouse, "one", "3.10", "3.12", "3.13")
    compiled(wheelhouse, "other", "3.10", "3.13", "3.14")
    compiled(wheelhouse, "third", "3.10", "3.12", "3.14")
    assert (await choose("one==1.0", "other==1.0")).minor == "3.13"
    assert (await choose("one==1.0", "other==1.0", "third==1.0")).minor == "3.10"


async def test_a_wheel_that_no_hash_is_listed_for_is_none(choose: Choose, wheelhouse: Path, said: list[str]) -> None:
    """Where the repository lists its source alone it is built on the first Python; where a wheel, on that one's."""
    compiled(wheelhouse, "old", "3.10", "3.11")
    source, *wheels = (digest(wheelhouse / name) for name in ("old-1.0.tar.gz", wheel("3.10"), wheel("3.11")))
    choice = await choose("old==1.0", hashes=(("old", (source,)),))
    assert (choice.minor, choice.lock, said) == ("3.11", None, [])
    assert (await choose("old==1.0", hashes=(("old", (source, wheels[0])),))).minor == "3.10"
    assert (await choose("old==1.0", hashes=(("old", (wheels[1],)),))).lock is not None


async def test_what_a_pin_needs_counts_too(choose: Choose, wheelhouse: Path) -> None:
    """A pure package whose dependency has wheels for some Pythons alone."""
    make_wheel(wheelhouse, "pure", requires=["core==1.0"])
    compiled(wheelhouse, "core", "3.10")
    assert (await choose("pure==1.0")).minor == "3.10"


@pytest.mark.parametrize("asked", ["old==9.9", "nobody==1.0", "nobody", "old>1.0", "old<0.9"])
async def test_no_python_is_looked_for_where_what_is_asked_for_is_nowhere(
    choose: Choose, wheelhouse: Path, said: list[str], asked: str
) -> None:
    """A package, a version or a range that the index does not have is a mistake: six Pythons are not asked about it."""
    compiled(wheelhouse, "old", "3.10")
    (wheelhouse / "old-0.9.win32-py2.5.exe").write_bytes(b"never read")
    choice = await choose(asked, "old>=1.0")
    assert (choice.minor, choice.why, said) == ("3.11", "", [])


@pytest.mark.parametrize("among", [NEWEST_FIRST, NEWEST_FIRST[1:]])
async def test_no_python_is_looked_for_where_pins_contradict_each_other(
    choose: Choose, wheelhouse: Path, said: list[str], among: tuple[str, ...]
) -> None:
    """One package wants another version of the next than is pinned: so it does on any Python."""
    make_wheel(wheelhouse, "app", requires=["lib<2"])
    make_wheel(wheelhouse, "lib", "1.0")
    make_wheel(wheelhouse, "lib", "2.0")
    choice = await choose("app==1.0", "lib==2.0", among=among)
    assert (choice.minor, choice.fits, said) == (among[0], False, [])


async def test_a_contradiction_that_is_some_pythons_alone_chooses_another(choose: Choose, wheelhouse: Path) -> None:
    """A marker of a dependency, or a release that is for older Pythons."""
    make_wheel(wheelhouse, "app", requires=['lib<2; python_version >= "3.11"'])
    make_wheel(wheelhouse, "lib", "1.0")
    make_wheel(wheelhouse, "lib", "2.0")
    assert (await choose("app==1.0", "lib==2.0")).minor == "3.10"


async def test_a_package_of_source_alone_decides_nothing(choose: Choose, wheelhouse: Path) -> None:
    """It would have to be built on every Python."""
    compiled(wheelhouse, "ancient")
    compiled(wheelhouse, "old", "3.10")
    assert (await choose("ancient==1.0")).minor == "3.11"
    assert (await choose("ancient", "old==1.0")).minor == "3.10"


async def test_a_python_that_a_package_refuses_is_not_taken(choose: Choose, wheelhouse: Path) -> None:
    """Though its wheel has no tag that says so."""
    metadata = {"METADATA": "Metadata-Version: 2.1\nName: bound\nVersion: 1.0\nRequires-Python: >=3.12\n"}
    make_wheel(wheelhouse, "bound", metadata=metadata)
    compiled(wheelhouse, "old", "3.11", "3.12")
    assert (await choose("bound==1.0", "old==1.0")).minor == "3.12"


async def test_a_package_without_source_is_a_reason_too(choose: Choose, wheelhouse: Path) -> None:
    """It could not even be built."""
    compiled(wheelhouse, "closed", "3.8", "3.10", source=False)
    choice = await choose("closed==1.0")
    assert (choice.minor, choice.why) == ("3.10", "closed 1.0 has wheels for Python 3.8, 3.10")
    compiled(wheelhouse, "other", "3.6", source=False)
    assert (await choose("other==1.0")).missing == "other 1.0 has wheels for Python 3.6"


async def test_no_python_for_all_is_told_package_by_package(choose: Choose, wheelhouse: Path) -> None:
    """The candidate that lacks fewest is taken, and what it lacks is named with where it is to be had."""
    compiled(wheelhouse, "one", "2.7", "3.4", "3.5", "3.6")
    compiled(wheelhouse, "two", "3.5", "3.6")
    compiled(wheelhouse, "three", "2.7", "3.4", "3.5", "3.6", "3.13")
    choice = await choose("one==1.0", "two==1.0", "three==1.0")
    assert choice.minor == "3.13"
    assert choice.missing == "one 1.0 has wheels for Python 2.7–3.6; two 1.0 has wheels for Python 3.5–3.6"


async def test_pins_that_no_python_has_together_are_told_together(choose: Choose, wheelhouse: Path) -> None:
    """Whatever the one that is taken lacks; where one Python would have all, that is no conflict."""
    compiled(wheelhouse, "one", "3.6", "3.7", "3.10")
    compiled(wheelhouse, "two", "3.8", "3.11", "3.12")
    apart = (await choose("one==1.0", "two==1.0")).apart
    assert "one 1.0 has wheels for Python 3.6–3.7, 3.10" in apart
    assert "two 1.0 has wheels for Python 3.8, 3.11–3.12" in apart
    compiled(wheelhouse, "three", "2.7", "3.6")
    assert not (await choose("one==1.0", "three==1.0")).apart


async def test_what_cannot_be_had_at_all_leaves_the_first(choose: Choose, wheelhouse: Path) -> None:
    """Locking it then says what is wrong."""
    make_wheel(wheelhouse, "tiny")
    assert (await choose("tiny==9")).minor == "3.11"


async def test_wheels_uploaded_later_do_not_count(choose: Choose, wheelhouse: Path, index: Index) -> None:
    """As of a day, a Python whose wheels came afterwards has none."""
    compiled(wheelhouse, "old", "3.10", "3.11")
    index.uploaded = {path.name: "2021-06-01T00:00:00Z" for path in wheelhouse.iterdir()}
    index.uploaded["old-1.0-cp311-cp311-manylinux2014_x86_64.whl"] = "2023-06-01T00:00:00Z"
    choice = await choose("old", as_of=datetime(2022, 6, 1, tzinfo=UTC))
    assert (choice.minor, choice.why) == ("3.10", "old has wheels for Python 3.10")


@pytest.mark.parametrize(
    ("names", "minors"),
    [
        (["x-1.0-cp27-cp27mu-manylinux1_x86_64.whl", "x-1.0-cp36-cp36m-manylinux1_x86_64.whl"], {"2.7", "3.6"}),
        (["x-1.0-cp36-abi3-manylinux2010_x86_64.whl"], {f"3.{minor}" for minor in range(6, 15)}),
        (["x-1.0-cp310-cp310-win_amd64.whl", "x-1.0-cp310-cp310-macosx_11_0_arm64.whl", "x-1.0.tar.gz"], set()),
        (["x-2.0-cp310-cp310-manylinux1_x86_64.whl", "x-1.0-nonsense.whl", "x.zip"], set()),
        (["x-1.0-cp312-cp312-manylinux_2_39_x86_64.whl", "x-1.0-cp313-cp313-musllinux_1_1_x86_64.whl"], set()),
    ],
)
def test_a_wheels_name_tells_its_pythons(names: list[str], minors: set[str]) -> None:
    """Those of our platform, old kinds of tags included."""
    files = [IndexFile(filename=name) for name in names]
    assert wheel_range(Requirement("x==1.0"), files, PLATFORM).minors == minors


def test_a_files_own_bounds_count() -> None:
    """`Requires-Python` as the index tells it."""
    file = IndexFile(filename="x-1.0-py3-none-any.whl", requires_python=">=3.7.1,<3.10")
    assert wheel_range(Requirement("x"), [file], PLATFORM).minors == {"3.7", "3.8", "3.9"}


def test_pythons_are_shown_as_spans() -> None:
    """`2.7` is followed by `3.4` where wheels are concerned."""
    assert span(["3.6", "2.7", "3.4", "3.5"]) == "2.7–3.6"
    assert span(["3.10", "3.9", "3.12"]) == "3.9–3.10, 3.12"
    assert span([]) == ""


def test_a_python_counts_half_a_year_after_its_release() -> None:
    """Packages need some time to have wheels for it."""
    every = ("3.8", "3.9", "3.10", "3.11")
    assert settled(every, datetime(2022, 4, 4, tzinfo=UTC)) == ("3.9", "3.8")
    assert settled(every, datetime(2022, 4, 6, tzinfo=UTC)) == ("3.10", "3.9", "3.8")

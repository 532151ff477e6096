"""The real uv against an index on loopback: dates, hashes, preferences, and code that must not run."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, Unsupported
from hubkiln.packages import stack
from hubkiln.packages.interface import LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.packages import Packages
from hubkiln.packages.uv_locker import UvLocker
from hubkiln.values import Interpreter
from index_server import Index, serve
from wheels import make_wheel

PYTHON = Interpreter(version=".".join(map(str, sys.version_info[:3])), path=Path(sys.executable).resolve(), roots=())


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """A folder of wheels."""
    (tmp_path / "wheelhouse").mkdir()
    return tmp_path / "wheelhouse"


@pytest.fixture
def index(wheelhouse: Path) -> Iterator[Index]:
    """The folder, served."""
    with serve(wheelhouse) as running:
        yield running


@pytest.fixture
def locker(index: Index, tmp_path: Path) -> UvLocker:
    """A locker that asks the folder."""
    return UvLocker(PackageSettings(index_url=index.simple), tmp_path / "cache", hidden=())


def asking(*requirements: str, **changes: object) -> LockRequest:
    """A request without the stack unless said."""
    values: dict[str, object] = {"requirements": requirements, "python": PYTHON, "stack": False}
    return LockRequest(**(values | changes))  # type: ignore[arg-type]


def versions(lock: object) -> dict[str, str]:
    """Version by name."""
    return {wheel.name: wheel.version for wheel in lock.wheels}  # type: ignore[attr-defined]


def quiet(text: str) -> None:
    """Say nothing."""


def sdist(folder: Path, name: str, setup: str) -> None:
    """A source distribution whose ``setup.py`` is `setup`."""
    with tarfile.open(folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
        for path, text in (("setup.py", setup), ("PKG-INFO", f"Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n")):
            info = tarfile.TarInfo(f"{name}-1.0/{path}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))


@pytest.mark.parametrize("allow", [False, True])
async def test_locking_never_runs_a_setup_py(locker: UvLocker, wheelhouse: Path, tmp_path: Path, allow: bool) -> None:
    """A package that would write a file when its metadata is asked for writes none, even where sources are allowed."""
    marker = tmp_path / "marker"
    sdist(wheelhouse, "evil", f"open({str(marker)!r}, 'w')\n")
    with pytest.raises(NeedsBuilding if allow else LockFailed):
        await locker.lock(asking("evil", allow_sdists=allow), quiet)
    assert not marker.exists()


async def test_a_wheel_we_built_is_found(locker: UvLocker, wheelhouse: Path, tmp_path: Path) -> None:
    """After the source was built elsewhere, the same request with the folder of results succeeds."""
    sdist(wheelhouse, "sourced", "")
    make_wheel(wheelhouse, "tiny", requires=["sourced"])
    built = tmp_path / "built"
    built.mkdir()
    with pytest.raises(NeedsBuilding) as caught:
        await locker.lock(asking("tiny", allow_sdists=True), quiet)
    assert caught.value.requirements[0].startswith("sourced")
    wheel = make_wheel(built, "sourced")
    lock = await locker.lock(asking("tiny", allow_sdists=True, find_links=built), quiet)
    assert versions(lock) == {"sourced": "1.0", "tiny": "1.0"}
    assert lock.wheels[0].url == wheel.as_uri()
    assert len(lock.wheels[0].sha256) == 64


@pytest.mark.parametrize("address", ["git+https://host.example/near", "file:///srv/repo/near"])
async def test_a_wheel_we_built_is_had_by_its_address_too(
    locker: UvLocker, wheelhouse: Path, tmp_path: Path, address: str
) -> None:
    """What another that we built needs at an address is what was built of it; else it is refused, by name."""
    make_wheel(wheelhouse, "near", "9.0")
    built = tmp_path / "built"
    built.mkdir()
    make_wheel(built, "tiny", requires=[f"near @ {address}"])
    with pytest.raises(LockFailed, match=r"tiny==1\.0 needs near from an address of its own"):
        await locker.lock(asking("tiny==1.0", find_links=built), quiet)
    make_wheel(built, "near", "2.0")
    lock = await locker.lock(asking("tiny==1.0", find_links=built), quiet)
    assert versions(lock) == {"near": "2.0", "tiny": "1.0"}


async def test_a_wheel_we_built_stays(index: Index, wheelhouse: Path, tmp_path: Path) -> None:
    """What a lock takes from the folder of results enters the store, and the kept lock works after that is gone."""
    make_wheel(wheelhouse, "tiny", requires=["sourced"])
    built = tmp_path / "built"
    built.mkdir()
    wheel = make_wheel(built, "sourced")
    packages = Packages(DataDir(tmp_path / "data").make(), PackageSettings(index_url=index.simple))
    lock = await packages.lock(asking("tiny", find_links=built), quiet)
    wheel.unlink()
    built.rmdir()
    environment = await packages.environment(packages.parse(lock.text, PYTHON), PYTHON, quiet)
    assert (environment.path / f"lib/python{PYTHON.minor}/site-packages/sourced.py").exists()


async def test_dependencies_come_along(locker: UvLocker, wheelhouse: Path) -> None:
    """A lock is closed: everything that anything in it needs is in it."""
    make_wheel(wheelhouse, "a", requires=["b>=1"])
    make_wheel(wheelhouse, "b", requires=["c; python_version < '3'", "d"])
    make_wheel(wheelhouse, "d")
    assert versions(await locker.lock(asking("a"), quiet)) == {"a": "1.0", "b": "1.0", "d": "1.0"}


async def test_as_of_a_date(locker: UvLocker, index: Index, wheelhouse: Path) -> None:
    """Later uploads do not exist."""
    for version, day in (("1.0", "2020-01-01"), ("2.0", "2024-01-01")):
        index.uploaded[make_wheel(wheelhouse, "tiny", version).name] = f"{day}T00:00:00Z"
    request = asking("tiny", as_of=datetime(2022, 1, 1, tzinfo=UTC))
    assert versions(await locker.lock(request, quiet)) == {"tiny": "1.0"}
    with pytest.raises(LockFailed, match="uploaded before 2019"):
        await locker.lock(asking("tiny", as_of=datetime(2019, 1, 1, tzinfo=UTC)), quiet)


async def test_an_index_without_upload_times(locker: UvLocker, index: Index, wheelhouse: Path) -> None:
    """It is said that the date cannot be honoured, or, where only some files lack a time, that those were left out."""
    old = make_wheel(wheelhouse, "tiny", "1.0")
    request = asking("tiny", as_of=datetime(2022, 1, 1, tzinfo=UTC))
    with pytest.raises(LockFailed, match="does not say when"):
        await locker.lock(request, quiet)
    make_wheel(wheelhouse, "tiny", "2.0")
    index.uploaded[old.name] = "2020-01-01T00:00:00Z"
    said: list[str] = []
    assert versions(await locker.lock(request, said.append)) == {"tiny": "1.0"}
    assert "does not say of every file" in "".join(said)


async def test_a_source_that_only_brings_the_right_package_is_built(locker: UvLocker, wheelhouse: Path) -> None:
    """As pip does: old lists have it. One that brings nothing, and alone, is told its right name instead."""
    for name in ("bs4-0.0.1", "bs4-0.0.9", "sklearn-0.0"):
        (wheelhouse / f"{name}.tar.gz").write_bytes(b"never read")
    with pytest.raises(NeedsBuilding) as raised:
        await locker.lock(asking("bs4==0.0.1", allow_sdists=True), quiet)
    assert raised.value.requirements == ("bs4==0.0.1",)
    make_wheel(wheelhouse, "scikit-learn")
    with pytest.raises(NeedsBuilding) as raised:  # as `pip freeze` wrote it
        await locker.lock(asking("sklearn==0.0", "scikit-learn", allow_sdists=True), quiet)
    assert raised.value.requirements == ("sklearn==0.0",)
    for line in ("bs4", "sklearn==0.0", "sklearn"):
        with pytest.raises(LockFailed, match="The package is called"):
            await locker.lock(asking(line, allow_sdists=True), quiet)


async def test_hashes_of_the_repository(locker: UvLocker, index: Index, wheelhouse: Path) -> None:
    """The index's file is taken if its hash is listed, and refused if only others are."""
    wheel = index.wheel(make_wheel(wheelhouse, "tiny"))
    good = (("tiny", ("1" * 64, wheel.sha256)), ("absent", ()))
    assert versions(await locker.lock(asking("tiny", hashes=good), quiet)) == {"tiny": "1.0"}
    with pytest.raises(LockFailed, match=r"tiny-1\.0.*hash the repository lists"):
        await locker.lock(asking("tiny", hashes=(("tiny", ("1" * 64,)),)), quiet)
    with pytest.raises(NeedsBuilding) as needed:
        await locker.lock(asking("tiny", hashes=(("tiny", ("1" * 64,)),), allow_sdists=True), quiet)
    assert needed.value.requirements == ("tiny==1.0",)


@pytest.mark.parametrize(
    ("marker", "counts"),
    [('extra == "docs"', False), ('python_version < "3"', False), ('sys_platform == "linux"', True)],
)
async def test_hashes_of_what_is_pinned_for_others_do_not_count(
    locker: UvLocker, wheelhouse: Path, marker: str, counts: bool
) -> None:
    """
    A lock pins a package for an extra or a Python that is not asked for; the server needs the same package, newer.
    """
    make_wheel(wheelhouse, "tiny", "1.0")
    make_wheel(wheelhouse, "tiny", "2.0")
    make_wheel(wheelhouse, "server", requires=["tiny"])
    request = asking("server", constraints=(f"tiny==1.0 ; {marker}",), hashes=(("tiny", ("1" * 64,)),))
    if counts:
        with pytest.raises(LockFailed, match=r"tiny-1\.0.*hash the repository lists"):
            await locker.lock(request, quiet)
    else:
        assert versions(await locker.lock(request, quiet)) == {"server": "1.0", "tiny": "2.0"}


async def test_addresses_in_requirements(locker: UvLocker, index: Index, tmp_path: Path) -> None:
    """No requirement can name an address, so none can make us ask one."""
    for line in ("x @ http://127.0.0.1:9/x-1.0-py3-none-any.whl", f"x @ file://{tmp_path}", "x @ git+https://g/x"):
        with pytest.raises(Unsupported, match="by address"):
            await locker.lock(asking(line), quiet)


@pytest.mark.network
@pytest.mark.parametrize("minor", ["3.10", "3.11", "3.12", "3.13"])
async def test_the_frozen_stack_is_kept(tmp_path: Path, minor: str) -> None:
    """With nothing else asked for, the lock is exactly the frozen list; with more, its versions stay."""
    locker = UvLocker(PackageSettings(), tmp_path / "cache", hidden=())
    python = Interpreter(version=f"{minor}.0", path=PYTHON.path, roots=())
    alone = await locker.lock(asking(stack=True, python=python), quiet)
    assert versions(alone) == dict(stack.preferred(minor))
    more = await locker.lock(asking("six", stack=True, python=python), quiet)
    assert versions(more).items() >= versions(alone).items()


@pytest.mark.network
async def test_a_recipes_pins_win_over_the_stack(tmp_path: Path) -> None:
    """What the recipe names, it gets."""
    locker = UvLocker(PackageSettings(), tmp_path / "cache", hidden=())
    lock = await locker.lock(asking("notebook==6.5.7", stack=True), quiet)
    assert versions(lock)["notebook"] == "6.5.7"
    assert versions(lock)["jupyterlab"] == dict(stack.preferred(PYTHON.minor))["jupyterlab"]


async def test_from_requirements_to_an_environment(index: Index, wheelhouse: Path, tmp_path: Path) -> None:
    """The whole way: lock, fetch, unpack, merge, run; the second time there is nothing to do."""
    make_wheel(wheelhouse, "tiny", requires=["other"], entry_points="[console_scripts]\nhello = tiny:X.bit_length\n")
    make_wheel(wheelhouse, "other")
    packages = Packages(DataDir(tmp_path / "data").make(), PackageSettings(index_url=index.simple))
    lock = await packages.lock(asking("tiny"), quiet)
    environment = await packages.environment(lock, PYTHON, quiet)
    assert not environment.reused
    assert (environment.path / "bin/hello").exists()
    assert (environment.path / f"lib/python{PYTHON.minor}/site-packages/other.py").exists()
    again = await packages.environment(packages.parse(lock.text, PYTHON), PYTHON, quiet)
    assert (again.key, again.reused) == (environment.key, True)


async def test_a_wheel_we_built_comes_before_the_indexs_own(locker: UvLocker, wheelhouse: Path, tmp_path: Path) -> None:
    """Where the index has the same version, even in a file that would fit better, ours is the one that is locked."""
    (tmp_path / "built").mkdir()
    make_wheel(
        wheelhouse,
        files={"tiny.py": "X = 'index'\n"},
        tag=f"cp{sys.version_info.major}{sys.version_info.minor}-none-any",
    )
    ours = make_wheel(tmp_path / "built", files={"tiny.py": "X = 'built'\n"})
    lock = await locker.lock(asking("tiny==1.0", find_links=tmp_path / "built"), quiet)
    assert [wheel.url for wheel in lock.wheels] == [ours.as_uri()]
    assert "http://" not in lock.text

"""Locks for Pythons that uv no longer knows, over an index of tiny wheels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed
from hubkiln.packages.interface import Lock, LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.packages import Packages
from hubkiln.values import Interpreter
from index_server import Index
from wheels import make_wheel

TWO = Interpreter(version="2.7.18", path=Path("/usr/bin/python2.7"), roots=())
ANY = "py2.py3-none-any"


@pytest.fixture
def packages(data: DataDir, index: Index) -> Packages:
    """With the usual lockers."""
    return Packages(data, PackageSettings(index_url=index.simple))


async def lock(packages: Packages, *requirements: str, python: Interpreter = TWO, **more: object) -> Lock:
    """Of `requirements` alone."""
    values: dict[str, object] = {"requirements": requirements, "python": python, "stack": False, **more}
    return await packages.lock(LockRequest(**values), lambda text: None)  # type: ignore[arg-type]


def versions(found: Lock) -> dict[str, str]:
    """By name."""
    return {wheel.name: wheel.version for wheel in found.wheels}


async def test_markers_and_tags_are_those_of_the_python_asked_about(packages: Packages, wheelhouse: Path) -> None:
    """Not of the one that we run on; the lock has each file's hash, reads back the same, and is the same again."""
    needs = [
        'old; python_version < "3"',
        'new; python_version >= "3"',
        'more; extra == "x"',
        'sys; sys_platform == "win32"',
    ]
    make_wheel(wheelhouse, "top", requires=needs, tag=ANY)
    for name in ("old", "more"):
        make_wheel(wheelhouse, name, tag="py2-none-any")
    make_wheel(wheelhouse, "old", "2.0", tag="py3-none-any")
    make_wheel(wheelhouse, "fast", tag="cp27-cp27mu-manylinux1_x86_64")
    make_wheel(wheelhouse, "fast", "2.0", tag="cp27-cp27m-manylinux1_x86_64")
    found = await lock(packages, "top[x]", "fast")
    assert versions(found) == {"fast": "1.0", "more": "1.0", "old": "1.0", "top": "1.0"}
    assert all(len(wheel.sha256) == 64 for wheel in found.wheels) and found.python == "2.7"
    assert packages.parse(found.text, TWO).wheels == found.wheels
    assert (await lock(packages, "fast", "top[x]")).text == found.text


async def test_python_3_5_is_locked_so_too(packages: Packages, wheelhouse: Path) -> None:
    """uv refuses everything before 3.6."""
    make_wheel(wheelhouse, "top", requires=['old; python_version < "3.6"'], tag=ANY)
    make_wheel(wheelhouse, "old", tag="cp35-cp35m-manylinux2010_x86_64")
    python = Interpreter(version="3.5.10", path=Path("/usr/bin/python3.5"), roots=())
    assert versions(await lock(packages, "top", python=python)) == {"old": "1.0", "top": "1.0"}


@pytest.mark.slow
async def test_versions_that_go_together_are_found(packages: Packages, wheelhouse: Path) -> None:
    """Also where the newest do not; constraints bound, and what means no version any more counts as any."""
    make_wheel(wheelhouse, "a", "1.0", requires=["c<2"], tag=ANY)
    make_wheel(wheelhouse, "a", "2.0", requires=["c>=2"], tag=ANY)
    make_wheel(wheelhouse, "b", requires=["c<2", "d (>=2011k)"], tag=ANY)
    for version in ("1.0", "2.0"):
        make_wheel(wheelhouse, "c", version, tag=ANY)
        make_wheel(wheelhouse, "d", version, tag=ANY)
    found = await lock(packages, "a", "b", constraints=("d<2",))
    assert versions(found) == {"a": "1.0", "b": "1.0", "c": "1.0", "d": "1.0"}


async def test_what_cannot_be_had_is_told(packages: Packages, wheelhouse: Path) -> None:
    """A conflict by who wants what; a version by those there are; a name by its spelling."""
    make_wheel(wheelhouse, "a", requires=["c<2"], tag=ANY)
    make_wheel(wheelhouse, "b", requires=["c>=2"], tag=ANY)
    for version in ("1.0", "2.0"):
        make_wheel(wheelhouse, "c", version, tag=ANY)
    with pytest.raises(LockFailed, match=r"together for Python 2\.7: c<2 \(a 1\.0\); c>=2 \(b 1\.0\)"):
        await lock(packages, "a", "b")
    with pytest.raises(LockFailed, match=r"no c==7 \(asked for\) for Python 2\.7; the index has 1\.0, 2\.0"):
        await lock(packages, "c==7")
    with pytest.raises(LockFailed, match="no package named nonesuch"):
        await lock(packages, "nonesuch")


async def test_only_what_was_there_on_the_day_counts(packages: Packages, wheelhouse: Path, index: Index) -> None:
    """As for every other Python."""
    for version, day in (("1.0", "2018-01-01T00:00:00Z"), ("2.0", "2020-01-01T00:00:00Z")):
        index.uploaded[make_wheel(wheelhouse, "a", version, tag=ANY).name] = day
    found = await lock(packages, "a", as_of=datetime(2019, 1, 1, tzinfo=UTC))
    assert versions(found) == {"a": "1.0"}


async def test_a_wheel_that_no_hash_is_listed_for_is_built_instead(packages: Packages, wheelhouse: Path) -> None:
    """It may have come after the repository's lock, which lists the source; without building it is refused."""
    make_wheel(wheelhouse, "a", tag=ANY)
    listed = (("a", ("1" * 64,)),)
    with pytest.raises(NeedsBuilding) as needed:
        await lock(packages, "a>=1", hashes=listed, allow_sdists=True)
    assert needed.value.requirements == ("a==1.0",)
    with pytest.raises(LockFailed, match="not a file whose hash the repository lists"):
        await lock(packages, "a>=1", hashes=listed)


async def test_what_has_sources_alone_is_built_and_then_meant(
    packages: Packages, wheelhouse: Path, tmp_path: Path
) -> None:
    """All of it is named at once; a wheel that was built for it goes before whatever the index has."""
    make_wheel(wheelhouse, "a", requires=["b", "c"], tag=ANY)
    for name in ("b", "c"):
        (wheelhouse / f"{name}-1.0.tar.gz").write_bytes(b"never read")
    with pytest.raises(NeedsBuilding) as needed:
        await lock(packages, "a", allow_sdists=True)
    assert needed.value.requirements == ("b==1.0", "c==1.0")
    built = tmp_path / "built"
    built.mkdir()
    for name in ("b", "c"):
        make_wheel(built, name, tag="cp27-cp27mu-linux_x86_64")
    found = await lock(packages, "a", allow_sdists=True, find_links=built)
    assert versions(found) == {"a": "1.0", "b": "1.0", "c": "1.0"}
    assert {wheel.name for wheel in found.wheels if wheel.url.startswith("file:")} == {"b", "c"}


async def test_a_wheel_that_is_none_is_named(packages: Packages, wheelhouse: Path) -> None:
    """It is a stranger's file: whatever it is, a sentence comes of it."""
    (wheelhouse / "a-1.0-py2-none-any.whl").write_bytes(b"PK\x05\x06" + bytes(18))
    (wheelhouse / "b-1.0-py2-none-any.whl").write_bytes(b"no archive")
    for name in ("a", "b"):
        with pytest.raises(LockFailed, match=f"{name}-1.0-py2-none-any.whl of the package index is no wheel"):
            await lock(packages, name)

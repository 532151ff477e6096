"""Fetching wheels from an index that misbehaves."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from hubkiln.data_dir import DataDir
from hubkiln.errors import LockFailed, TooLarge, Unreachable
from hubkiln.packages.download import TRIES, Downloads
from hubkiln.packages.interface import PackageSettings
from index_server import Index
from wheels import make_wheel


class Clock:
    """Pauses that pass at once and are remembered."""

    def __init__(self) -> None:
        self.paused: list[float] = []

    async def pause(self, seconds: float) -> None:
        """Remember."""
        self.paused.append(seconds)


@pytest.fixture
def clock() -> Clock:
    """No time has passed."""
    return Clock()


@pytest.fixture
def downloads(data: DataDir, clock: Clock) -> Downloads:
    """Into an empty store."""
    return Downloads(data.own("wheels"), PackageSettings(), clock.pause)


@pytest.fixture
def big(wheelhouse: Path) -> Path:
    """A wheel of some 300 kB."""
    noise = b"".join(n.to_bytes(4, "little") for n in range(0, 4_000_000_000, 50_000))
    return make_wheel(wheelhouse, "big", files={"big.bin": noise})


async def test_wheels_are_fetched_and_reported(downloads: Downloads, index: Index, wheelhouse: Path) -> None:
    """Files lie under their hash; progress ends at the total; each arrival is told."""
    wheels = [index.wheel(make_wheel(wheelhouse, name)) for name in ("one", "two", "three")]
    told: list[tuple[int, int]] = []
    arrived: list[str] = []
    paths = await downloads.ensure(wheels, lambda *step: told.append(step), lambda wheel, _: arrived.append(wheel.name))
    total = sum(wheel.size or 0 for wheel in wheels)
    assert told[-1] == (total, total)
    assert sorted(arrived) == ["one", "three", "two"]
    for wheel in wheels:
        assert paths[wheel].read_bytes() == (wheelhouse / wheel.filename).read_bytes()
        assert paths[wheel].parent.name == wheel.sha256


async def test_a_wheel_is_fetched_once(downloads: Downloads, index: Index, big: Path) -> None:
    """Asked for by many at the same time and again later, it is fetched once."""
    wheel = index.wheel(big)
    await asyncio.gather(*(downloads.ensure([wheel]) for _ in range(5)))
    await downloads.ensure([wheel])
    assert index.wanted[f"/files/{big.name}"] == 1


async def test_connections_are_used_again(data: DataDir, index: Index, wheelhouse: Path) -> None:
    """However many files there are, there are no more connections than may be open at once."""
    wheels = [index.wheel(make_wheel(wheelhouse, f"n{number}")) for number in range(7)]
    await Downloads(data.own("wheels"), PackageSettings(downloads_at_once=2)).ensure(wheels)
    assert index.connections == 2


async def test_whoever_gives_up_waits_for_nobody(downloads: Downloads, index: Index, big: Path, data: DataDir) -> None:
    """Cancelled while the host is silent, it ends at once and leaves nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        wheel = index.wheel(big, url=f"http://127.0.0.1:{silent.getsockname()[1]}/files/{big.name}")
        fetching = asyncio.ensure_future(downloads.ensure([wheel]))
        accepted, _ = await asyncio.to_thread(silent.accept)
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        assert not list(data.work.iterdir())
        accepted.close()


@pytest.mark.parametrize("known", [True, False])
async def test_a_file_that_a_power_cut_left_empty_is_fetched_again(
    downloads: Downloads, index: Index, big: Path, known: bool
) -> None:
    """Also where only its size, or not even that, is known."""
    wheel = index.wheel(big) if known else replace(index.wheel(big), size=None)
    path = (await downloads.ensure([wheel]))[wheel]
    path.write_bytes(b"")
    assert (await downloads.ensure([wheel]))[wheel].read_bytes() == big.read_bytes()
    path.write_bytes(big.read_bytes()[:-1] if known else b"")
    assert (await downloads.ensure([wheel]))[wheel].read_bytes() == big.read_bytes()


async def test_a_broken_connection_is_resumed(downloads: Downloads, index: Index, big: Path) -> None:
    """After a cut only the rest is asked for."""
    index.faults.append("cut")
    wheel = index.wheel(big)
    assert (await downloads.ensure([wheel]))[wheel].read_bytes() == big.read_bytes()
    assert len(index.ranges) == 1
    assert not index.ranges[0].startswith("bytes=0-")


@pytest.mark.parametrize("fault", ["500", "503", "429"])
async def test_a_passing_fault_is_waited_out(
    downloads: Downloads, index: Index, big: Path, clock: Clock, fault: str
) -> None:
    """The index's own wish for how long to wait is honoured."""
    index.faults += [fault, fault]
    await downloads.ensure([index.wheel(big)])
    assert clock.paused == [1.0, 1.0]


async def test_a_lasting_fault_is_unreachable(downloads: Downloads, index: Index, big: Path, data: DataDir) -> None:
    """After several tries it is said which file and host; nothing is left behind."""
    index.faults += ["500"] * TRIES
    with pytest.raises(Unreachable, match=r"big-1\.0.*127\.0\.0\.1"):
        await downloads.ensure([index.wheel(big)])
    assert not list(data.work.iterdir())
    assert not list(data.wheels.iterdir())


async def test_a_host_that_is_gone_is_unreachable(downloads: Downloads, index: Index, big: Path) -> None:
    """A refused connection too."""
    with pytest.raises(Unreachable):
        await downloads.ensure([index.wheel(big, url=f"http://127.0.0.1:9/files/{big.name}")])


async def test_a_file_that_is_gone(downloads: Downloads, index: Index, big: Path) -> None:
    """What the index no longer has needs a new lock."""
    with pytest.raises(LockFailed, match="no longer"):
        await downloads.ensure([index.wheel(big, url=f"{index.url}/files/gone.whl")])


async def test_a_lying_hash_is_refused(downloads: Downloads, index: Index, big: Path, data: DataDir) -> None:
    """A file that is not the locked one never reaches the store."""
    index.faults.append("wrong")
    with pytest.raises(LockFailed, match="not the file that was locked"):
        await downloads.ensure([index.wheel(big)])
    assert not list(data.wheels.iterdir())
    assert not list(data.work.iterdir())


async def test_more_bytes_than_told(downloads: Downloads, index: Index, big: Path) -> None:
    """Reading stops where the file should have ended."""
    with pytest.raises(TooLarge):
        await downloads.ensure([index.wheel(big, size=1000)])


async def test_one_failure_stops_the_rest(downloads: Downloads, index: Index, big: Path) -> None:
    """The error of the file at fault is what the caller sees."""
    bad = replace(index.wheel(big), sha256="0" * 64, url=f"{index.url}/files/none.whl")
    with pytest.raises(LockFailed, match="no longer"):
        await downloads.ensure([index.wheel(big), bad])


async def test_a_wheel_of_unknown_size(downloads: Downloads, index: Index, big: Path) -> None:
    """An index that tells no sizes does."""
    wheel = index.wheel(big, size=None)
    assert (await downloads.ensure([wheel]))[wheel].stat().st_size == big.stat().st_size


async def test_our_own_wheels_come_from_disk(downloads: Downloads, index: Index, big: Path) -> None:
    """A ``file:`` address is copied and checked as well."""
    wheel = index.wheel(big, url=big.as_uri())
    assert (await downloads.ensure([wheel]))[wheel].read_bytes() == big.read_bytes()


async def test_credentials_go_to_the_index_alone(data: DataDir, index: Index, big: Path) -> None:
    """User and password of the index address are sent to its host and port, and to no other."""
    with_password = index.simple.replace("http://", "http://me:secret@")
    await Downloads(data.own("wheels"), PackageSettings(index_url=with_password)).ensure([index.wheel(big)])
    assert index.authorizations == {"Basic bWU6c2VjcmV0"}
    index.authorizations.clear()
    other = make_wheel(big.parent, "other")
    await Downloads(data.own("wheels"), PackageSettings(index_url="https://me:secret@packages.example/")).ensure(
        [index.wheel(other)]
    )
    at_another_port = "http://me:secret@127.0.0.1:1/simple"
    await Downloads(data.own("others"), PackageSettings(index_url=at_another_port)).ensure([index.wheel(other)])
    assert not index.authorizations

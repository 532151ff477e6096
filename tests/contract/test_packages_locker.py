"""What every locker promises: the real one against an index on loopback, and the fake."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubkiln.errors import LockFailed, Unreachable
from hubkiln.packages.interface import Locker, LockRequest, NeedsBuilding, PackageSettings
from hubkiln.packages.lockfile import parse_lock
from hubkiln.packages.uv_locker import UvLocker
from hubkiln.testing.packages import FakeLocker, release
from hubkiln.values import Interpreter
from index_server import serve
from wheels import make_wheel

PYTHON = Interpreter(version=".".join(map(str, sys.version_info[:3])), path=Path(sys.executable), roots=())
SETTINGS = PackageSettings()


@dataclass
class Case:
    """A locker over an index that has tiny 1.0 and 2.0, other 1.0, and a source of sourced 1.0; and one without any."""

    locker: Locker
    cut_off: Locker


@pytest.fixture(params=["uv", "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """Each locker in turn."""
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    if request.param == "fake":
        releases = [release("tiny", "1.0"), release("tiny", "2.0"), release("other", "1.0")]
        yield Case(FakeLocker(releases, sources=["sourced"]), FakeLocker(raises=Unreachable()))
        return
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    for name, version in (("tiny", "1.0"), ("tiny", "2.0"), ("other", "1.0")):
        make_wheel(folder, name, version)
    (folder / "sourced-1.0.tar.gz").write_bytes(b"")
    with serve(folder) as index:
        yield Case(
            UvLocker(PackageSettings(index_url=index.simple), tmp_path / "cache", hidden=()),
            UvLocker(PackageSettings(index_url="http://127.0.0.1:9/simple"), tmp_path / "none", hidden=()),
        )


def asking(*requirements: str, **changes: object) -> LockRequest:
    """A request without the stack."""
    return LockRequest(requirements=requirements, python=PYTHON, stack=False, **changes)  # type: ignore[arg-type]


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("request_", "versions"),
    [
        (asking("tiny"), {"tiny": "2.0"}),
        (asking("tiny==1.0", "other"), {"tiny": "1.0", "other": "1.0"}),
        (asking("tiny<2"), {"tiny": "1.0"}),
        (asking("tiny", constraints=("tiny<2", "other==7")), {"tiny": "1.0"}),
        (asking("Tiny"), {"tiny": "2.0"}),
        (asking(), {}),
    ],
    ids=["newest", "pinned", "bounded", "constrained", "spelt-differently", "nothing"],
)
async def test_exact_versions(case: Case, request_: LockRequest, versions: dict[str, str]) -> None:
    """The newest that fits every line, sorted by name, each with its hash."""
    lock = await case.locker.lock(request_, quiet)
    assert {wheel.name: wheel.version for wheel in lock.wheels} == versions
    assert [wheel.name for wheel in lock.wheels] == sorted(versions)
    assert all(len(wheel.sha256) == 64 for wheel in lock.wheels)
    assert lock.python == PYTHON.minor


async def test_what_is_left_out_is_not_looked_for(case: Case) -> None:
    """As if nobody needed it, whether it could be had or not."""
    lock = await case.locker.lock(asking("tiny", "sourced", "Other", left_out=frozenset({"sourced", "other"})), quiet)
    assert [wheel.name for wheel in lock.wheels] == ["tiny"]


async def test_the_text_is_the_lock(case: Case) -> None:
    """What is kept of a lock reads back as the same."""
    lock = await case.locker.lock(asking("tiny", "other"), quiet)
    assert parse_lock(lock.text, PYTHON, SETTINGS.platform) == lock


async def test_the_same_packages_have_the_same_digest(case: Case) -> None:
    """However they were asked for."""
    one = await case.locker.lock(asking("tiny", "other==1.0"), quiet)
    two = await case.locker.lock(asking("other", "tiny>=2"), quiet)
    assert one.digest == two.digest


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        (("no-such-thing",), "no package named no-such-thing"),
        (("tiny==99",), "no version of tiny"),
        (("tiny==1.0", "tiny==2.0"), "tiny"),
        (("sourced",), "no ready-made package .* sourced"),
        (("-r /etc/passwd",), "not a requirement"),
        (("--index-url http://169.254.169.254/",), "not a requirement"),
        (("tiny\n--index-url http://127.0.0.1:9/",), "not a requirement"),
        (("==",), "not a requirement"),
    ],
)
async def test_what_cannot_be_locked(case: Case, requirements: tuple[str, ...], words: str) -> None:
    """LockFailed, naming the package or line at fault."""
    with pytest.raises(LockFailed, match=words):
        await case.locker.lock(asking(*requirements), quiet)


async def test_what_must_be_built_is_told(case: Case) -> None:
    """Where sources can be built, it is said which."""
    with pytest.raises(NeedsBuilding) as caught:
        await case.locker.lock(asking("tiny", "sourced>=1", allow_sdists=True), quiet)
    assert caught.value.requirements == ("sourced>=1",)


async def test_what_must_be_built_keeps_the_constraints(case: Case) -> None:
    """The pins of a repository's lock: else the newest source would be built, whatever was locked."""
    bounds = ("Sourced==1.0", "tiny==1.0")
    with pytest.raises(NeedsBuilding) as caught:
        await case.locker.lock(asking("tiny", "sourced", constraints=bounds, allow_sdists=True), quiet)
    assert caught.value.requirements == ("sourced==1.0",)


async def test_an_index_that_does_not_answer(case: Case) -> None:
    """Unreachable: the user is not at fault."""
    with pytest.raises(Unreachable):
        await case.cut_off.lock(asking("tiny"), quiet)

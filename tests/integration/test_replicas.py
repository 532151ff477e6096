"""``hubkiln serve`` on PostgreSQL, as an admin starts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from newcomer import LOOPBACK, hubkiln, said, serving

from git_server import GitServer, make_repository
from postgresql import Server, throw_away_postgresql

pytest.importorskip("asyncpg")
pytestmark = [pytest.mark.network, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL."""
    with throw_away_postgresql() as server:
        yield server


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[GitServer]:
    """A git host with a repository."""
    with GitServer(tmp_path / "git") as server:
        make_repository(server.root / "small.git", {"requirements.txt": "six\n"})
        yield server


def test_two_replicas_share_builds_and_locks(stacked: Path, server: Server, hosted: GitServer) -> None:
    """What one builds the other tells of, and has at once; the file of a single service is not used."""
    where = ("--database", server.address)
    with serving(stacked, *where) as one, serving(stacked, *where) as two:
        record = one.built(hosted.url("small.git"))
        assert record["phase"] == "ready"
        assert two.ask("GET", f"api/builds/{record['id']}").json() == record
        again = two.order(hosted.url("small.git")).json()
        assert (again["phase"], again["reused"], again["image"]) == ("ready", True, record["image"])
    with serving(stacked) as alone:
        assert alone.ask("GET", f"api/builds/{record['id']}").status_code == 404


@pytest.mark.parametrize("address", ["mysql://me:hunter22@host/name", "postgresql"])
def test_an_address_that_is_none_is_refused_without_its_password(tmp_path: Path, address: str) -> None:
    """The start ends with a sentence, and no password in it."""
    environment = {"JUPYTERHUB_API_TOKEN": "x", "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:0"}
    done = hubkiln("serve", LOOPBACK, "--database", address, data=tmp_path / "data", env=environment)
    assert done.returncode == 1 and "postgresql://" in said(done) and "hunter22" not in said(done)

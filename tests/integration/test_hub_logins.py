"""A real hub whose users log in at a forge: their own private repositories, without a token that anybody stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from any_hub import any_hub
from embedded import ended, service

from git_server import GitServer, make_repository
from hub_browser import logged_in

pytestmark = pytest.mark.hub

TOKEN = "gho_of-ada-and-of-nobody-else"


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Has one private repository, whose recipe names its own mistake: so what was read is seen without a build."""
    with GitServer(tmp_path_factory.mktemp("served"), token=TOKEN) as server:
        make_repository(server.root / "secret.git", {"requirements.txt": "only-ada-can-read-this ===\n"})
        server.private.add("secret.git")
        yield server


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the hub keeps its files."""
    folder = tmp_path_factory.mktemp("hub")
    ada = {"access_token": TOKEN, "token_response": {"access_token": TOKEN}}
    (folder / "logins").write_text(json.dumps({"ada": ada, "grace": {"access_token": "gho_of-grace"}}))
    return folder


@pytest.fixture(scope="module")
def hub(forge: GitServer, folder: Path) -> Iterator[str]:
    """The hub's address."""
    logins = f"{forge.url()}=access_token"
    with any_hub(folder, TEST_LOGIN_HOSTS=logins, JUPYTERHUB_CRYPT_KEY="0" * 64) as base:
        yield base


async def built(hub: str, user: str, spec: str) -> tuple[dict[str, Any], str]:
    """What came of `user`'s build, and its log."""
    async with logged_in(hub, user) as browser, service(browser) as client:
        record = await ended(client, (await client.post("builds", json={"spec": spec})).json()["id"])
        return record, (await client.get(f"builds/{record['id']}/log")).text


async def test_a_login_opens_its_users_repository_and_is_seen_nowhere(hub: str, forge: GitServer, folder: Path) -> None:
    """The build reads what ada may read, for ada alone; her token is in no record, log or file of the service."""
    record, log = await built(hub, "ada", forge.url("secret.git"))
    assert "only-ada-can-read-this" in record["error"]["message"], record
    refused, _ = await built(hub, "grace", forge.url("secret.git"))
    assert "does not exist or is private" in refused["error"]["message"]
    assert TOKEN not in json.dumps(record) + log + (folder / "log").read_text()
    files = [path for path in (folder / "data").rglob("*") if path.is_file() and not path.is_symlink()]
    assert files and not [path for path in files if TOKEN.encode() in path.read_bytes()]


async def test_health_says_that_logins_can_be_used(hub: str) -> None:
    """`setup()` gave the service's role what it takes."""
    async with logged_in(hub, "ada") as browser:
        checks = (await browser.client.get(f"{hub}/services/binder/health")).json()["checks"]
    assert {"service": "Users' logins", "ok": True} in checks

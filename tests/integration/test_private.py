"""Private repositories: real git over HTTP with a password, through the service, with each user's own token."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from git_server import GitServer, make_repository
from hubkiln.builds import BuildRequest, Built, Resolved, Sources, Tell, in_processes
from hubkiln.data_dir import DataDir
from hubkiln.database import database_at, sqlite_url
from hubkiln.errors import AccessDenied, RecipeError
from hubkiln.processes import own_module
from hubkiln.repositories import (
    AppKey,
    GitHubApp,
    Keyring,
    LoginHost,
    Readers,
    Repositories,
    RepositorySettings,
    first_of,
)
from hubkiln.repositories.tokens import host_of
from hubkiln.testing.builds import BUILT
from hubkiln.testing.github import ID, FakeGitHub, app_key
from hubkiln.testing.hub import FakeHub
from hubkiln.testing.service import Service, in_memory
from hubkiln.values import Spec
from hubkiln.web import HubLogins, Private
from lfs_objects import LfsObjects

TOKEN = "t0ken-of-ada"


class Fetching:
    """Builds nothing, but fetches what it is asked for as a real build does."""

    def __init__(self, repositories: Repositories, folder: Path) -> None:
        self.repositories, self.folder = repositories, folder
        self.fetched: list[str] = []

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """As every builder."""
        revision = request.revision or await self.repositories.resolve(request.spec)
        tell(Resolved(revision.commit))
        into = self.folder / f"{len(self.fetched)}"
        self.fetched.append(revision.spec.reader)
        await self.repositories.fetch(revision, into, lambda text: None)
        return replace(BUILT, commit=revision.commit)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "served", token=TOKEN) as server:
        make_repository(server.root / "secret.git", {"requirements.txt": "numpy\n"})
        make_repository(server.root / "open.git", {"requirements.txt": "numpy\n"})
        server.private.add("secret.git")
        yield server


class Clock:
    """Goes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with database_at(sqlite_url(tmp_path / "tokens")) as database:
        yield Keyring(database, (Fernet.generate_key().decode(),))


@pytest.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A hub that nobody has logged in to by way of a forge."""
    async with FakeHub({"own": {"name": "binder", "scopes": ["admin:auth_state"]}}) as running:
        yield running


@pytest.fixture
def logins(hub: FakeHub, clock: Clock, host: GitServer) -> HubLogins:
    hosts = (LoginHost(host_of(host.url()), proof="github_user"),)
    return HubLogins(hub.api_url, "own", hosts, clock=clock)


@pytest.fixture
def builder(tmp_path: Path, keyring: Keyring, logins: HubLogins) -> Fetching:
    settings = RepositorySettings(allowed_networks=(ip_network("127.0.0.0/8"),))
    return Fetching(Repositories(settings, tokens=first_of(keyring.tokens, logins.tokens)), tmp_path)


@pytest.fixture
async def service(
    builder: Fetching, keyring: Keyring, logins: HubLogins, clock: Clock, tmp_path: Path
) -> AsyncIterator[Service]:
    there = builder.repositories
    may_read = Readers(there.resolve, clock=clock).may_read
    private = Private(keyring=keyring, logins=logins.tokens, may_read=may_read)
    async with in_memory(
        tmp_path,
        builder,
        sources=Sources(resolve=there.resolve, can_try=there.can_try),
        parse=there.parse,
        private=private,
    ) as made:
        yield made


async def built(service: Service, spec: str, token: str = "ada") -> dict[str, object]:
    """The record of a build of `spec` when it has ended."""
    id = (await service.ask("POST", "api/builds", token, json={"spec": spec})).json()["id"]
    await service.ask("GET", f"api/builds/{id}/events", token)
    record: dict[str, object] = (await service.ask("GET", f"api/builds/{id}", token)).json()
    return record


async def known(service: Service, user: str) -> dict[str, object]:
    """What the hub is told when `user` starts the image."""
    answer = await service.ask("GET", f"api/images?ref={BUILT.image}&user={user}&starting=1", "hub")
    document: dict[str, object] = answer.json()
    return document


async def give_token(service: Service, host: GitServer, user: str = "ada") -> None:
    answer = await service.ask("PUT", f"api/credentials/{host.url()}", user, json={"token": TOKEN})
    assert answer.status_code == 204


async def test_without_a_token_it_may_as_well_not_exist(host: GitServer, service: Service) -> None:
    """Who has stored nothing learns nothing: the sentence is that of a repository that is not there."""
    record = await built(service, host.url("secret.git"))
    assert record["phase"] == "failed"
    assert "does not exist or is private" in str(record["error"])


async def test_with_their_own_token_a_user_builds(host: GitServer, service: Service, builder: Fetching) -> None:
    """The token opens the repository for its owner's builds; nobody is ever told it again."""
    await give_token(service, host)
    record = await built(service, host.url("secret.git"))
    assert (record["phase"], builder.fetched) == ("ready", ["ada"])
    hosts = await service.ask("GET", "api/credentials", "ada")
    assert hosts.json() == {"hosts": [host_of(host.url())], "login": []}
    assert TOKEN not in hosts.text + str(record)


async def test_nobody_else_gets_what_was_built(host: GitServer, service: Service) -> None:
    """Neither the build, its log, its environment nor its image; and asking for the same joins nothing."""
    await give_token(service, host)
    record = await built(service, host.url("secret.git"))
    for path in (f"api/builds/{record['id']}", f"api/builds/{record['id']}/log"):
        assert (await service.ask("GET", path, "grace")).status_code == 404
    assert (await service.ask("GET", "api/environments", "grace")).json() == {"environments": [], "total": 0}
    assert (await known(service, "grace"))["visible"] is False
    assert (await built(service, host.url("secret.git"), "grace"))["phase"] == "failed"


async def test_it_cannot_be_shared_with_everybody(host: GitServer, service: Service) -> None:
    """Who may read the repository can build it; nobody else is let in by its owner's click."""
    await give_token(service, host)
    await built(service, host.url("secret.git"))
    (saved,) = (await service.ask("GET", "api/environments")).json()["environments"]
    shared = await service.ask("PATCH", f"api/environments/{saved['id']}", json={"visibility": "public"})
    assert shared.status_code == 403
    assert (await known(service, "grace"))["visible"] is False


async def test_who_loses_the_right_cannot_start_it_minutes_later(
    host: GitServer, service: Service, clock: Clock
) -> None:
    """The host is asked again at a start; its answer is used for five minutes."""
    await give_token(service, host)
    record = await built(service, host.url("secret.git"))
    assert (await known(service, "ada"))["visible"] is True
    host.token = "another"
    assert (await known(service, "ada"))["visible"] is True
    clock.now = 301
    assert (await known(service, "ada"))["visible"] is False
    assert (await service.ask("GET", f"api/builds/{record['id']}/log")).status_code == 404


async def test_a_token_is_not_used_for_what_everybody_may_read(
    host: GitServer, service: Service, builder: Fetching
) -> None:
    """A public repository's build is everybody's, whoever has a token for its host."""
    await give_token(service, host)
    await built(service, host.url("open.git"))
    assert builder.fetched == [""]


async def test_a_removed_token_opens_nothing(host: GitServer, service: Service) -> None:
    """Removing it is enough."""
    await give_token(service, host)
    assert (await service.ask("DELETE", f"api/credentials/{host.url()}")).status_code == 204
    assert (await built(service, host.url("secret.git")))["phase"] == "failed"


async def test_an_admins_app_opens_what_it_is_installed_in_and_nothing_else(host: GitServer, tmp_path: Path) -> None:
    """git reads the repository with the token that the app was given for it; the one beside it stays closed."""
    for name in ("org/mine", "org/closed"):
        make_repository(host.root / name, {"requirements.txt": "numpy\n"})
        host.private.add(name)
    key = AppKey(id=ID, key=app_key())
    settings = RepositorySettings(github=host.url(), allowed_networks=(ip_network("127.0.0.0/8"),), github_app=key)
    async with FakeGitHub("org/mine", token=TOKEN) as github:
        app = GitHubApp(replace(settings, github=github.address))

        async def lent(spec: Spec) -> dict[str, str]:
            """Two servers are one GitHub here."""
            return {host_of(host.url()): token for token in (await app.tokens(spec)).values()}

        there = Repositories(settings, lent=lent)
        revision = await there.resolve(Spec(provider="gh", repository="org/mine"))
        fetched = await there.fetch(revision, tmp_path / "into", lambda text: None)
        assert (fetched.path / "requirements.txt").read_text() == "numpy\n"
        with pytest.raises(AccessDenied):
            await there.resolve(Spec(provider="gh", repository="org/closed"))
        assert len(github.given) == 1
        make_repository(host.root / "org/open", {"requirements.txt": "numpy\n"})
        await there.resolve(Spec(provider="gh", repository="org/open"))
        assert not [path for path in github.asked if "open" in path]  # what everybody may read costs no question


async def test_a_builds_own_process_reads_with_what_is_lent_to_it(host: GitServer, tmp_path: Path) -> None:
    """It comes by the pipe with the order: the recipe of the private repository is read, and found wanting."""
    make_repository(host.root / "org/mine", {"environment.yml": "["})
    host.private.add("org/mine")
    data = DataDir(tmp_path / "data").make()

    async def secrets(request: BuildRequest) -> dict[str, object]:
        return {"reader": "", "tokens": {}, "lent": {host_of(host.url()): TOKEN}}

    words, env = own_module("hubkiln.cli.child", str(os.getpid()), str(data.root))
    variables = {"HUBKILN_GITHUB": host.url(), "HUBKILN_ALLOW_NETWORKS": "127.0.0.0/8"}
    begin = {"data_dir": str(data.root), "variables": variables}
    async with in_processes(words, env, begin, secrets) as builder:
        with pytest.raises(RecipeError):
            await builder.build(BuildRequest(spec=Spec(provider="gh", repository="org/mine")), lambda event: None)


def make_super(host: GitServer, name: str, address: str, commit: str, **files: str) -> None:
    """A private repository `name` with one submodule."""
    modules = f'[submodule "x"]\n\tpath = x\n\turl = {address}\n'
    make_repository(host.root / name, {"a": "", **files}, submodules={"x": commit}, modules=modules)
    host.private.add(name)


async def test_a_users_token_opens_submodules_of_the_same_owner_alone(host: GitServer, service: Service) -> None:
    """
    Another owner's are asked as everybody may: a private one is refused, with what to do, and opens when that is done.

    A redirect is no way around.
    """
    commit = make_repository(host.root / "org/inner.git", {"a": ""})
    closed = make_repository(host.root / "mine/closed.git", {"a": ""})
    host.private |= {"org/inner.git", "mine/closed.git"}
    host.redirects["/org/moved.git"] = host.url("mine/closed.git")
    make_super(host, "org/same.git", "../inner.git", commit)
    make_super(host, "org/other.git", "../../mine/closed.git", closed)
    make_super(host, "org/led.git", "../moved.git", closed)
    await give_token(service, host)
    assert (await built(service, host.url("org/same.git")))["phase"] == "ready"
    assert "submodule `x`" in str((await built(service, host.url("org/led.git")))["error"])
    record = await built(service, host.url("org/other.git"))
    assert f"store a token for {host_of(host.url())}/mine too" in str(record["error"])
    assert host.authorized and all(path.startswith("/org/") for path in host.authorized)
    stored = await service.ask("PUT", f"api/credentials/{host.url('mine')}", json={"token": TOKEN})
    assert stored.status_code == 204
    assert (await built(service, host.url("org/other.git")))["phase"] == "ready"


async def test_large_files_of_another_owner_are_not_asked_for_with_a_users_token(
    host: GitServer, service: Service
) -> None:
    """The server that a repository names for them may lead to another repository's; its own gets the token."""
    host.lfs = LfsObjects(host.url())
    files = {".gitattributes": "*.bin filter=lfs\n", "a.bin": host.lfs.add(b"large")}
    config = f"[lfs]\n\turl = {host.url('org/turned')}\n"
    make_repository(host.root / "org/own.git", files)
    make_repository(host.root / "org/led.git", files | {".lfsconfig": config})
    host.redirects["/org/turned/objects"] = host.url("mine/closed.git/info/lfs/objects")
    host.private |= {"org/own.git", "org/led.git"}
    await give_token(service, host)
    for name in ("own", "led"):
        assert (await built(service, host.url(f"org/{name}.git")))["phase"] == "ready"
    assert any("/mine/closed.git/info/lfs/objects/batch" in line for line in host.requests)
    assert {"/org/own.git/info/lfs/objects/batch", "/org/turned/objects/batch"} <= host.authorized
    assert not [path for path in host.authorized if path.startswith("/mine")]


def logged_in_at_the_forge(token: str) -> dict[str, object]:
    """What OAuthenticator keeps of a login at GitHub."""
    return {"access_token": token, "github_user": {"login": "ada"}, "scope": ["repo"]}


async def test_a_login_at_the_forge_opens_what_its_user_may_read(
    host: GitServer, hub: FakeHub, service: Service, builder: Fetching
) -> None:
    """Nobody stored anything: the hub's token is used for its user's build, and for nobody else's."""
    hub.states["ada"] = logged_in_at_the_forge(TOKEN)
    hub.states["grace"] = logged_in_at_the_forge("of-somebody-who-may-not")
    record = await built(service, host.url("secret.git"))
    assert (record["phase"], builder.fetched) == ("ready", ["ada"])
    hosts = await service.ask("GET", "api/credentials", "ada")
    assert hosts.json() == {"hosts": [], "login": [host_of(host.url())]}
    assert TOKEN not in hosts.text + str(record)
    assert (await built(service, host.url("secret.git"), "grace"))["phase"] == "failed"
    assert (await known(service, "grace"))["visible"] is False


async def test_who_logs_in_as_somebody_who_may_not_cannot_start_it(
    host: GitServer, hub: FakeHub, service: Service, clock: Clock
) -> None:
    """At a start the hub is asked for the login as it is by then, and the host whether it still opens."""
    hub.states["ada"] = logged_in_at_the_forge(TOKEN)
    await built(service, host.url("secret.git"))
    assert (await known(service, "ada"))["visible"] is True
    hub.states["ada"] = logged_in_at_the_forge("revoked")
    clock.now = 301
    assert (await known(service, "ada"))["visible"] is False


async def test_what_a_user_stored_goes_before_their_login(host: GitServer, hub: FakeHub, service: Service) -> None:
    """A login whose scope is too narrow is helped by a token."""
    hub.states["ada"] = logged_in_at_the_forge("too-narrow")
    await give_token(service, host)
    assert (await built(service, host.url("secret.git")))["phase"] == "ready"

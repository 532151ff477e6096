"""A forge hears of the commit that its webhook had built: a stand-in on loopback takes what is documented alone."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from asyncio import StreamReader, StreamWriter
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hubkiln.builds import BuildRequest, Built, Entered, Notices, Phase, Resolved, Schedules, Tell
from hubkiln.builds.notices import KEPT, PAUSES
from hubkiln.builds.schedules import LOOK
from hubkiln.builds.schedules import PAUSES as AGAIN
from hubkiln.errors import BuildFailed, HubkilnError, Unreachable
from hubkiln.repositories import (
    AppKey,
    CommitState,
    CommitStatus,
    CommitStatuses,
    GitHubApp,
    RepositorySettings,
    Source,
)
from hubkiln.testing.builds import BUILT, COMMIT, FakeBuilder
from hubkiln.testing.github import ID, FakeGitHub, app_key
from hubkiln.testing.loopback import Loopback
from hubkiln.testing.service import Service, in_memory
from hubkiln.values import Spec, utc_now
from hubkiln.web.scheduling import Scheduling
from hubkiln.web.settings import WebSettings
from hubkiln.web.telling import Telling

pytestmark = pytest.mark.slow

SECRET = "between us"
TOKEN = "may-write"
WEB = WebSettings(
    hold_seconds=0,
    webhook_secret=SECRET,
    webhook_repositories=("gh/*", "gl/*", "codeberg/*"),
    notify_networks=(ip_network("127.0.0.0/8"),),
)
SERVICE = "http://hub.test/services/binder/"


class Forge:
    """
    What ``POST`` of a status is at each of the three, as their documentation has it.

    GitHub: docs.github.com/rest/commits/statuses (2022-11-28); GitLab: docs.gitlab.com/api/commits, "Set commit
    pipeline status"; Gitea: ``repoCreateStatus`` of its swagger document.
    """

    def __init__(self, kind: str, refusals: int = 0) -> None:
        self.kind, self.refusals = kind, refusals
        self.heard = asyncio.Queue[dict[str, Any]]()
        self.asked = 0
        self._now = ""
        self.listener = Loopback(self._one)

    @property
    def statuses(self) -> CommitStatuses:
        """With an admin's token for it."""
        name = {"github": "gh", "gitlab": "gl", "gitea": "codeberg"}[self.kind]
        source = Source(name, self.kind, f"http://{self.listener.host}")
        return CommitStatuses({name: source}, {source.address: TOKEN})

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.asked += 1
        self.refusals -= 1
        status, said = (503, "") if self.refusals >= 0 else self._answer(first, headers, json.loads(body))
        writer.write(b"HTTP/1.1 %d -\r\nContent-Length: %d\r\n\r\n%s" % (status, len(said), said.encode()))
        await writer.drain()
        if status == 201:
            self.heard.put_nowait(json.loads(body))

    def _answer(self, first: str, headers: dict[str, str], told: dict[str, str]) -> tuple[int, str]:
        paths = {
            "github": f"/api/v3/repos/org/repo/statuses/{COMMIT}",
            "gitlab": f"/api/v4/projects/group%2Fsub%2Frepo/statuses/{COMMIT}",
            "gitea": f"/api/v1/repos/org/repo/statuses/{COMMIT}",
        }
        proof = {
            "github": ("authorization", f"Bearer {TOKEN}"),
            "gitlab": ("private-token", TOKEN),
            "gitea": ("authorization", f"token {TOKEN}"),
        }
        states = {
            "github": {"pending", "success", "failure", "error"},
            "gitlab": {"pending", "running", "success", "failed", "canceled", "skipped"},
            "gitea": {"pending", "success", "failure", "error", "warning"},
        }
        name, value = proof[self.kind]
        if headers.get(name) != value:
            return 401, ""
        if first != f"POST {paths[self.kind]} HTTP/1.1":
            return 404, first
        if headers["content-type"] != "application/json" or told.pop("state") not in states[self.kind]:
            return 422, ""
        own = {"name", "ref"} if self.kind == "gitlab" else {"context"}
        if set(told) != {"target_url", "description"} | own or len(told["description"]) > 140:
            return 422, json.dumps(told)
        return 201, "{}"


def telling(service: Service, statuses: CommitStatuses, web: WebSettings = WEB) -> Telling:
    """What tells while the service runs."""
    return Telling(service.app.state.parts.database, web, look_seconds=0.02, statuses=statuses)


async def pushed(service: Service, source: str = "gh", repository: str = "org/repo") -> dict[str, Any]:
    """What a signed webhook of a push has built."""
    told = {
        "ref": "refs/heads/main",
        "repository": {"full_name": repository, "default_branch": "main"},
    }
    body = json.dumps(told).encode()
    signature = hmac.digest(SECRET.encode(), body, hashlib.sha256).hex()
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"}
    answer = await service.ask("POST", f"api/webhooks/{source}", None, content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    build: dict[str, Any] = answer.json()["build"]
    return build


def of_any(provider: str, rest: str) -> Spec:
    """``repository/main`` of whatever provider, as the real parser reads it."""
    from urllib.parse import unquote

    return Spec(provider=provider, repository=unquote(rest.removesuffix("/main")), ref="main")


@pytest.mark.parametrize(
    ("kind", "source", "repository"),
    [("github", "gh", "org/repo"), ("gitlab", "gl", "group/sub/repo"), ("gitea", "codeberg", "org/repo")],
)
async def test_a_commit_is_told_that_it_is_built_and_how_that_ended(
    tmp_path: Path, kind: str, source: str, repository: str
) -> None:
    """Pending first, with the admin's token, then success; both lead to the log, which a user of the hub may read."""
    forge, builder = Forge(kind), FakeBuilder(held=True)
    async with (
        forge.listener,
        in_memory(tmp_path, builder, web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
        telling(service, forge.statuses).running(),
    ):
        build = await pushed(service, source, repository)
        async with asyncio.timeout(60):
            begun = await forge.heard.get()
            builder.release()
            ended = await forge.heard.get()
        assert (begun["state"], ended["state"]) == ("pending", "success")
        assert ended["description"].startswith("The environment was built in ")
        assert begun["target_url"] == ended["target_url"] == f"{SERVICE}logs/{build['id']}"
        assert {begun.get("context", begun.get("name"))} == {"hubkiln/hub.test"}
        log = await service.ask("GET", f"logs/{build['id']}", "ada")
        assert (log.status_code, log.headers["content-type"]) == (200, "text/plain; charset=utf-8")
        assert "Fetching the repository." in log.text
        assert (await service.ask("GET", f"logs/{build['id']}", None)).status_code == 401
        mine = (await service.ask("POST", "api/builds", "ada", json={"spec": "a/b"})).json()["id"]
        assert (await service.ask("GET", f"logs/{mine}", "grace")).status_code == 404


async def test_a_commit_that_is_not_known_yet_is_told_of_when_it_is(tmp_path: Path) -> None:
    """A look that comes too early loses nothing: pending is told all the same, before the end."""
    known, over = asyncio.Event(), asyncio.Event()

    class Slow(FakeBuilder):
        async def build(self, request: BuildRequest, tell: Tell) -> Built:
            await known.wait()
            tell(Entered(Phase.RESOLVING))
            tell(Resolved(COMMIT))
            await over.wait()
            return BUILT

    forge = Forge("github")
    async with (
        forge.listener,
        in_memory(tmp_path, Slow(), web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
        asyncio.timeout(60),
    ):
        await pushed(service)
        await telling(service, forge.statuses).once()
        assert forge.asked == 0
        known.set()
        async with telling(service, forge.statuses).running():
            assert (await forge.heard.get())["state"] == "pending"
            over.set()
            assert (await forge.heard.get())["state"] == "success"


@pytest.mark.parametrize(
    ("kind", "error", "state"),
    [
        ("github", BuildFailed("Its own instructions failed."), "failure"),
        ("github", Unreachable("x" * 500), "error"),
        ("gitlab", BuildFailed("Its own instructions failed."), "failed"),
    ],
)
async def test_whose_fault_it_was_is_told(tmp_path: Path, kind: str, error: HubkilnError, state: str) -> None:
    """With the sentence that users read, as much of it as fits."""
    forge = Forge(kind)
    source, repository = ("gl", "group/sub/repo") if kind == "gitlab" else ("gh", "org/repo")
    builder = FakeBuilder(raises=error)
    async with (
        forge.listener,
        in_memory(tmp_path, builder, web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
        telling(service, forge.statuses).running(),
        asyncio.timeout(60),
    ):
        await pushed(service, source, repository)
        told = await forge.heard.get()
        if told["state"] == "pending":  # unless it had ended before anybody was told
            told = await forge.heard.get()
    assert (told["state"], told["description"]) == (state, error.message[:140])


async def test_a_forge_that_fails_is_told_later_and_fails_no_build(tmp_path: Path) -> None:
    """The build is ready all the same; what is then told is its end."""
    forge = Forge("github", refusals=1)
    async with (
        forge.listener,
        in_memory(tmp_path, web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
    ):
        build = await pushed(service)
        await service.ask("GET", f"api/builds/{build['id']}/events", "root")
        database = service.app.state.parts.database
        await telling(service, forge.statuses).once()
        assert (forge.asked, forge.heard.qsize()) == (1, 0)
        assert (await service.ask("GET", f"api/builds/{build['id']}", "root")).json()["phase"] == "ready"
        later = Telling(database, WEB, lambda: utc_now() + PAUSES[0], statuses=forge.statuses)
        await later.once()
        assert (await forge.heard.get())["state"] == "success"
        await later.once()
        assert forge.asked == 2


@pytest.mark.parametrize("by_hand", [True, False], ids=["by a person", "by itself"])
async def test_a_commit_whose_build_is_tried_again_ends_as_the_last_try(tmp_path: Path, by_hand: bool) -> None:
    """Even where the forge did not hear of the first end and would be told of it last."""
    forge, builder = Forge("github", refusals=1), FakeBuilder(raises=Unreachable("The index is away."))
    async with (
        forge.listener,
        in_memory(tmp_path, builder, web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
        asyncio.timeout(60),
    ):
        first = await pushed(service)
        await service.ask("GET", f"api/builds/{first['id']}/events", "root")
        await telling(service, forge.statuses).once()
        assert (forge.asked, forge.heard.qsize()) == (1, 0)
        builder.raises = None
        if by_hand:
            second = (await service.ask("POST", f"api/builds/{first['id']}/retry", "root")).json()["id"]
        else:
            second = await tried_again(service)
        await service.ask("GET", f"api/builds/{second}/events", "root")
        later = Telling(service.app.state.parts.database, WEB, lambda: utc_now() + PAUSES[0], statuses=forge.statuses)
        await later.once()
        told = forge.heard.get_nowait()
        assert (told["state"], told["target_url"], forge.asked) == ("success", f"{SERVICE}logs/{second}", 2)
        assert second != first["id"] and (await service.ask("GET", f"logs/{second}", "grace")).status_code == 200


async def tried_again(service: Service) -> str:
    """The id of the build that a push's schedule asks for once it has seen that the first failed."""
    now, database = utc_now(), service.app.state.parts.database
    for pause in (LOOK, AGAIN[0]):
        now += pause
        await Scheduling(service.jobs, database, Schedules(database, lambda now=now: now)).once()
    (one,) = (await service.ask("GET", "api/schedules", "root")).json()["schedules"]
    return str(one["build"])


async def test_a_status_leads_to_a_build_that_somebody_had_begun_before(tmp_path: Path) -> None:
    """The webhook joins it; its log stays open to whoever may build, long after the forge was told."""
    forge, builder = Forge("github"), FakeBuilder(held=True)
    same = Spec(provider="gh", repository="org/repo", ref="main")
    known: dict[str, Any] = {"parse": lambda *_: same, "parse_provider": of_any}
    async with (
        forge.listener,
        in_memory(tmp_path, builder, web=WEB, statuses=forge.statuses, **known) as service,
        asyncio.timeout(60),
    ):
        mine = (await service.ask("POST", "api/builds", "ada", json={"spec": "org/repo"})).json()["id"]
        assert (await service.ask("GET", f"logs/{mine}", "grace")).status_code == 404
        assert (await pushed(service))["id"] == mine
        builder.release()
        await service.ask("GET", f"api/builds/{mine}/events", "ada")
        await telling(service, forge.statuses).once()
        other = await pushed(service, repository="org/other")
        await service.ask("GET", f"api/builds/{other['id']}/events", "root")
        later = utc_now() + KEPT + KEPT
        await Telling(service.app.state.parts.database, WEB, lambda: later, statuses=forge.statuses).once()
        assert (await service.ask("GET", f"logs/{mine}", "grace")).status_code == 200


@pytest.mark.parametrize("tokens", [{}, {"elsewhere.example": TOKEN}])
async def test_without_a_token_for_its_host_a_forge_is_told_nothing(tmp_path: Path, tokens: dict[str, str]) -> None:
    """No request at all: not of a private repository, and not without proof."""
    forge = Forge("github")
    async with forge.listener:
        statuses = replace(forge.statuses, tokens=tokens)
        async with in_memory(tmp_path, web=WEB, parse_provider=of_any, statuses=statuses) as service:
            await pushed(service)
            await telling(service, statuses).once()
            assert await service.app.state.parts.database.value("SELECT count(*) FROM notices") == 0
    assert forge.asked == 0


async def test_a_forge_inside_the_network_is_told_nothing(tmp_path: Path) -> None:
    """Unless an admin lists its network, as for every other address."""
    forge, inside = Forge("github"), replace(WEB, notify_networks=())
    async with (
        forge.listener,
        in_memory(tmp_path, web=WEB, parse_provider=of_any, statuses=forge.statuses) as service,
    ):
        await pushed(service)
        await telling(service, forge.statuses, inside).once()
    assert forge.asked == 0


async def test_people_who_order_builds_set_no_status(tmp_path: Path) -> None:
    """Only what a webhook told of is the forge's business; and a reader's own rights are never used for it."""
    forge = Forge("github")
    async with forge.listener, in_memory(tmp_path, web=WEB, statuses=forge.statuses) as service:
        id = (await service.ask("POST", "api/builds", json={"spec": "org/repo"})).json()["id"]
        await service.ask("GET", f"api/builds/{id}/events")
        await telling(service, forge.statuses).once()
    assert forge.asked == 0
    private = Spec(provider="gh", repository="org/repo", reader="ada")
    assert await forge.statuses.request(private, COMMIT, STATUS) is None


STATUS = CommitStatus(state=CommitState.CANCELLED, context="c", description="d", target="t")


@pytest.mark.parametrize(
    ("source", "url", "state"),
    [
        (Source("gh", "github", "https://github.com"), "https://api.github.com/repos/a/b/statuses/c0", "error"),
        (
            Source("gh", "gitlab", "https://g.example/x"),
            "https://g.example/x/api/v4/projects/a%2Fb/statuses/c0",
            "canceled",
        ),
        (Source("gh", "gitea", "https://codeberg.org"), "https://codeberg.org/api/v1/repos/a/b/statuses/c0", "error"),
    ],
)
async def test_where_and_in_which_word_a_forge_is_told(source: Source, url: str, state: str) -> None:
    """GitHub has a host of its own for it; only GitLab knows what is cancelled."""
    host = source.address.split("/")[2]
    spec = Spec(provider="gh", repository="a/b")
    request = await CommitStatuses({"gh": source}, {host: TOKEN}).request(spec, "c0", STATUS)
    assert request is not None and request.url == url and json.loads(request.body)["state"] == state
    assert TOKEN not in repr(request)


async def test_a_github_app_lends_a_token_for_the_one_repository() -> None:
    """One that may set statuses and read nothing; where the app is not installed nothing is told, nor elsewhere."""
    async with FakeGitHub("a/b") as github:
        loopback = (ip_network("127.0.0.0/8"),)
        key = AppKey(id=ID, key=app_key())
        app = GitHubApp(RepositorySettings(github=github.address, allowed_networks=loopback, github_app=key))
        source = Source("gh", "github", github.address)
        statuses = CommitStatuses({"gh": source, "gl": Source("gl", "gitlab", github.address)}, {}, app.status_tokens)
        told = await statuses.request(Spec(provider="gh", repository="a/b"), "c0", STATUS)
        assert told is not None and told.headers["Authorization"] == "Bearer ghs_1"
        assert github.given == [{"repositories": ["b"], "permissions": {"statuses": "write"}}]
        assert statuses.can_tell("gh") and not statuses.can_tell("gl")
        assert await statuses.request(Spec(provider="gh", repository="a/other"), "c0", STATUS) is None


async def test_gitlabs_refusal_of_the_same_state_again_counts_as_heard(tmp_path: Path) -> None:
    """It answers 400 where a commit is pending already, as it is when an answer of ours was lost."""
    asked = 0

    async def refuse(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        said = b'{"message":"Cannot transition status via :enqueue from :pending"}'
        writer.write(b"HTTP/1.1 400 -\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))
        await writer.drain()

    builder = FakeBuilder(held=True)
    async with Loopback(refuse) as forge:
        source = Source("gl", "gitlab", f"http://{forge.host}")
        statuses = CommitStatuses({"gl": source}, {source.address: TOKEN})
        async with in_memory(tmp_path, builder, web=WEB, parse_provider=of_any, statuses=statuses) as service:
            spec = Spec(provider="gl", repository="a/b")
            record, _ = await service.jobs.submit(BuildRequest(spec=spec), "service/webhooks")
            await service.ask("GET", f"api/builds/{record.id}?wait=5", "root")
            notices = Notices(service.app.state.parts.database)
            await notices.ask(record.id, f"begun:{SERVICE}")
            while asked == 0:
                await telling(service, statuses).once()
                await asyncio.sleep(0)
            builder.release()
            await service.ask("GET", f"api/builds/{record.id}/events", "root")
            await telling(service, statuses).once()
    assert asked == 2 and BUILT.commit == COMMIT

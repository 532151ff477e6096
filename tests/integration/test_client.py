"""The Python client, and the command over it, against the running service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from web_process import TOKENS, Running, running

from hubkiln.client import AsyncClient, Client, Order
from hubkiln.database.engine import sqlite_url
from hubkiln.errors import BuildFailed, Conflict, NotFound, Refused, UserError
from hubkiln.testing.builds import BUILT, COMMIT
from hubkiln.testing.hub import FakeHub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A service whose builds end at once; those of the ref ``failed`` fail."""
    url = sqlite_url(tmp_path_factory.mktemp("s") / "db.sqlite")
    tokens = TOKENS | {"root": TOKENS["ada"] | {"name": "root", "admin": True}}
    async with FakeHub(tokens) as hub, running(hub, url) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def held(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A service whose builds never end by themselves."""
    url = sqlite_url(tmp_path_factory.mktemp("h") / "db.sqlite")
    async with FakeHub(TOKENS) as hub, running(hub, url, "-", "held") as service:
        yield service


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_build_from_its_order_to_its_environment(service: Running) -> None:
    """Every event in order, the log, the image, the saved environment; and the same again with the other client."""
    async with AsyncClient(service.url, "ada") as client:
        build = await client.build("org/repo", ref="main")
        events = [event async for event in client.follow(build.id)]
        assert [event.seq for event in events[:-1]] == list(range(1, len(events)))
        assert events[-1].kind == "end" and (await client.show(build.id)).ended
        ended = await client.wait(build.id)
        assert (ended.image, ended.commit, ended.phase, ended.error) == (BUILT.image, COMMIT, "ready", None)
        assert await client.log(build.id) == "".join(event.text for event in events)
        assert build.id in [one.id for one in await client.builds()]

    def in_turn() -> None:
        with Client(service.url, "ada") as client:
            again = client.retry(build.id)
            assert [event.kind for event in client.follow(again.id)][-1] == "end"
            assert client.wait(again.id).image == BUILT.image
            (environment,) = client.environments()
            assert client.change_environment(environment.id, name="mine").name == "mine"
            client.forget_environment(environment.id)
            assert client.environments() == []

    await asyncio.to_thread(in_turn)


async def test_what_else_can_be_asked_is_answered(service: Running) -> None:
    """A look before building, what is saved, what may be had; an admin's rules and occasions come and go."""
    async with AsyncClient(service.url, "grace") as client, AsyncClient(service.url, "root") as admin:
        build = await client.order(Order(spec="org/looked", supersede=True))
        await client.wait(build.id)
        assert (await client.forecast("org/looked"))["outcome"] == "compose"
        assert (await client.recognise("https://github.com/org/looked"))["spec"]["repository"] == "org/looked"
        assert (await client.refs("org/looked"))["branches"] == ["main", "failed", "waits"]
        assert (await client.limits())["used"]["user_builds_daily"] >= 0
        (environment,) = await client.environments("looked", limit=1)
        assert (await client.environment(environment.id)).document["versions"][0]["image"] == BUILT.image
        assert (await client.change_environment(environment.id, pinned=True)).document["pinned"] is True
        assert (await client.build_environment(environment.id)).title == "org/looked"
        assert (await client.packages(environment.id))["packages"][0]["name"] == "humanize"
        assert "lock-version" in await client.export(environment.id, "lock")
        assert (await client.token_hosts())["hosts"] == []
        assert (await client.health())["ok"] and "builder_info" in await client.versions()
        assert "gh" in [one["id"] for one in await client.providers()] and "limits" in await client.engine()
        with pytest.raises(Refused, match="not be told of builds"):
            await client.order(Order(spec="org/looked", notify="https://elsewhere.example/x"))
        with pytest.raises(Refused):
            await client.rules()
        rule = await admin.add_rule(kind="spec", pattern="gh/banned/*", reason="A test")
        assert [one["id"] for one in await admin.rules()] == [rule["id"]]
        with pytest.raises(Refused, match="A test"):
            await client.build("banned/repo")
        await admin.remove_rule(rule["id"])
        occasion = await admin.add_occasion(kind="everybody", limits={"user_builds": 5}, ends="2100-01-01T00:00:00Z")
        assert (await client.limits())["limits"]["user_builds"] == 5
        await admin.remove_occasion(occasion["id"])
        assert (await admin.rules(), await admin.occasions()) == ([], [])
        assert build.id in [one.id for one in await admin.builds(everybody=True)]


async def test_errors_are_those_of_the_service(service: Running) -> None:
    """A build that fails, one that is not there, one that is somebody else's, a token that nobody knows."""
    async with AsyncClient(service.url, "ada") as client, AsyncClient(service.url, "mallory") as stranger:
        build = await client.build("org/repo", ref="failed")
        with pytest.raises(BuildFailed, match=r"^Its own instructions failed\. Mend them\.$"):
            await client.wait(build.id)
        with pytest.raises(Conflict):
            await client.cancel(build.id)
        with pytest.raises(NotFound):
            await client.show("../environments")
        async with AsyncClient(service.url, "grace") as grace:
            with pytest.raises(NotFound):
                await grace.log(build.id)
        with pytest.raises(UserError, match="not logged in") as refused:
            await stranger.builds()
        assert refused.value.code == "unauthenticated"
        with pytest.raises(NotFound):
            async with AsyncClient(service.url + "api/nowhere/", "ada") as lost:
                await lost.builds()
        with pytest.raises(UserError, match="builds only"):
            [said async for said in client.launch("gh/org/repo/HEAD")]


async def test_who_wants_it_no_more_ends_it(held: Running) -> None:
    """A cancelled build is an error to whoever waits for it."""
    async with AsyncClient(held.url, "ada") as client:
        build = await client.build("org/one")
        assert (await client.cancel(build.id)).phase == "cancelled"


async def typed(service: Running, *words: str, **variables: str) -> tuple[int, str, str]:
    """``hubkiln build --service … WORDS``: exit status and output."""
    environment = os.environ | {"HUBKILN_TOKEN": "ada"} | variables
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hubkiln", "build", "--service", service.url, *words,
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(200):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_command_ends_as_the_build_does(service: Running, tmp_path: Path) -> None:
    """0 and the image with the log on standard error; 1 and the sentence; the token also from a file."""
    (tmp_path / "token").write_text("grace\n")
    status, out, err = await typed(
        service, "--wait", "org/repo", "--token-file", str(tmp_path / "token"), HUBKILN_TOKEN=""
    )
    assert (status, out) == (0, f"{BUILT.image}\n") and "Downloading" in err and "Plan: compose" in err
    status, out, err = await typed(service, "--wait", "--ref", "failed", "org/repo")
    assert (status, out) == (1, "") and err.endswith("Error: Its own instructions failed.\n  Mend them.\n")
    status, out, _ = await typed(service, "--json", "org/other")
    assert status == 0 and json.loads(out)["title"] == "org/other"


@pytest.mark.parametrize(
    ("words", "variables", "status", "said"),
    [
        (["--wait", "org/repo"], {"HUBKILN_TOKEN": ""}, 1, "none was given"),
        (["--wait", "org/repo"], {"HUBKILN_TOKEN": "mallory"}, 1, "not logged in"),
        (["--push", "r/x", "org/repo"], {}, 2, "--push: of builds of this machine alone"),
        (["--service", "http://127.0.0.1:9/", "org/repo"], {}, 3, "does not answer"),
        (["--service", "hub.example", "org/repo"], {}, 1, "is no address of a service"),
    ],
)
async def test_what_the_command_cannot_do_is_a_sentence(
    service: Running, words: list[str], variables: dict[str, str], status: int, said: str
) -> None:
    """And the status says whose turn it is."""
    ended, out, err = await typed(service, *words, **variables)
    assert (ended, out) == (status, "") and said in err and "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_workflow_that_is_stopped_leaves_its_build(held: Running, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM cancel it for who asked, so that nothing is built for nobody."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hubkiln", "build", "--service", held.url, "--wait", f"org/{number.name}",
        env=os.environ | {"HUBKILN_TOKEN": "ada"}, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    async with asyncio.timeout(200):
        while b"Fetching the repository" not in await process.stderr.readline():
            pass
        process.send_signal(number)
        await process.communicate()
    assert process.returncode not in (0, None)
    async with AsyncClient(held.url, "ada") as client:
        build = next(one for one in await client.builds() if one.title == f"org/{number.name}")
    assert build.phase == "cancelled"

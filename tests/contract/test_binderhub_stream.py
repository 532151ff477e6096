"""BinderHub's wire format, rule by rule, as its clients need it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from hubkiln.builds.events import Entered, Event, Log, Phase
from hubkiln.builds.interface import BuildRequest, Built
from hubkiln.builds.requests import Sources
from hubkiln.errors import BuildFailed
from hubkiln.testing.builds import BUILT, SCRIPT, FakeBuilder
from hubkiln.testing.hub import FakeAuth
from hubkiln.testing.service import Service
from hubkiln.testing.sse import read
from hubkiln.values import Revision, Spec
from hubkiln.web.binderhub import SAID, WORDS, _follow, last_event
from hubkiln.web.settings import WebSettings
from serving import Serve, joined

ONLY = "?build_only=true"
KNOWN_WORDS = {"failed", "built", "waiting", "building", "fetching", "pushing", "launching", "ready"}


async def streamed(service: Service, spec: str = f"gh/org/repo/HEAD{ONLY}", **more: Any) -> list[dict[str, Any]]:
    """The events of one build request."""
    answer = await service.ask("GET", f"build/{spec}", **more)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    return read(answer.text).events


async def test_a_build_ends_ready_with_a_pullable_name(service: Service) -> None:
    """The last event is ``ready`` with ``imageName``, tagged, and a message."""
    last = (await streamed(service))[-1]
    assert (last["phase"], last["imageName"]) == ("ready", BUILT.image) and ":" in last["imageName"]
    assert last["message"].endswith("\n")


async def test_only_words_that_clients_know(service: Service) -> None:
    """Every phase is one of BinderHub's, in lower case; every message a string."""
    events = await streamed(service)
    assert {event["phase"] for event in events} <= KNOWN_WORDS
    assert all(isinstance(event.get("message", ""), str) for event in events)
    assert set(WORDS) == set(SAID)


async def test_the_log_comes_through_unchanged(service: Service) -> None:
    """Log text, colours included, under the phase it belongs to."""
    events = await streamed(service)
    assert {"phase": "building", "message": "Downloading \x1b[32mnumpy\x1b[0m\n"} in events


async def test_one_event_is_one_line(serve: Serve) -> None:
    """Whatever a log holds, each event is a single ``data:`` line, for any idea of what ends a line."""
    odd = "a\r\nb\u2028c\u0085d\x0be\n"
    service = await serve(FakeBuilder([*SCRIPT[:-1], Log(odd), SCRIPT[-1]]))
    answer = await service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}")
    data = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
    assert data == read(answer.text).events
    assert odd in "".join(event.get("message", "") for event in data)


async def test_the_first_bytes_are_a_keepalive(service: Service) -> None:
    """A comment comes at once; headers keep proxies from holding the stream back."""
    answer = await service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}")
    assert answer.text.startswith(":keepalive\n\n")
    assert answer.headers["cache-control"] == "no-cache" and answer.headers["x-accel-buffering"] == "no"


async def test_silence_is_filled_with_comments(serve: Serve) -> None:
    """While a build says nothing, comments come."""
    builder = FakeBuilder(held=True)
    service = await serve(builder, web=WebSettings(keepalive_seconds=0.01, hold_seconds=0.1))
    answer = await service.ask("GET", "build/gh/org/repo/HEAD")
    assert read(answer.text).events[0]["phase"] == "failed"
    builder.release()
    answer = await service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}")
    streamed = read(answer.text)
    assert streamed.comments >= 3 and streamed.events[-1]["phase"] == "ready"  # the hold after ready is silent


async def test_a_failure_is_told_once_with_its_reason(serve: Serve) -> None:
    """Exactly one ``failed``, the last event, with sentence, hint and status."""
    service = await serve(FakeBuilder(raises=BuildFailed("pip said no.", hint="Ask nicely.")))
    events = await streamed(service)
    failures = [event for event in events if event["phase"] == "failed"]
    assert failures == [{"phase": "failed", "status_code": 422, "message": "pip said no. Ask nicely.\n"}]
    assert events[-1] == failures[0]


async def test_a_bug_of_ours_is_told_without_details(serve: Serve) -> None:
    """An unexpected exception is one ``failed`` event."""
    service = await serve(FakeBuilder(raises=KeyError("internals")))
    last = (await streamed(service))[-1]
    assert last["phase"] == "failed" and "internals" not in last["message"]


@pytest.mark.parametrize("value", ["true", "True", "1", "yes"])
async def test_ways_to_say_build_only(service: Service, value: str) -> None:
    """Clients write it differently; unknown parameters and a build token are ignored."""
    events = await streamed(service, f"gh/org/repo/HEAD?build_only={value}&build_token=abc&whatever=1")
    assert events[-1]["phase"] == "ready"


@pytest.mark.parametrize("query", ["", "?build_only=", "?build_only=false"])
async def test_launching_is_refused_by_name(serve: Serve, query: str) -> None:
    """Without build-only nothing is built, and the refusal says what to add."""
    builder = FakeBuilder()
    service = await serve(builder)
    (event,) = await streamed(service, f"gh/org/repo/HEAD{query}")
    assert event["phase"] == "failed" and "build_only=true" in event["message"] and builder.requests == []


@pytest.mark.parametrize(
    "accept", [None, "*/*", "text/event-stream", "text/event-stream, */*", "text/event-stream;q=1", "application/json"]
)
async def test_any_accept_header_will_do(service: Service, accept: str | None) -> None:
    """Authenticated callers are served whatever they accept."""
    service.client.headers.pop("accept")
    events = await streamed(service, headers={"Accept": accept} if accept else {})
    assert events[-1]["phase"] == "ready"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer nobody"}, {"X-Xsrftoken": "abc", "Cookie": "_xsrf=abc; jupyterhub-session-id=x"}],
)
async def test_strangers_are_refused_by_an_event(serve: Serve, headers: dict[str, str]) -> None:
    """HTTP 200 and one ``failed`` event with 403: clients do not show the body of a 403."""
    builder = FakeBuilder()
    service = await serve(builder)
    answer = await service.client.get(f"/services/binder/build/gh/org/repo/HEAD{ONLY}", headers=headers)
    (event,) = read(answer.text).events
    assert (answer.status_code, event["phase"], event["status_code"]) == (200, "failed", 403)
    assert builder.requests == []


async def test_a_hub_that_is_down_is_an_event(serve: Serve) -> None:
    """Clients would stop at a 5xx without showing why."""
    service = await serve(auth=FakeAuth(down=True))
    (event,) = await streamed(service)
    assert (event["phase"], event["status_code"]) == ("failed", 502)


@pytest.mark.parametrize(
    ("path", "provider", "repository", "ref"),
    [
        ("gh/o/r/feature/x", "gh", "o/r", "feature/x"),
        ("gh/o/r.git/HEAD", "gh", "o/r.git", "HEAD"),
        ("gl/ns%2Fsub%2Fproj/main", "gl", "ns%2Fsub%2Fproj/main", "HEAD"),
        ("git/https%3A%2F%2Fhost%2Fr.git/abc", "git", "https%3A%2F%2Fhost%2Fr.git/abc", "HEAD"),
        ("zenodo/10.5281/zenodo.1/", "zenodo", "10.5281/zenodo.1/", "HEAD"),
        ("git/https%3A%2F%2Fhost%2Fr.git%3Fx%3D1/abc", "git", "https%3A%2F%2Fhost%2Fr.git%3Fx%3D1/abc", "HEAD"),
    ],
)
async def test_the_path_arrives_as_it_was_sent(
    serve: Serve,
    path: str,
    provider: str,
    repository: str,
    ref: str,
) -> None:
    """Slashes in refs stay, and what is encoded stays encoded for the provider's own parser."""
    builder = FakeBuilder()
    service = await serve(builder)
    assert (await streamed(service, path + ONLY))[-1]["phase"] == "ready"
    (request,) = builder.requests
    assert (request.spec.provider, request.spec.repository, request.spec.ref) == (provider, repository, ref)


async def test_the_preflight_lets_authorization_through(service: Service) -> None:
    """OPTIONS needs no login and allows the headers that clients send."""
    answer = await service.client.options("/services/binder/build/gh/org/repo/HEAD")
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert answer.status_code == 204
    assert set(allowed) >= {"accept", "authorization", "cache-control", "content-type", "x-xsrftoken"}
    assert answer.headers["access-control-allow-methods"] == "GET, OPTIONS"
    assert "access-control-allow-origin" not in answer.headers


async def test_an_admin_can_let_another_site_in(serve: Serve) -> None:
    """The origin is named on the preflight and on the stream."""
    service = await serve(web=WebSettings(hold_seconds=0, allow_origins=("https://other.example",)))
    url = "/services/binder/build/gh/org/repo/HEAD"
    for origin, allowed in (("https://other.example", "https://other.example"), ("https://third.example", None)):
        headers = {"Origin": origin}
        for answer in (
            await service.client.options(url, headers=headers),
            await service.client.get(url, headers=headers),
        ):
            assert answer.headers.get("access-control-allow-origin") == allowed and answer.headers["vary"] == "Origin"


async def test_a_third_caller_gets_the_earlier_lines(serve: Serve) -> None:
    """Requests for one ref share a build; who comes in the middle gets the log from its first line."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    spec = service.app.state.parts.offer.parse_provider("gh", "org/repo/HEAD")
    await service.jobs.submit(BuildRequest(spec=spec), "grace")
    await builder.until_started(1)
    third = asyncio.create_task(streamed(service))
    await joined(service, "grace", "ada")
    builder.release()
    events = await third
    assert {"phase": "fetching", "message": "Fetching the repository.\n"} in events
    assert events[-1]["phase"] == "ready" and len(builder.requests) == 1


async def test_a_client_that_comes_back_goes_on_where_it_was(serve: Serve) -> None:
    """Browsers' own clients ask again by themselves with the last id: they get what they have not, in its phase."""
    builder = FakeBuilder(held=True)
    service = await serve(builder)
    first = asyncio.create_task(service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}"))
    await builder.until_started(1)
    builder.release()
    whole = (await first).text
    last = re.findall("^id: (.+)$", whole, re.MULTILINE)[0]
    rest = read(whole).events[1:]
    (record,) = await service.jobs.listing("ada")
    held = replace(record, state=Phase.BUILDING)  # as it was when the connection was lost
    after = int(last.rpartition(":")[2])
    again = [event async for event in _follow(service.app.state.parts, held, False, after)]
    assert read(b"".join(again).decode()).events == rest
    answer = await service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}", headers={"Last-Event-ID": last})
    assert read(answer.text).events == rest[-1:] and len(builder.requests) == 1


async def test_coming_back_after_a_failure_builds_nothing_again(serve: Serve) -> None:
    """The failure is told once more; without the id, from another user, or for another spec it is a new wish."""
    builder = FakeBuilder(raises=BuildFailed("pip said no."))
    service = await serve(builder)
    answer = await service.ask("GET", f"build/gh/org/repo/HEAD{ONLY}")
    last = re.findall("^id: (.+)$", answer.text, re.MULTILINE)[-1]
    again = await streamed(service, headers={"Last-Event-ID": last})
    assert [event["phase"] for event in again] == ["failed"] and "pip said no." in again[0]["message"]
    assert len(builder.requests) == 1
    for path, more in (
        ("gh/org/repo/HEAD", {}),
        ("gh/org/repo/HEAD", {"headers": {"Last-Event-ID": last}, "token": "grace"}),
        ("gh/org/repo/other", {"headers": {"Last-Event-ID": last}}),
        ("gh/org/repo/HEAD", {"headers": {"Last-Event-ID": "18"}}),
    ):
        before = len(builder.requests)
        assert (await streamed(service, f"{path}{ONLY}", **more))[-1]["phase"] == "failed"
        assert len(builder.requests) == before + 1, (path, more)


async def test_a_cancelled_build_has_failed(serve: Serve) -> None:
    """Clients know no other bad end."""
    builder = FakeBuilder([Entered(Phase.RESOLVING)], held=True, before=1)
    service = await serve(builder)
    spec = service.app.state.parts.offer.parse_provider("gh", "org/repo/HEAD")
    record, _ = await service.jobs.submit(BuildRequest(spec=spec), "ada")
    following = service.jobs.follow(record.id)
    await anext(following)
    await service.jobs.cancel(record.id, "ada")
    assert b'"phase":"failed"' in last_event(await service.jobs.record(record.id))


async def test_a_simple_line_parser_can_follow(service: Service) -> None:
    """The loop of BinderHub's example script, which takes lines that start with ``data:``, sees the end."""
    url = f"/services/binder/build/gh/org/repo/HEAD{ONLY}"
    image = None
    async with service.client.stream("GET", url, headers={"Authorization": "Bearer ada"}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data:"):
                event = json.loads(line.split(":", 1)[1])
                if event.get("phase") == "ready":
                    image = event["imageName"]
                    break
    assert image == BUILT.image


@pytest.mark.parametrize("way", [SCRIPT, (*SCRIPT[:-1], Entered(Phase.PUSHING), SCRIPT[-1])])
async def test_phases_never_go_backwards(serve: Serve, way: tuple[Event, ...]) -> None:
    """Whatever way a build takes, no phase of BinderHub's comes again after a later one."""
    phases = [event["phase"] for event in await streamed(await serve(FakeBuilder(way)))][:-1]
    assert phases == sorted(phases, key=["waiting", "fetching", "building", "pushing"].index)


async def test_what_is_there_already_is_told_in_one_event(serve: Serve) -> None:
    """A second request for a commit whose image is there gets ``ready`` and nothing before it."""

    async def resolve(spec: Spec) -> Revision:
        return Revision(spec=spec, commit=BUILT.commit, url="https://e.org", name="r")

    async def present(built: Built) -> bool:
        return True

    service = await serve(sources=Sources(resolve=resolve, present=present))
    assert len(await streamed(service)) > 2
    (event,) = await streamed(service, f"gh/org/repo/main{ONLY}")
    assert (event["phase"], event["imageName"]) == ("ready", BUILT.image) and "Found built image" in event["message"]

"""Promises of the builds API."""

from __future__ import annotations

import asyncio
import gzip
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hubkiln.builds.events import Entered, Log, Phase
from hubkiln.errors import BuildFailed, EngineMissing
from hubkiln.testing.builds import BUILT, FakeBuilder
from hubkiln.testing.hub import FakeAuth
from hubkiln.testing.service import Service
from hubkiln.testing.sse import read
from hubkiln.web.builds import byte_range
from serving import Serve

ORDER = {"spec": "org/repo"}


async def ended(service: Service, order: dict[str, Any] | None = None, token: str = "ada") -> dict[str, Any]:
    """A build, followed to its end."""
    build = (await service.ask("POST", "api/builds", token, json=order or ORDER)).json()
    events = await service.ask("GET", f"api/builds/{build['id']}/events", token)
    last: dict[str, Any] = read(events.text).events[-1]["build"]
    return last


async def test_an_order_is_answered_with_the_build(service: Service) -> None:
    """201 with the record and where it lives."""
    answer = await service.ask("POST", "api/builds", json={"spec": "org/repo", "ref": "dev", "subdir": "a"})
    build = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/services/binder/api/builds/{build['id']}"
    assert build["spec"] == {"provider": "gh", "repository": "org/repo", "ref": "dev", "subdir": "a", "packages": []}
    assert (build["phase"], build["owner"], build["title"]) == ("queued", "ada", "org/repo/a")


async def test_the_same_order_joins(serve: Serve) -> None:
    """200 with the same build, for the same user and for another."""
    service = await serve(FakeBuilder(held=True))
    first = await service.ask("POST", "api/builds", json=ORDER)
    again = await service.ask("POST", "api/builds", json=ORDER)
    other = await service.ask("POST", "api/builds", "grace", json=ORDER)
    assert (again.status_code, other.status_code) == (200, 200)
    assert first.json()["id"] == again.json()["id"] == other.json()["id"]


async def test_a_finished_build_tells_everything(service: Service) -> None:
    """The record of a success has image, key, commit, plan and times."""
    build = await ended(service)
    assert (build["phase"], build["image"], build["environment_key"]) == ("ready", BUILT.image, BUILT.environment_key)
    assert (build["commit"], build["plan"], build["name"]) == (BUILT.commit, "compose", "requirements")
    assert build["why"] and build["started"] and build["finished"] and build["seconds"] and not build["retryable"]


async def test_a_failed_build_says_why(serve: Serve) -> None:
    """Error code, sentence and hint are in the record, and it can be retried."""
    service = await serve(FakeBuilder(raises=BuildFailed("pip said no.", hint="Ask nicely.")))
    build = await ended(service)
    assert build["error"] == {"code": "build_failed", "message": "pip said no.", "hint": "Ask nicely."}
    assert build["retryable"]
    assert (await service.ask("POST", f"api/builds/{build['id']}/retry")).status_code == 201


async def test_what_the_machine_lacks_is_told_as_an_admins_turn(serve: Serve) -> None:
    """Whoever asked can install nothing there; the record says whose turn it is."""
    service = await serve(FakeBuilder(raises=EngineMissing("No git.", hint="Install it with `apt install git`.")))
    build = await ended(service)
    assert build["error"]["hint"] == "An admin's turn: Install it with `apt install git`."


async def test_the_stream_is_numbered_and_ends(service: Service) -> None:
    """Every event has the next number; the last is the record."""
    build = await ended(service)
    answer = await service.ask("GET", f"api/builds/{build['id']}/events")
    streamed = read(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no" and answer.headers["cache-control"] == "no-cache"
    assert answer.text.startswith(":keepalive\n\n")
    assert streamed.ids == [*range(1, len(streamed.ids)), len(streamed.ids) - 1]
    assert [e["phase"] for e in streamed.events if e["type"] == "phase"][-1] == "ready"
    assert {e["type"] for e in streamed.events} == {"phase", "resolved", "log", "planned", "end"}
    assert streamed.events[-1] == {"type": "end", "build": build}


@pytest.mark.parametrize("after", [0, 3, 12, 13, 500])
async def test_a_stream_resumes(service: Service, after: int) -> None:
    """``Last-Event-ID`` continues without gap or repetition, and always tells the end."""
    build = await ended(service)
    url = f"api/builds/{build['id']}/events"
    whole = read((await service.ask("GET", url)).text)
    rest = read((await service.ask("GET", url, headers={"Last-Event-ID": str(after)})).text)
    by_query = read((await service.ask("GET", f"{url}?after={after}")).text)
    assert rest.events == by_query.events == [*whole.events[:-1][after:], whole.events[-1]]


async def test_a_lone_log_event_knows_its_place(serve: Serve) -> None:
    """A log event's offset is where its bytes lie in the log."""
    script = [Entered(Phase.RESOLVING), Log("héllo\n"), Entered(Phase.FETCHING), Log("wörld\n")]
    service = await serve(FakeBuilder([*script, Entered(Phase.PLANNING)], raises=BuildFailed("no")))
    build = await ended(service)
    events = read((await service.ask("GET", f"api/builds/{build['id']}/events")).text).events
    logs = [(e["text"], e["offset"]) for e in events if e["type"] == "log"]
    assert logs == [("héllo\n", 0), ("wörld\n", 7)] and build["log_bytes"] == 14


@pytest.mark.parametrize(("log_from", "logs"), [(0, 2), (6, 2), (7, 1), (8, 1), (14, 0), (99, 0)])
async def test_a_stream_without_the_log_that_was(serve: Serve, log_from: int, logs: int) -> None:
    """Log text that ends before a byte of the log is left out; everything else is told, with its number."""
    script = [Entered(Phase.RESOLVING), Log("héllo\n"), Entered(Phase.FETCHING), Log("wörld\n")]
    service = await serve(FakeBuilder([*script, Entered(Phase.PLANNING)], raises=BuildFailed("no")))
    url = f"api/builds/{(await ended(service))['id']}/events"
    whole = read((await service.ask("GET", url)).text)
    late = read((await service.ask("GET", f"{url}?log_from={log_from}")).text)
    assert [e for e in whole.events if e["type"] != "log"] == [e for e in late.events if e["type"] != "log"]
    assert len([e for e in late.events if e["type"] == "log"]) == logs
    assert late.events[0] == whole.events[0] and set(late.ids) <= set(whole.ids)


async def test_the_log_is_plain_text_with_ranges(service: Service) -> None:
    """Whole, part, tail and beyond the end."""
    build = await ended(service)
    url = f"api/builds/{build['id']}/log"
    whole = await service.ask("GET", url)
    assert whole.headers["content-type"] == "text/plain; charset=utf-8" and b"\x1b[32mnumpy" in whole.content
    part = await service.ask("GET", url, headers={"Range": "bytes=9-13"})
    assert (part.status_code, part.content) == (206, whole.content[9:14])
    assert part.headers["content-range"] == f"bytes 9-13/{len(whole.content)}"
    tail = await service.ask("GET", url, headers={"Range": "bytes=-5"})
    assert tail.content == whole.content[-5:]
    beyond = await service.ask("GET", url, headers={"Range": "bytes=9999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole.content)}")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("bytes=0-", range(10)),
        ("bytes=2-3", range(2, 4)),
        ("bytes=5-99", range(5, 10)),
        ("bytes=-3", range(7, 10)),
        ("bytes=-99", range(10)),
        ("bytes=10-", range(0)),
        ("bytes=-0", range(0)),
        ("bytes=4-2", None),
        ("bytes=-", None),
        ("bytes=1-2,4-5", None),
        ("lines=1-2", None),
    ],
)
def test_byte_ranges(header: str | None, expected: range | None) -> None:
    """RFC 9110's forms of one range; anything else is ignored."""
    found = byte_range(header, 10)
    assert (found is None) == (expected is None) and list(found or ()) == list(expected or ())


async def test_cancelling(serve: Serve) -> None:
    """The only user's cancellation stops the build; a second one is a conflict."""
    service = await serve(FakeBuilder(held=True))
    build = (await service.ask("POST", "api/builds", json=ORDER)).json()
    answer = await service.ask("DELETE", f"api/builds/{build['id']}")
    assert (answer.status_code, answer.json()["phase"]) == (200, "cancelled")
    assert (await service.ask("DELETE", f"api/builds/{build['id']}")).status_code == 409


async def test_leaving_a_build_twice(serve: Serve) -> None:
    """Of a user it is a conflict; an admin, who waits for it no more, stops it for the others."""
    service = await serve(FakeBuilder(held=True))
    for token in ("ada", "grace", "root"):
        build = (await service.ask("POST", "api/builds", token, json=ORDER)).json()
    path = f"api/builds/{build['id']}"
    assert [(await service.ask("DELETE", path)).status_code for _ in range(2)] == [200, 409]
    left = (await service.ask("DELETE", path, "root")).json()
    assert left["phase"] != "cancelled"
    assert (await service.ask("DELETE", path, "root")).json()["phase"] == "cancelled"


async def test_an_admin_stops_other_peoples_builds(serve: Serve) -> None:
    """An admin who did not ask for a build stops it for everybody."""
    service = await serve(FakeBuilder(held=True))
    build = (await service.ask("POST", "api/builds", json=ORDER)).json()
    await service.ask("POST", "api/builds", "grace", json=ORDER)
    assert (await service.ask("DELETE", f"api/builds/{build['id']}", "root")).json()["phase"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events"), ("GET", "/log")],
)
async def test_other_peoples_builds_do_not_exist(service: Service, method: str, path: str) -> None:
    """Whoever did not ask for a build cannot tell it from one that never was."""
    build = await ended(service)
    theirs = await service.ask(method, f"api/builds/{build['id']}{path}", "grace")
    none = await service.ask(method, f"api/builds/nope{path}", "grace")
    assert theirs.status_code == none.status_code == 404 and theirs.json() == none.json()


async def test_lists(service: Service) -> None:
    """A user sees own builds, an admin on demand all."""
    mine = await ended(service)
    theirs = await ended(service, {"spec": "org/other"}, "grace")

    async def listed(path: str, token: str) -> list[str]:
        return [build["id"] for build in (await service.ask("GET", path, token)).json()["builds"]]

    assert await listed("api/builds", "ada") == [mine["id"]]
    assert await listed("api/builds?all=1", "ada") == [mine["id"]]
    assert await listed("api/builds?all=1", "root") == [theirs["id"], mine["id"]]
    assert await listed("api/builds?all=1&limit=1", "root") == [theirs["id"]]


@pytest.mark.parametrize("header", [None, "Bearer nobody", "Basic YWRhOmFkYQ==", "Bearer", "ada"])
async def test_a_token_is_needed(service: Service, header: str | None) -> None:
    """No token, an unknown one or another scheme: 401 that says what is needed."""
    headers = {"Authorization": header} if header else {}
    answer = await service.client.post("/services/binder/api/builds", json=ORDER, headers=headers)
    assert answer.status_code == 401 and answer.json()["error"]["code"] == "unauthenticated"


async def test_both_words_for_a_token_work(service: Service) -> None:
    """``token`` is as good as ``Bearer``, in any case."""
    for word in ("token", "Bearer", "bearer"):
        answer = await service.client.get("/services/binder/api/builds", headers={"Authorization": f"{word} ada"})
        assert answer.status_code == 200


async def test_a_token_without_the_scope_is_refused(service: Service) -> None:
    """403, not 401: logging in again would not help."""
    assert (await service.ask("GET", "api/builds", "narrow")).status_code == 403


async def test_a_hub_that_is_down_is_no_refusal(serve: Serve) -> None:
    """When nobody can be recognised the answer is a 502 to try again."""
    service = await serve(auth=FakeAuth(down=True))
    assert (await service.ask("GET", "api/builds")).status_code == 502


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type: application/json"),
        ({"Content-Type": ""}, "Content-Type: application/json"),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, "without `Content-Encoding`"),
    ],
)
async def test_a_body_in_another_form_is_refused_with_what_to_do(
    service: Service, headers: dict[str, str], hint: str
) -> None:
    """What `curl -d` sends without a header, and what a program packed."""
    content = gzip.compress(b"{}") if "Content-Encoding" in headers else b'{"spec": "org/repo"}'
    answer = await service.ask("POST", "api/builds", content=content, headers=headers)
    assert answer.status_code in (400, 422) and hint in answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"spec": 5},
        {"spec": "nothing"},
        {"spec": "org/repo", "as_of": "yesterday"},
        {"spec": "org/repo", "surprise": True},
        {"spec": "x" * 9000},
        ["org/repo"],
    ],
)
async def test_malformed_orders_are_explained(service: Service, body: object) -> None:
    """A 4xx with one sentence; nothing is built."""
    answer = await service.ask("POST", "api/builds", json=body)
    assert 400 <= answer.status_code < 500 and answer.json()["error"]["message"].endswith(".")
    assert (await service.ask("GET", "api/builds")).json() == {"builds": []}


async def test_large_bodies_are_refused(service: Service) -> None:
    """More than 64 KiB is not read, announced or not."""

    async def pieces() -> Any:
        for _ in range(70):
            yield b"x" * 1024

    announced = await service.ask("POST", "api/builds", content=b"x" * 70_000)
    streamed = await service.ask("POST", "api/builds", content=pieces())
    assert announced.status_code == streamed.status_code == 413
    assert streamed.json()["error"]["code"] == "too_large"


async def test_every_answer_has_a_number_and_safe_headers(service: Service) -> None:
    """Errors too; a number given by the proxy is kept if it is harmless."""
    for path in ("api/builds", "nowhere"):
        answer = await service.ask("GET", path, headers={"X-Request-Id": "abc-1"})
        assert answer.headers["x-request-id"] == "abc-1" and answer.headers["x-content-type-options"] == "nosniff"
    odd = await service.ask("GET", "api/builds", headers={"X-Request-Id": "a b<"})
    assert odd.headers["x-request-id"] != "a b<"


async def test_no_other_site_may_read(service: Service) -> None:
    """The API sends no CORS headers."""
    answer = await service.ask("GET", "api/builds", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


async def test_unknown_paths_and_methods_are_json(service: Service) -> None:
    """404 and 405 in the same form as every error."""
    assert (await service.ask("GET", "nowhere")).json()["error"]["code"] == "not_found"
    assert (await service.ask("PUT", "api/builds")).json()["error"]["code"] == "method_not_allowed"


async def test_health_and_versions_need_no_login(service: Service) -> None:
    """Probes ask below the prefix or without it; HEAD works too."""
    for base in ("/services/binder/", "/"):
        health = await service.client.get(f"{base}health")
        assert (health.status_code, health.json()["ok"]) == (200, True)
        assert all(set(check) >= {"service", "ok"} for check in health.json()["checks"])
        assert (await service.client.head(f"{base}health")).status_code == 200
        versions = await service.client.get(f"{base}versions")
        assert versions.headers["access-control-allow-origin"] == "*"
        assert isinstance(versions.json()["binderhub"], str) and isinstance(versions.json()["builder_info"], dict)


async def test_a_service_that_can_read_and_not_record_is_down(serve: Serve, tmp_path: Path) -> None:
    """As on a full disk, or a PostgreSQL that only reads: nothing can be built, so health says so, and until when."""
    service = await serve(beat_seconds=0.1)
    with closing(sqlite3.connect(tmp_path / "hubkiln.sqlite")) as database:
        for name, status in (("workers", "down"), ("gone", "ok")):
            database.execute(f"ALTER TABLE {name} RENAME TO {'gone' if name == 'workers' else 'workers'}")
            async with asyncio.timeout(30):
                while (told := (await service.client.get("/health")).json())["status"] != status:
                    pass
            assert told["checks"][0]["service"] == "Build records" and told["ok"] is (status == "ok")


async def test_probes_ask_nobody_else(serve: Serve, tmp_path: Path) -> None:
    """A database that is away makes no replica die, and none be taken out of the way; one that stops is."""
    service = await serve()
    with closing(sqlite3.connect(tmp_path / "hubkiln.sqlite")) as database:
        database.execute("ALTER TABLE builds RENAME TO gone")
        asked = [(await service.client.get(path)).status_code for path in ("/health", "/live", "/ready")]
        database.execute("ALTER TABLE gone RENAME TO builds")
    assert asked == [503, 200, 200]
    await service.jobs.stop()
    assert [(await service.client.get(path)).status_code for path in ("/live", "/ready")] == [200, 503]


async def test_the_api_describes_itself(service: Service) -> None:
    """OpenAPI with every route, for whoever writes a client."""
    described = (await service.client.get("/services/binder/api/openapi.json")).json()
    assert "/services/binder/api/builds/{id}/events" in described["paths"]


async def test_a_build_can_be_waited_for_without_a_stream(serve: Serve) -> None:
    """The answer comes with the next phase, or when the time is over; who asks again and again sees the end."""
    service = await serve(builder := FakeBuilder(held=True))
    id = (await service.ask("POST", "api/builds", json=ORDER)).json()["id"]
    await builder.until_started(1)
    assert (await service.ask("GET", f"api/builds/{id}?wait=0.05")).json()["phase"] != "ready"
    builder.release()
    seen = []
    async with asyncio.timeout(20):
        while not seen or seen[-1] != "ready":
            seen.append((await service.ask("GET", f"api/builds/{id}?wait=60")).json()["phase"])
    assert len(seen) <= len(Phase)
    assert (await service.ask("GET", f"api/builds/{id}?wait=61")).status_code == 422


async def test_a_path_forges_no_line_of_the_log(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """It stands there as it was sent, with what was encoded in it."""
    caplog.set_level(logging.INFO, "hubkiln.access")
    await service.ask("GET", "api/builds/x%0AGET%20/admin%20200")
    [line] = [record.getMessage() for record in caplog.records if record.name == "hubkiln.access"]
    assert "\n" not in line and "api/builds/x%0AGET%20/admin%20200" in line


async def test_probes_that_are_answered_leave_the_log_to_others(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    """What a cluster asks every few seconds would drown what people asked; through the proxy it is a person's."""
    caplog.set_level(logging.INFO, "hubkiln.access")
    for path in ("/live", "/ready", "/health", "/metrics"):
        assert (await service.client.get(path)).status_code == 200
    await service.ask("GET", "health")
    [line] = [record.getMessage() for record in caplog.records if record.name == "hubkiln.access"]
    assert "/services/binder/health 200" in line

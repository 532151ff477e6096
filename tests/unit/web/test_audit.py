"""What an audit is told: every change, whoever asked and whatever came of it, and launches in BinderHub's shape."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request

from hubkiln.testing.service import PREFIX, Service, in_memory
from hubkiln.web.app import create_app
from hubkiln.web.audit import FileAudit, NoAudit, audit_to
from hubkiln.web.launch_notes import note_launch
from hubkiln.web.settings import WebSettings

WEB = WebSettings(hold_seconds=0)


def lines(path: Path) -> list[dict[str, Any]]:
    """The events so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


async def test_every_change_is_noted_and_no_look(tmp_path: Path) -> None:
    """Orders, refusals and streams that begin builds, with who asked; nothing of reading, no query, no token."""
    import httpx

    async with in_memory(tmp_path, web=WEB) as service:
        file = tmp_path / "logs" / "audit"
        app = create_app(replace(service.app.state.parts, audit=FileAudit(file)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub.test") as client:
            audited = Service(app, service.jobs, client)
            await audited.ask("GET", "api/builds")
            await audited.ask("GET", "health", None)
            for asked in ({"spec": "a/b"}, {"text": "a/b"}):  # looks, of what is too long for an address
                await audited.ask("POST", "api/forecast" if "spec" in asked else "api/recognised", json=asked)
            assert lines(file) == []
            made = await audited.ask("POST", "api/builds?x=secret", json={"spec": "org/repo"})
            await audited.ask("DELETE", f"api/builds/{made.json()['id']}", "grace")
            await audited.ask("POST", "api/rules", "ada", json={"kind": "user", "pattern": "x"})
            await audited.ask("POST", "api/builds", None, json={"spec": "org/repo"})
            await audited.ask("GET", "build/gh/org/repo/HEAD?build_only=true&token=secret")
        noted = [
            (line["actor"], line["method"], line["path"].removeprefix(PREFIX), line["status"]) for line in lines(file)
        ]
    assert noted == [
        ("ada", "POST", "api/builds", 201),
        ("grace", "DELETE", f"api/builds/{made.json()['id']}", 404),
        ("ada", "POST", "api/rules", 403),
        ("-", "POST", "api/builds", 401),
        ("ada", "GET", "build/gh/org/repo/HEAD", 200),
    ]
    assert {line["__schema__"] for line in lines(file)} == {"urn:hubkiln:change"}
    assert all(datetime.fromisoformat(line["__timestamp__"]).tzinfo == UTC for line in lines(file))
    assert "secret" not in file.read_text() and made.headers["x-request-id"] == lines(file)[0]["request_id"]


async def test_a_launch_has_binderhubs_shape(tmp_path: Path) -> None:
    """Version 6 of ``binderhub.jupyter.org/launch``, as its archive is read; a file moved away is begun anew."""
    file = tmp_path / "audit"
    async with in_memory(tmp_path, web=WEB) as service:
        parts = replace(service.app.state.parts, audit=FileAudit(file))
        answer = await service.ask("POST", "api/builds", json={"spec": "org/repo"})
        await service.ask("GET", f"api/builds/{answer.json()['id']}/events")
        record = await service.jobs.record(answer.json()["id"])
        path = f"{PREFIX}build/gh/org/repo/HEAD"
        scope = {"type": "http", "raw_path": path.encode(), "path": path, "query_string": b"build_token=x"}
        request = Request(scope | {"headers": [(b"origin", b"https://docs.example")]})
        note_launch(request, parts, record, "hub.test", ready=True)
        file.rename(tmp_path / "older")
        note_launch(request, parts, record, "hub.test", ready=False)
    (first,), (second,) = lines(tmp_path / "older"), lines(file)
    expected = {
        "schema": "binderhub.jupyter.org/launch",
        "version": 6,
        "provider": "GitHub",
        "spec": "org/repo/HEAD",
        "ref": record.commit,
        "status": "success",
        "build_token": True,
        "origin": "hub.test",
        "request_origin": "https://docs.example",
    }
    assert {name: first[name] for name in expected} == expected and first["timestamp"].endswith("Z")
    assert second["status"] == "failure"


def test_without_a_file_nothing_is_kept() -> None:
    """The default."""
    assert isinstance(audit_to(""), NoAudit)

"""BinderHub's own JavaScript client, unchanged from npm, against our service."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
from web_process import TOKENS, running

from hubkiln.database.engine import sqlite_url
from hubkiln.testing.hub import FakeHub
from hubkiln.web.binderhub import SAID

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node and npm"),
]

PACKAGE = "@jupyterhub/binderhub-client"

FOLLOW = """
import { BinderRepository } from "@jupyterhub/binderhub-client/client.js";
globalThis.window = globalThis;  // it is made for browsers
globalThis.document = { cookie: "", hidden: false, addEventListener() {}, removeEventListener() {} };
process.on("unhandledRejection", () => {});  // the client throws after every failed event
console.log = () => {};
const [spec, endpoint, apiToken] = process.argv.slice(2);
const repository = new BinderRepository(spec, new URL(endpoint), { apiToken, buildOnly: true });
const events = [];
for await (const event of repository.fetch()) {
  events.push(event);
  if (event.phase === "ready") repository.close();
}
process.stdout.write(JSON.stringify(events), () => process.exit(0));
"""


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the client is installed."""
    import subprocess

    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    (folder / "follow.mjs").write_text(FOLLOW)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"{PACKAGE}@0.5.0"],
        cwd=folder, check=True, capture_output=True, timeout=280,
    )  # fmt: skip
    return folder


@pytest_asyncio.fixture
async def hub() -> AsyncIterator[FakeHub]:
    """A Hub that knows ada."""
    async with FakeHub(TOKENS) as hub:
        yield hub


async def follow(folder: Path, spec: str, url: str, token: str = "ada") -> list[dict[str, Any]]:
    """What the client yields."""
    process = await asyncio.create_subprocess_exec(
        "node", "follow.mjs", spec, f"{url}build/", token, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(200):
        output, _ = await process.communicate()
    events: list[dict[str, Any]] = json.loads(output)
    return events


def fixture_script(folder: Path) -> list[dict[str, Any]]:
    """The client's own recorded build, as what a builder of ours would tell."""
    text = (folder / "node_modules" / PACKAGE / "tests/fixtures/fullbuild.eventsource").read_text()
    recorded = [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
    built = [event for event in recorded if event.get("phase") not in ("waiting", "launching", "built", "ready")]
    script: list[dict[str, Any]] = []
    for phase in ("resolving", "fetching", "planning", "locking", "building"):
        script.append({"type": "phase", "phase": phase})
        if phase in ("fetching", "building"):
            here = [e for e in built if (e.get("phase") == "fetching") == (phase == "fetching")]
            script += [{"type": "log", "text": event["message"]} for event in here]
    return [*script, {"type": "phase", "phase": "verifying"}]


async def test_its_recorded_build_comes_through(node_folder: Path, hub: FakeHub, tmp_path: Path) -> None:
    """Every byte of its 700-line fixture, in order, between our own sentences; then ready."""
    script = fixture_script(node_folder)
    (tmp_path / "script.json").write_text(json.dumps(script))
    url = sqlite_url(tmp_path / "db.sqlite")
    async with running(hub, url, str(tmp_path / "script.json")) as service:
        events = await follow(node_folder, "gh/binder-examples/octave/HEAD", service.url)
    told = "".join(event["message"] for event in events[:-1] if event["message"] not in SAID.values())
    assert told == "".join(event["text"] for event in script if event["type"] == "log")
    assert events[-1]["phase"] == "ready" and events[-1]["imageName"]


async def test_a_failure_shows_our_sentence(node_folder: Path, hub: FakeHub, tmp_path: Path) -> None:
    """The first ``failed`` that the client yields carries our text."""
    script = [{"type": "phase", "phase": "resolving"}, {"type": "phase", "phase": "fetching"}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    url = sqlite_url(tmp_path / "db.sqlite")
    async with running(hub, url, str(tmp_path / "script.json")) as service:
        events = await follow(node_folder, "gh/org/repo/HEAD", service.url)
    failed = next(event for event in events if event["phase"] == "failed")
    assert failed["message"].startswith("Something went wrong in the build service itself.")


async def test_a_refusal_shows_our_sentence(node_folder: Path, hub: FakeHub, tmp_path: Path) -> None:
    """A token nobody knows is refused in words, not by a status that the client cannot show."""
    async with running(hub, sqlite_url(tmp_path / "db.sqlite")) as service:
        events = await follow(node_folder, "gh/org/repo/HEAD", service.url, "mallory")
    assert events[0]["phase"] == "failed" and events[0]["message"].startswith("Forbidden")


@pytest.mark.parametrize("spec", ["gl/ns%2Fsub%2Fproj/main", "git/https%3A%2F%2Fhost%2Fr.git/abc", "gh/o/r/feature/x"])
async def test_its_specs_arrive(node_folder: Path, hub: FakeHub, tmp_path: Path, spec: str) -> None:
    """The client encodes nothing; what it was given is what we build."""
    async with running(hub, sqlite_url(tmp_path / "db.sqlite")) as service:
        events = await follow(node_folder, spec, service.url)
        (build,) = (await service.ask("GET", "api/builds")).json()["builds"]
    assert events[-1]["phase"] == "ready"
    shown = build["spec"]
    assert f"{shown['provider']}/{shown['repository']}/{shown['ref']}" == unquote(spec)

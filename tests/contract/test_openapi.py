"""The API as its own description says: whatever is sent, the service never breaks, and answers as described.

Requests are made up by schemathesis from the OpenAPI document, bounded in number; whoever looks for more raises it:
``HUBKILN_TEST_REQUESTS=200``.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import sampled_from

from hubkiln.testing.service import PREFIX, in_memory
from hubkiln.web.settings import WebSettings

REQUESTS = int(os.environ.get("HUBKILN_TEST_REQUESTS", "4"))
"""For each operation."""

CHECKS = list(HealthCheck)

WEB = WebSettings(hold_seconds=0, keepalive_seconds=0.2, webhook_secret="s", launch="everybody", anonymous_limit=10**6)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application on loopback, in a thread with a loop of its own."""
    folder = tmp_path_factory.mktemp("openapi")
    ready, done = threading.Event(), threading.Event()
    found: list[int] = []

    async def serve() -> None:
        async with in_memory(folder, web=WEB) as service:
            server = uvicorn.Server(uvicorn.Config(service.app, port=0, lifespan="off", log_config=None))
            serving = asyncio.create_task(server.serve())
            while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
                await asyncio.sleep(0.01)
            found.append(server.servers[0].sockets[0].getsockname()[1])
            ready.set()
            await asyncio.to_thread(done.wait)
            server.should_exit = server.force_exit = True
            await serving

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield f"http://127.0.0.1:{found[0]}"
    done.set()
    thread.join(60)


@pytest.mark.slow
def test_nothing_that_is_sent_breaks_the_service(address: str) -> None:
    """For each operation: no answer is 5xx, for an admin, a user and a stranger alike."""
    schemathesis = pytest.importorskip("schemathesis")  # a second of imports, only here
    description = schemathesis.openapi.from_url(f"{address}{PREFIX}api/openapi.json")
    operations = [found.ok() for found in description.get_all_operations()]
    assert len(operations) > 20
    broken: list[str] = []

    for operation in operations:

        @settings(max_examples=REQUESTS, deadline=None, derandomize=True, database=None, suppress_health_check=CHECKS)
        @given(case=operation.as_strategy(), token=sampled_from(["root", "ada", ""]))
        def tried(case: Any, token: str) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {token}"} if token else {}, timeout=60)
            if answer.status_code >= 500:
                broken.append(f"{token} {answer.request.method} {answer.request.url}: {answer.text[:300]}")

        tried()
    assert not broken, "\n".join(broken)

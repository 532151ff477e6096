"""Spans for OpenTelemetry: what a real receiver of OTLP on loopback is told."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hubkiln.cli.service_log import JsonLines
from hubkiln.errors import BuildFailed
from hubkiln.testing.builds import FakeBuilder
from hubkiln.testing.loopback import Loopback
from hubkiln.testing.service import in_memory
from hubkiln.web.tracing import NoTracing, tracing

pytest.importorskip("opentelemetry.sdk")


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.listener = Loopback(self._one)

    async def _one(self, reader: StreamReader, writer: StreamWriter) -> None:
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(line.partition(": ")[2] for line in head.split("\r\n") if line.startswith("content-length"))
        told = ExportTraceServiceRequest.FromString(await reader.readexactly(int(length)))
        self.spans += [span for of in told.resource_spans for scope in of.scope_spans for span in scope.spans]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()

    def named(self, name: str) -> Any:
        """The one span of this name."""
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, [span.name for span in self.spans]
        return found[0]


def values(span: Any) -> dict[str, Any]:
    """A span's attributes."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}


@pytest.fixture
async def collector(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    """It listens, and OpenTelemetry's own variable names it."""
    made = Collector()
    async with made.listener:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{made.listener.host}")
        yield made


async def test_a_build_and_its_phases_and_a_request_are_told(collector: Collector, tmp_path: Path) -> None:
    """Each with its time and end; neither a repository's name nor a user's is in it."""
    async with tracing() as traced, in_memory(tmp_path, tracing=traced) as service:
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        sent = {"json": {"spec": "org/secret-name"}, "headers": {"traceparent": trace}}
        id = (await service.ask("POST", "api/builds", **sent)).json()["id"]
        await service.ask("GET", f"api/builds/{id}/events")
    build, phase = collector.named("build"), collector.named("build fetching")
    assert phase.parent_span_id == build.span_id and phase.end_time_unix_nano <= build.end_time_unix_nano
    assert values(build)["hubkiln.provider"] == "gh"
    request = collector.named("POST /api/builds")
    assert request.trace_id.hex() == trace.split("-")[1] and values(request)["http.response.status_code"] == 201
    said = str([(span.name, values(span)) for span in collector.spans])
    assert "secret-name" not in said and "ada" not in said


async def test_a_build_that_fails_is_one_with_its_code(collector: Collector, tmp_path: Path) -> None:
    """Not with its message, which names what the repository has."""
    failing = FakeBuilder(raises=BuildFailed("its own words"))
    async with tracing() as traced, in_memory(tmp_path, failing, tracing=traced) as service:
        id = (await service.ask("POST", "api/builds", json={"spec": "org/repo"})).json()["id"]
        await service.ask("GET", f"api/builds/{id}/events")
    build = collector.named("build")
    assert values(build)["error.type"] == "build_failed" and build.status.code == 2
    assert "its own words" not in str(collector.spans)


async def test_the_log_names_the_trace(collector: Collector, tmp_path: Path) -> None:
    """So that a line of the log leads to the trace, and back."""
    lines: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        """Formats while the request is under way, as standard error is written."""

        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(JsonLines().format(record)))

    handler, log = Kept(), logging.getLogger("hubkiln.access")
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        async with tracing() as traced, in_memory(tmp_path, tracing=traced) as service:
            await service.ask("GET", "api/builds")
    finally:
        log.removeHandler(handler)
        log.setLevel(before)
    assert lines[-1]["trace_id"] == collector.named("GET /api/builds").trace_id.hex()


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}]
)
async def test_who_asks_for_nothing_gets_nothing(environ: dict[str, str]) -> None:
    """Or switches it off by OpenTelemetry's own variable."""
    async with tracing(environ) as traced:
        assert isinstance(traced, NoTracing)


@pytest.mark.slow
def test_nothing_of_it_is_loaded_when_it_is_off() -> None:
    """The service starts as quickly as without."""
    program = """
import asyncio, os, sys
for name in list(os.environ):
    if name.startswith("OTEL_"):
        del os.environ[name]
import hubkiln.web.serve
from hubkiln.web.tracing import tracing
async def main():
    async with tracing():
        pass
asyncio.run(main())
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

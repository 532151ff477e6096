"""Spans of requests and builds for OpenTelemetry, where its own variables say whom to tell; else nothing is loaded.

A build is a span with one for each phase below it; what a request does happens within a span, whose number stands in
the log. Names and attributes hold neither addresses of repositories nor people.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Protocol

from hubkiln import __version__
from hubkiln.builds import Builder, BuildRequest, Built, Entered, Event, Planned, Tell
from hubkiln.errors import BadSpec, HubkilnError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Values = dict[str, str | int]

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""OpenTelemetry's variables, of which one must be set."""

FLUSH_SECONDS = 5
"""How long the last spans may take to leave when the service stops."""


class Tracing(Protocol):
    """Takes note of what begins and ends."""

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Values]:
        """Around a request; what is put into the values that are yielded is told at its end."""

    def build(self, inner: Builder) -> Builder:
        """`inner`, whose builds are told of."""


class NoTracing:
    """Nobody is told."""

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Values]:
        """See :class:`Tracing`."""
        yield {}

    def build(self, inner: Builder) -> Builder:
        """See :class:`Tracing`."""
        return inner


class OpenTelemetry:
    """Tells by OTLP, over HTTP."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("hubkiln", __version__)

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Values]:
        """See :class:`Tracing`; goes on with the trace that `headers` (``traceparent``) name."""
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        above = TraceContextTextMapPropagator().extract(dict(headers))
        values: Values = {}
        kind = SpanKind.SERVER
        with self._tracer.start_as_current_span(method, above, kind, {"http.request.method": method}) as span:
            yield values
            span.set_attributes(values)
            if "http.route" in values:
                span.update_name(f"{method} {values['http.route']}")
            if int(values.get("http.response.status_code", 0)) >= 500:
                span.set_status(StatusCode.ERROR)

    def build(self, inner: Builder) -> Builder:
        """See :class:`Tracing`."""
        return Traced(inner, self)

    @contextmanager
    def span(self, name: str, values: Values) -> Iterator[Span]:
        """Around what happens now; an error of ours is named by its code alone, which says nothing of anybody."""
        from opentelemetry.trace import StatusCode

        with self._tracer.start_as_current_span(
            name, attributes=values, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                cancelled = isinstance(error, asyncio.CancelledError)
                code = error.code if isinstance(error, HubkilnError) else type(error).__name__
                span.set_attribute("error.type", "cancelled" if cancelled else code)
                if not cancelled:
                    span.set_status(StatusCode.ERROR)
                raise

    def begin(self, name: str) -> Span:
        """A span below the one that is under way, which its caller ends."""
        return self._tracer.start_span(name)


class Traced:
    """Tells of the builds of `inner`, phase by phase."""

    def __init__(self, inner: Builder, tracing: OpenTelemetry) -> None:
        self._inner, self._tracing = inner, tracing

    async def build(self, request: BuildRequest, tell: Tell) -> Built:
        """See :class:`hubkiln.builds.interface.Builder`."""
        phase: Span | None = None

        def both(event: Event) -> None:
            nonlocal phase
            if isinstance(event, Entered):
                if phase is not None:
                    phase.end()
                phase = self._tracing.begin(f"build {event.phase.value}")
            elif isinstance(event, Planned):
                span.set_attribute("hubkiln.plan", event.plan)
            tell(event)

        with self._tracing.span("build", {"hubkiln.provider": request.spec.provider}) as span:
            try:
                built = await self._inner.build(request, both)
                span.set_attribute("hubkiln.reused", built.reused)
                return built
            finally:
                if phase is not None:
                    phase.end()


@asynccontextmanager
async def tracing(environ: Mapping[str, str] = os.environ) -> AsyncIterator[Tracing]:
    """
    What the environment asks for; at the end the last spans are sent.

    Raises:
        BadSpec: it asks for OpenTelemetry, which is not installed.
    """
    off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if off or not any(environ.get(name) for name in ENDPOINTS):
        yield NoTracing()
        return
    provider = _provider(environ)
    try:
        yield OpenTelemetry(provider)
    finally:
        await asyncio.to_thread(provider.force_flush, FLUSH_SECONDS * 1000)
        await asyncio.to_thread(provider.shutdown)


def _provider(environ: Mapping[str, str]) -> TracerProvider:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise BadSpec(
            "OpenTelemetry is asked for, and not installed.", hint='pip install "hubkiln[opentelemetry]"'
        ) from error
    name = environ.get("OTEL_SERVICE_NAME") or "hubkiln"
    provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=FLUSH_SECONDS)))
    return provider

"""Traces, and a collector that takes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from jobs.state.settings import SettingsError
from jobs.telemetry import tracing
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tracing import NoTracer, known_traceparent, open_tracer, trace_id

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Return the URL of a collector and the spans that it is sent."""
    spans: list[Any] = []

    class Collector(BaseHTTPRequestHandler):
        """Takes what is sent."""

        def do_POST(self) -> None:
            """Take it."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sent = ExportTraceServiceRequest.FromString(body)
            spans.extend(span for each in sent.resource_spans for scope in each.scope_spans for span in scope.spans)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", spans
    finally:
        server.shutdown()
        server.server_close()


def test_a_span_continues_the_callers_trace() -> None:
    """The collector is told of a child of the caller's span, with its ids; what is asked of others continues it."""
    with collector() as (url, spans):
        tracer = open_tracer("worker", TelemetrySettings(traces_endpoint=url))
        with tracer.span("attempt compression", CALLER, ids={"job_id": "job_1", "attempt": 2}) as here:
            pass
        tracer.flush()

    (span,) = spans
    assert span.name == "attempt compression"
    assert span.trace_id.hex() == trace_id(CALLER) == trace_id(here)
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"
    assert here == f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01"
    assert {each.key for each in span.attributes} == {"modelpress.job_id", "modelpress.attempt"}


def test_a_span_without_a_caller_begins_a_trace() -> None:
    """Each call that brings no context gets one of its own."""
    with collector() as (url, spans):
        tracer = open_tracer("service", TelemetrySettings(traces_endpoint=url))
        with tracer.span("GET /v1/jobs", None, serves=True) as here:
            pass
        tracer.flush()

    assert known_traceparent(here) == here
    assert not spans[0].parent_span_id


def test_without_a_collector_the_callers_context_is_passed_on() -> None:
    """Nothing is sent, and nothing is lost: the worker of a caller who traces finds the id."""
    tracer = open_tracer("service", TelemetrySettings())

    assert isinstance(tracer, NoTracer)
    with tracer.span("anything", CALLER) as here:
        assert here == CALLER


@pytest.mark.parametrize(
    "text",
    [None, "", "00", CALLER.upper(), f"{CALLER}-more", CALLER.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32)],
)
def test_a_context_that_cannot_be_continued_is_none(text: str | None) -> None:
    """The standard wants a malformed header to be ignored."""
    assert known_traceparent(text) is None
    assert trace_id(text) is None


def test_a_collector_without_the_extra_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who names a collector but has not installed what talks to it is told so, by the names of both."""

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(tracing, "import_module", missing)

    with pytest.raises(SettingsError, match=r"MODELPRESS_TRACES_ENDPOINT .* `tracing`"):
        open_tracer("worker", TelemetrySettings(traces_endpoint="http://127.0.0.1:1/v1/traces"))

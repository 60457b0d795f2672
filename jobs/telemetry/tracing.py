"""Where a call came from and where its time went: W3C Trace Context, kept with the job and continued by its worker.

An id that a caller sends (``traceparent``) is logged and stored in any case. Spans are sent only where the settings
name a collector, by OpenTelemetry, which is an extra.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import MappingProxyType
from typing import Any, Protocol

from jobs.state.settings import SettingsError, environment_name
from jobs.telemetry.settings import TelemetrySettings

_TRACEPARENT = re.compile(r"00-(?P<trace>(?!0{32})[0-9a-f]{32})-(?P<span>(?!0{16})[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})")
"""Source: W3C Trace Context, section 3.2; the one version that there is."""
_FLUSH_MS = 5_000
NO_IDS: Mapping[str, str | int] = MappingProxyType({})


class Tracer(Protocol):
    """Records spans."""

    def span(
        self, name: str, parent: str | None, *, serves: bool = False, ids: Mapping[str, str | int] = NO_IDS
    ) -> Any:
        """Return a block that is one span, and gives the ``traceparent`` of whatever it asks of others.

        Args:
            name: of the span.
            parent: the ``traceparent`` that it continues; None: it begins a trace.
            serves: whether it answers a call.
            ids: what it is about.
        """

    def flush(self) -> None:
        """Send what has not been sent."""


class NoTracer:
    """Passes on what came in."""

    @contextmanager
    def span(
        self, name: str, parent: str | None, *, serves: bool = False, ids: Mapping[str, str | int] = NO_IDS
    ) -> Iterator[str | None]:
        """Give *parent*."""
        yield parent

    def flush(self) -> None:
        """Send nothing."""


class OpenTelemetryTracer:
    """Sends spans to a collector in the background; made after the process has forked, for it starts a thread.

    Args:
        process: what calls itself so: ``service`` or ``worker``.
        endpoint: URL that takes OTLP over HTTP.
    """

    def __init__(self, process: str, endpoint: str) -> None:
        self._api = import_module("opentelemetry.trace")
        sdk, export = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.trace.export")
        resources = import_module("opentelemetry.sdk.resources")
        otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        named = resources.Resource.create({"service.name": f"modelpress-{process}"})
        self._provider = sdk.TracerProvider(resource=named)
        self._provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=endpoint)))
        self._tracer = self._provider.get_tracer("modelpress")

    @contextmanager
    def span(
        self, name: str, parent: str | None, *, serves: bool = False, ids: Mapping[str, str | int] = NO_IDS
    ) -> Iterator[str | None]:
        """Record the block; what it raises is recorded too."""
        kind = self._api.SpanKind.SERVER if serves else self._api.SpanKind.CONSUMER
        told = {f"modelpress.{key}": value for key, value in ids.items()}
        context = self._context(parent)
        with self._tracer.start_as_current_span(name, context=context, kind=kind, attributes=told) as span:
            found = span.get_span_context()
            yield f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"

    def flush(self) -> None:
        """Send what is still here: a forked child ends without saying goodbye."""
        self._provider.force_flush(_FLUSH_MS)

    def _context(self, parent: str | None) -> Any:
        known = _TRACEPARENT.fullmatch(parent or "")
        if known is None:
            return None
        context = self._api.SpanContext(
            trace_id=int(known["trace"], 16),
            span_id=int(known["span"], 16),
            is_remote=True,
            trace_flags=self._api.TraceFlags(int(known["flags"], 16)),
        )
        return self._api.set_span_in_context(self._api.NonRecordingSpan(context))


def open_tracer(process: str, settings: TelemetrySettings) -> Tracer:
    """Return what records the spans of *process*.

    Raises:
        SettingsError: a collector is named, but OpenTelemetry is not installed.
    """
    if not settings.traces_endpoint:
        return NoTracer()
    try:
        return OpenTelemetryTracer(process, settings.traces_endpoint)
    except ImportError as error:
        name = environment_name("traces_endpoint")
        raise SettingsError(f"{name} is set, but OpenTelemetry is not installed: add the extra `tracing`.") from error


def known_traceparent(text: str | None) -> str | None:
    """Return *text* if it can be continued; anything else is as good as none, as the standard wants it."""
    return text if text and _TRACEPARENT.fullmatch(text) else None


def trace_id(traceparent: str | None) -> str | None:
    """Return the id that all spans of a trace share."""
    known = _TRACEPARENT.fullmatch(traceparent or "")
    return known["trace"] if known else None

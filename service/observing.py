"""What is told of every call: a line of the log, a count, and, where a collector is named, a span."""

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

from flask import Flask, Response, g, request

from jobs.telemetry.logs import bind, forget
from jobs.telemetry.tracing import known_traceparent, trace_id
from service import metrics
from service.ports import services

log = logging.getLogger("modelpress.access")
QUIET = {"/livez", "/readyz", "/metrics"}
"""Asked all the time by machines: counted, but logged only when something is wrong."""
_WRONG = 500


@dataclass(frozen=True, slots=True)
class Call:
    """What was called, by which of our routes, and from where."""

    method: str
    route: str | None
    path: str
    address: str | None


def register(app: Flask) -> None:
    """Watch every call of *app*; register this before whatever may refuse one."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def traceparent() -> str | None:
    """Return the trace context that a job continues."""
    return cast(str | None, g.get("traceparent"))


def tell(call: Call, status: int, seconds: float, **ids: str) -> None:
    """Count a call that was answered, and log it with *ids* beside those of its thread."""
    metrics.observe(call.method, call.route, status, seconds)
    level = logging.DEBUG if call.path in QUIET and status < _WRONG else logging.INFO
    told = {
        "method": call.method,
        "path": call.path,
        "status": status,
        "duration_ms": round(seconds * 1000, 1),
        "address": call.address,
    }
    log.log(level, "answered", extra=ids | told)


def _begin() -> None:
    g.began, g.watched = time.monotonic(), ExitStack()
    metrics.IN_PROGRESS.inc()
    came = known_traceparent(request.headers.get("traceparent"))
    name = f"{request.method} {_route() or metrics.UNKNOWN}"
    g.traceparent = g.watched.enter_context(services().tracer.span(name, came, serves=True))
    forget()
    bind(request_id=g.request_id, trace_id=trace_id(g.traceparent))


def _end(response: Response) -> Response:
    call = Call(request.method, _route(), request.path, request.remote_addr)
    tell(call, response.status_code, time.monotonic() - g.began)
    return response


def _forget(_: BaseException | None) -> None:
    metrics.IN_PROGRESS.dec()
    g.watched.close()
    forget()


def _route() -> str | None:
    return request.url_rule.rule if request.url_rule else None

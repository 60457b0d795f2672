"""What is told of every call: a line of the log, a count, and, where a collector is named, a span."""

import logging
import time
from contextlib import ExitStack
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


def register(app: Flask) -> None:
    """Watch every call of *app*; register this before whatever may refuse one."""
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def traceparent() -> str | None:
    """Return the trace context that a job continues."""
    return cast(str | None, g.get("traceparent"))


def name_caller(tenant: str, caller: str) -> None:
    """Have the log lines of this call carry whose it is and what its credential is called."""
    bind(tenant=tenant, caller=caller)


def _begin() -> None:
    g.began, g.watched = time.monotonic(), ExitStack()
    metrics.IN_PROGRESS.inc()
    came = known_traceparent(request.headers.get("traceparent"))
    name = f"{request.method} {_route() or metrics.UNKNOWN}"
    g.traceparent = g.watched.enter_context(services().tracer.span(name, came, serves=True))
    forget()
    bind(request_id=g.request_id, trace_id=trace_id(g.traceparent))


def _end(response: Response) -> Response:
    seconds = time.monotonic() - g.began
    metrics.observe(request.method, _route(), response.status_code, seconds)
    level = logging.DEBUG if request.path in QUIET and response.status_code < _WRONG else logging.INFO
    told = {
        "method": request.method,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": round(seconds * 1000, 1),
        "address": request.remote_addr,
    }
    log.log(level, "answered", extra=told)
    return response


def _forget(_: BaseException | None) -> None:
    metrics.IN_PROGRESS.dec()
    g.watched.close()
    forget()


def _route() -> str | None:
    return request.url_rule.rule if request.url_rule else None

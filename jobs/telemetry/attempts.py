"""What is told of an attempt: its ids on every line of the log, a span, and how it ended."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.contract.errors import ModelPressError
from jobs.contract.state import JobState
from jobs.state.opening import State
from jobs.state.records import Job, Lease
from jobs.telemetry.logs import about
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tally import ATTEMPTS, FAILURES, WORK_SECONDS, Tally
from jobs.telemetry.tracing import open_tracer, trace_id

log = logging.getLogger("modelpress.attempts")
LOST, REPEATED = "lost", "repeated"


@contextmanager
def observed(lease: Lease, state: State) -> Iterator[None]:
    """Return the block of an attempt: its log lines carry its ids, it is one span of the caller's trace, and counts."""
    job, tracer, began = lease.job, open_tracer("worker", TelemetrySettings.from_env()), time.monotonic()
    ids: dict[str, str | int] = {"tenant": job.tenant, "job_id": job.id, "attempt": lease.attempt}
    with tracer.span(f"attempt {job.kind}", job.traceparent, ids=ids) as here, about(trace_id=trace_id(here), **ids):
        log.info("The attempt began.", extra={"kind": job.kind})
        try:
            yield
        finally:
            _count(lease, state, time.monotonic() - began)
    tracer.flush()


def count_attempt(tally: Tally, job: Job, seconds: float, *, number: int) -> None:
    """Count attempt *number* at *job*, as it is after *seconds* of work."""
    outcome = REPEATED if job.state is JobState.QUEUED else job.state.value
    tally.add(ATTEMPTS, job.kind, outcome if job.attempt == number else LOST)
    tally.add(WORK_SECONDS, job.tenant, job.kind, amount=seconds)
    log.info("The attempt ended.", extra={"job_state": job.state.value, "duration_s": round(seconds, 1)})
    if job.state is JobState.FAILED and job.error is not None:
        tally.add(FAILURES, job.error["code"], job.error["stage"] or "")


def _count(lease: Lease, state: State, seconds: float) -> None:
    try:
        job = state.ledger.find(lease.job.id)
    except (ModelPressError, LookupError):
        return  # the ledger is away: there are worse losses than a count
    if job is not None:
        count_attempt(Tally(state.redis), job, seconds, number=lease.attempt)

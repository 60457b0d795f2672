"""Accepting a job, of whatever kind."""

import logging
from collections.abc import Callable
from typing import Any

from flask import Response

from jobs.contract.catalogue import catalogue
from jobs.contract.errors import KeyReusedError, QueueError
from jobs.contract.state import JobKind, JobState
from jobs.state.records import Job as JobRecord
from jobs.state.records import new_id, retry_id
from service.auth import tenant
from service.errors import NotRetryableError, OverloadedError
from service.observing import traceparent
from service.ports import services
from service.schemas.landscapes import landscape_request
from service.schemas.requests import compression_request
from service.schemas.techniques import step_schemas
from service.views.keyed import REPLAYED, once
from service.views.responses import ACCEPTED, accepted

log = logging.getLogger(__name__)

BRANCHES = step_schemas(catalogue())
CompressionRequest = compression_request(catalogue(), BRANCHES)
"""The body of a compression and of its plan."""
LandscapeRequest = landscape_request(catalogue(), BRANCHES)
"""The body of a landscape."""


CREATES = ACCEPTED | REPLAYED
"""The headers of an answer to a request for a job."""


def submitted(kind: JobKind, document: dict[str, Any]) -> Response:
    """Accept a job of *kind* that *document* asks for, announce it, and return 202; once, if the request has a key."""
    fresh = new_id("job")
    return _answered(fresh, document, lambda job_id: _submit_checked(kind, document, job_id, is_new=job_id == fresh))


def retried(source: JobRecord) -> Response:
    """Accept the job that tries *source* again, announce it, and return 202.

    Raises:
        NotRetryableError: it has not ended, or has succeeded.
    """
    return _answered(_retry_id(source), {}, lambda _: retry(source))


def _submit_checked(kind: JobKind, document: dict[str, Any], job_id: str, *, is_new: bool) -> JobRecord:
    """Submit, unless *document* wants somebody to be told whom the tenant does not have."""
    if "webhook" in document:
        services().webhooks.require(tenant(), document["webhook"])
    return submit(kind, document, job_id=job_id, is_new=is_new)


def submit(
    kind: str,
    document: dict[str, Any],
    *,
    job_id: str | None = None,
    is_new: bool = False,
    retry_of: str | None = None,
) -> JobRecord:
    """Accept and announce a job, and return it; the one that there is, if *job_id* was accepted before.

    An id that *is_new* is not looked for, which saves a call to the store.

    Raises:
        OverloadedError: too many wait.
    """
    _check_load()
    job = services().ledger.accept(
        tenant(),
        kind,
        document,
        labels=document.get("labels"),
        job_id=job_id,
        is_new=is_new,
        retry_of=retry_of,
        traceparent=traceparent(),
        admit=services().admission.admit,
    )
    if job.state is JobState.QUEUED:
        _announce(job)
    return job


def retry(source: JobRecord) -> JobRecord:
    """Accept and announce the one job that tries *source* again, and return it; raises as ``retried`` does."""
    return submit(source.kind, source.request, job_id=_retry_id(source), retry_of=source.id)


def _retry_id(source: JobRecord) -> str:
    identifier = retry_id(source)
    if identifier is None:
        raise NotRetryableError(f"Expected a job that ended without a result; {source.id} is {source.state}.")
    return identifier


def _answered(identifier: str, document: Any, make: Callable[[str], JobRecord]) -> Response:
    """Return 202 with the job that *make* accepts, or that an earlier request with the same key did."""
    job, headers = once(identifier, document, find=_made_before, make=make)
    response = accepted(job)
    response.headers.update(headers)
    return response


def _made_before(job_id: str) -> JobRecord | None:
    """Return the job with this id, if it was accepted.

    Raises:
        KeyReusedError: it was, and its time is over: under the same id nothing can be accepted again.
    """
    job = services().ledger.show(tenant(), job_id)
    if job is None and services().ledger.is_gone(tenant(), job_id):
        raise KeyReusedError(
            f"Expected a new Idempotency-Key: {job_id}, which this one made, has ended and is kept no longer."
        )
    return job


def _check_load() -> None:
    most = services().settings.queue_limit_jobs
    try:
        waiting = services().queue.waiting()
    except QueueError:
        return  # nobody knows; the job is accepted, and announced later
    if waiting >= most:
        raise OverloadedError(f"Expected fewer than {most} waiting jobs; there are {waiting}. Try again later.")


def _announce(job: JobRecord) -> None:
    """Tell the workers; a job that cannot be announced is accepted all the same, and the janitor announces it later."""
    try:
        services().queue.enqueue(job)
    except QueueError as error:
        log.warning("%s waits for the janitor: %s", job.id, error)

"""Accepting a job, of whatever kind."""

import logging
from typing import Any

from flask import Response

from jobs.contract.catalogue import catalogue
from jobs.contract.errors import QueueError
from jobs.contract.state import JobKind
from jobs.state.records import Job as JobRecord
from service.auth import tenant
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
    ledger, whose = services().ledger, tenant()
    job, headers = once(
        "job",
        document,
        find=lambda job_id: ledger.show(whose, job_id),
        make=lambda job_id: submit(kind, document, job_id=job_id),
    )
    response = accepted(job)
    response.headers.update(headers)
    return response


def submit(
    kind: JobKind, document: dict[str, Any], *, job_id: str | None = None, retry_of: str | None = None
) -> JobRecord:
    """Accept and announce a job, and return it."""
    labels = document.get("labels")
    job = services().ledger.accept(tenant(), kind, document, labels=labels, job_id=job_id, retry_of=retry_of)
    _announce(job)
    return job


def _announce(job: JobRecord) -> None:
    """Tell the workers; a job that cannot be announced is accepted all the same, and the janitor announces it later."""
    try:
        services().queue.enqueue(job)
    except QueueError as error:
        log.warning("%s waits for the janitor: %s", job.id, error)

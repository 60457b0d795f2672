"""Asking for a compression."""

import logging
from typing import Any

from flask import Response

from jobs.contract.catalogue import catalogue
from jobs.contract.errors import QueueError
from jobs.state.records import Job as JobRecord
from service.api import Blueprint
from service.auth import tenant
from service.ports import services
from service.schemas.answers import Job
from service.schemas.requests import compression_request
from service.views.examples import COMPRESSIONS
from service.views.responses import ACCEPTED, accepted

log = logging.getLogger(__name__)
blueprint = Blueprint("compressions", __name__, url_prefix="/v1/compressions", description="Compress a model")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(compression_request(catalogue()), examples=COMPRESSIONS)
@blueprint.response(202, Job, headers=ACCEPTED)
@blueprint.doc(operationId="createCompression")
def create_compression(document: dict[str, Any]) -> Response:
    """Submit a compression.

    The job is accepted once this answers: it ends exactly once, whatever fails in between.
    """
    job = services().ledger.accept(tenant(), "compression", document, labels=document.get("labels"))
    _announce(job)
    return accepted(job)


def _announce(job: JobRecord) -> None:
    """Tell the workers; a job that cannot be announced is accepted all the same, and the janitor announces it later."""
    try:
        services().queue.enqueue(job.id, job.limits.run_timeout_s)
    except QueueError as error:
        log.warning("%s waits for the janitor: %s", job.id, error)

"""Asking for a compression."""

from typing import Any

from flask import Response

from jobs.contract.catalogue import catalogue
from service.api import Blueprint
from service.auth import tenant
from service.ports import services
from service.schemas.answers import Job
from service.schemas.requests import compression_request
from service.views.answers import ACCEPTED, accepted
from service.views.examples import COMPRESSIONS

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
    services().queue.enqueue(job.id, job.limits.run_timeout_s)
    return accepted(job)

"""Asking for a compression."""

from typing import Any

from flask import Response

from jobs.contract.state import JobKind
from service.api import Blueprint
from service.schemas.answers import Job
from service.views.examples import COMPRESSIONS, JUDGED
from service.views.keyed import IDEMPOTENCY_KEY
from service.views.submitting import CREATES, CompressionRequest, submitted

blueprint = Blueprint("compressions", __name__, url_prefix="/v1/compressions", description="Compress a model")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(CompressionRequest, examples=COMPRESSIONS | JUDGED)
@blueprint.response(202, Job, headers=CREATES)
@blueprint.alt_response(409)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="createCompression")
def create_compression(document: dict[str, Any]) -> Response:
    """Submit a compression.

    The job is accepted once this answers: it ends exactly once, whatever fails in between.
    """
    return submitted(JobKind.COMPRESSION, document)

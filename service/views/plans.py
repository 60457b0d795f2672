"""Asking what a compression would give."""

from typing import Any

from flask import Response

from jobs.contract.state import JobKind
from service.api import Blueprint
from service.schemas.answers import Job
from service.views.examples import PLANS
from service.views.keyed import IDEMPOTENCY_KEY
from service.views.submitting import CREATES, CompressionRequest, submitted

blueprint = Blueprint("plans", __name__, url_prefix="/v1/plans", description="See what a compression would give")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(CompressionRequest, examples=PLANS)
@blueprint.response(202, Job, headers=CREATES)
@blueprint.alt_response(409)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="createPlan")
def create_plan(document: dict[str, Any]) -> Response:
    """Submit a dry run of a compression.

    Takes the very request of a compression. Its report says what would go from where, and the parameters, MACs and
    bytes that would be left; nothing is trained, timed, exported or kept.
    """
    return submitted(JobKind.PLAN, document)

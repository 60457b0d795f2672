"""Asking for a landscape, and looking at it while it fills."""

from typing import Any

from flask import Response

from jobs.contract.state import JobKind
from jobs.state.records import Job as JobRecord
from service.api import Blueprint
from service.auth import tenant
from service.errors import NotFoundError
from service.ports import services
from service.schemas.answers import Job
from service.schemas.reports import LandscapeReport
from service.views.examples import LANDSCAPES
from service.views.keyed import IDEMPOTENCY_KEY
from service.views.responses import job_of
from service.views.submitting import CREATES, LandscapeRequest, submitted

blueprint = Blueprint(
    "landscapes", __name__, url_prefix="/v1/landscapes", description="Compress a model in many ways and compare them"
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(LandscapeRequest, examples=LANDSCAPES)
@blueprint.response(202, Job, headers=CREATES)
@blueprint.alt_response(409)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="createLandscape")
def create_landscape(document: dict[str, Any]) -> Response:
    """Submit a landscape.

    Every point becomes a compression, a job of its own whose `parent` is this one; a point that fails does not cost
    the others. To add points later, submit the landscape again with more of them: what there is already is reused.
    """
    return submitted(JobKind.LANDSCAPE, document)


@blueprint.route("/<job_id>")
@blueprint.response(200, LandscapeReport)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="getLandscape")
def get_landscape(job_id: str) -> dict[str, Any]:
    """Show what a landscape has come to so far.

    The same as its report, with `complete: false` while points are still under way.
    """
    return landscape_of(job_of(job_id))


def landscape_of(job: JobRecord) -> dict[str, Any]:
    """Return what the landscape *job* has come to so far.

    Raises:
        NotFoundError: it is none.
    """
    if job.kind != JobKind.LANDSCAPE:
        raise NotFoundError(f"Expected the id of a landscape; {job.id} is a {job.kind}. GET /v1/jobs/{job.id}/report.")
    return services().ledger.report(tenant(), job.id) or services().landscapes.report(job)

"""The figures of a job that succeeded."""

from typing import Any

from service.api import Blueprint
from service.auth import tenant
from service.ports import services
from service.schemas.reports import AnyReport
from service.views.responses import job_of, result

blueprint = Blueprint("reports", __name__, url_prefix="/v1/jobs", description="What a job achieved")


@blueprint.route("/<job_id>/report")
@blueprint.response(200, AnyReport)
@blueprint.alt_response(409)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="getReport")
def get_report(job_id: str) -> dict[str, Any]:
    """Show the report of a job that succeeded.

    Of a compression it says what was achieved, of a plan what would be, of a profile what was measured, and of a
    landscape how its points compare.
    404 `report_not_ready` until the job has ended, 409 `no_result` when it ended otherwise.
    """
    return result(job_of(job_id), services().ledger.report(tenant(), job_id))

"""The files that a job has written."""

from typing import Any

from flask import Response

from service.api import Blueprint
from service.auth import tenant
from service.ports import services
from service.schemas.answers import Manifest
from service.views.responses import job_of, redirected, result

blueprint = Blueprint("artifacts", __name__, url_prefix="/v1/jobs", description="The files that a job has written")
REDIRECT = {"Location": {"schema": {"type": "string"}, "description": "Presigned; a secret while it lasts"}}


@blueprint.route("/<job_id>/artifacts")
@blueprint.response(200, Manifest)
@blueprint.alt_response(409)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="getManifest")
def get_manifest(job_id: str) -> dict[str, Any]:
    """List the files of the artifact with their hashes; a plan has none.

    404 `report_not_ready` until the job has ended, 409 `no_result` when it ended otherwise.
    """
    return result(job_of(job_id), services().ledger.manifest(tenant(), job_id))


@blueprint.route("/<job_id>/artifacts/<path:path>")
@blueprint.response(307, description="Where the file can be downloaded for a while", headers=REDIRECT)
@blueprint.alt_response(409)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="getArtifact")
def get_artifact(job_id: str, path: str) -> Response:
    """Download a file of the artifact.

    Only paths that the manifest names are there.
    """
    return redirected(job_id, path)

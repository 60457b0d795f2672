"""Asking for the figures of a model as it is."""

from typing import Any

from flask import Response

from jobs.contract.state import JobKind
from service.api import Blueprint
from service.schemas.answers import Job
from service.schemas.requests import ProfileRequest
from service.views.examples import PROFILES
from service.views.keyed import IDEMPOTENCY_KEY
from service.views.submitting import CREATES, submitted

blueprint = Blueprint("profiles", __name__, url_prefix="/v1/profiles", description="Measure a model as it is")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(ProfileRequest, examples=PROFILES)
@blueprint.response(202, Job, headers=CREATES)
@blueprint.alt_response(409)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="createProfile")
def create_profile(document: dict[str, Any]) -> Response:
    """Submit the measurement of a model.

    Its report has the parameters, MACs, memory and wall-clock of the model and of each of its modules.
    """
    return submitted(JobKind.PROFILE, document)

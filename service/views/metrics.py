"""What Prometheus scrapes; open only to who has the token, because it names tenants."""

import hmac

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST

from service.errors import NotFoundError, UnauthorizedError
from service.metrics import exposition
from service.ports import services

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Show all metrics.

    Raises:
        NotFoundError: no token is set, so that nobody may see them.
        UnauthorizedError: the token is missing or wrong.
    """
    token = services().settings.metrics_token
    if not token:
        raise NotFoundError("Metrics are shown once MODELPRESS_METRICS_TOKEN is set, to who sends it as bearer token.")
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode()):
        raise UnauthorizedError("Expected the token of the metrics; send Authorization: Bearer <token>.")
    return Response(exposition(services().tally), content_type=CONTENT_TYPE_LATEST)

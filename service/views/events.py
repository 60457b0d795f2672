"""What happened to a job."""

from typing import Any

from service.api import Blueprint
from service.ports import services
from service.schemas.answers import EventPage
from service.schemas.requests import EventsQuery
from service.views.responses import job_of

blueprint = Blueprint("events", __name__, url_prefix="/v1/jobs", description="What happened to a job")


@blueprint.route("/<job_id>/events")
@blueprint.arguments(EventsQuery, location="query")
@blueprint.response(200, EventPage)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="listEvents")
def list_events(query: dict[str, Any], job_id: str) -> dict[str, Any]:
    """List what happened to a job, oldest first."""
    after, limit = query.get("after", ""), query["limit"]
    events = services().events.page(job_of(job_id).id, after=after, limit=limit + 1)
    page = events[:limit]
    return {"data": page, "next_after": page[-1]["id"] if page else after or None, "has_more": len(events) > limit}

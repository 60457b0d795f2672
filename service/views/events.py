"""What happened to a job: page by page, or as it happens."""

import re
from typing import Any

from flask import Response, jsonify, request

from jobs.contract.errors import InvalidRequestError
from service.api import Blueprint
from service.auth import tenant
from service.errors import EventsGoneError, FieldError, InvalidFieldsError
from service.ports import services
from service.schemas.answers import EventPage, Job
from service.schemas.requests import EVENT_ID, EventsQuery
from service.streaming import EVENT_STREAM
from service.views.responses import job_of

LAST_SEEN = "Last-Event-ID"
blueprint = Blueprint("events", __name__, url_prefix="/v1/jobs", description="What happened to a job")
STREAM = {"type": "string", "description": "Each event with `id`, `event` (its type) and `data` (as in a page)"}


@blueprint.route("/<job_id>/events")
@blueprint.arguments(EventsQuery, location="query")
@blueprint.response(200, EventPage)
@blueprint.alt_response(200, schema=STREAM, content_type=EVENT_STREAM)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.alt_response(429)
@blueprint.reads_header(
    {
        "name": LAST_SEEN,
        "schema": {"type": "string", "pattern": f"^{EVENT_ID}$"},
        "description": "The id of the last event seen; instead of `after`, as browsers send it",
    }
)
@blueprint.doc(operationId="listEvents")
def list_events(query: dict[str, Any], job_id: str) -> Response:
    """List what happened to a job, oldest first; with `Accept: text/event-stream`, go on while it happens.

    No id is given twice and none changes, also where the service had to put the story together again. In a stream,
    `reset` says that some events after the last one are no longer kept, and `end` that all is told: its data is the
    job. Where the stream ends without it, open another after the last id.
    """
    after, job = _last_seen() or query.get("after", ""), job_of(job_id)
    if request.accept_mimetypes.best_match(["application/json", EVENT_STREAM]) == EVENT_STREAM:
        return _stream(job.id, after)
    return jsonify(EventPage().dump(_page(job.id, after, query["limit"])))


def _page(job_id: str, after: str, limit: int) -> dict[str, Any]:
    if services().events.is_gone(job_id, after):
        raise EventsGoneError(f"Events that followed {after} are no longer kept; read on without after.")
    events = services().events.page(job_id, after=after, limit=limit + 1)
    page = events[:limit]
    return {"data": page, "next_after": page[-1]["id"] if page else after or None, "has_more": len(events) > limit}


def _stream(job_id: str, after: str) -> Response:
    ledger, whose = services().ledger, tenant()

    def show() -> dict[str, Any] | None:
        job = ledger.show(whose, job_id)
        return Job().dump(job.to_resource()) if job else None

    stream = services().streams.open(whose, job_id, after, show)
    response = Response(stream.frames, mimetype=EVENT_STREAM)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"  # proxies that know it hand each event on at once
    response.call_on_close(stream.close)
    return response


def _last_seen() -> str:
    """Return the last event that the caller has seen, where a header says so.

    Raises:
        InvalidFieldsError: it is no event's id.
    """
    text = request.headers.get(LAST_SEEN, "")
    if LAST_SEEN in request.headers and re.fullmatch(EVENT_ID, text) is None:
        said = f"Expected the id of an event; got {text[:64]!r}."
        raise InvalidFieldsError([FieldError(said, "parameter", LAST_SEEN, InvalidRequestError.code)])
    return text

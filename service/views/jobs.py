"""Jobs: show, list, cancel, retry."""

from typing import Any

from flask import Response, request

from jobs.contract.state import JobKind, JobState
from jobs.state.records import Job as JobRecord
from service.api import Blueprint
from service.auth import tenant
from service.ports import services
from service.schemas.answers import Job, JobPage
from service.schemas.requests import JobQuery, JobsQuery
from service.views.keyed import IDEMPOTENCY_KEY
from service.views.responses import CONDITIONAL, IF_NONE_MATCH, RETRY_AFTER, found, job_of, job_response, unless_known
from service.views.submitting import CREATES, retried

blueprint = Blueprint("jobs", __name__, url_prefix="/v1/jobs", description="Follow what was asked for")


@blueprint.route("")
@blueprint.arguments(JobsQuery, location="query")
@blueprint.response(200, JobPage)
@blueprint.doc(operationId="listJobs")
def list_jobs(query: dict[str, Any]) -> dict[str, Any]:
    """List jobs, newest first.

    Where few jobs fit, a page may hold less than `limit`, even nothing, and still have a next one.
    """
    state = JobState(query.pop("state")) if "state" in query else None
    page = services().ledger.page(tenant(), state=state, **query)
    jobs = [job.to_resource() for job in page.jobs]
    return {"data": jobs, "next_cursor": page.next_cursor, "has_more": page.next_cursor is not None}


@blueprint.route("/<job_id>")
@blueprint.arguments(JobQuery, location="query")
@blueprint.response(200, Job, headers=CONDITIONAL)
@blueprint.alt_response(304, description="The job is as If-None-Match says", headers=CONDITIONAL)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.reads_header(IF_NONE_MATCH)
@blueprint.doc(operationId="getJob")
def get_job(query: dict[str, Any], job_id: str) -> Response:
    """Show a job.

    With `wait` the answer comes when the job ends or, given If-None-Match, when it changes.
    """
    return unless_known(services().long_polls.watch(lambda: job_response(job_of(job_id)), _is_news, query["wait"]))


@blueprint.route("/<job_id>/cancel", methods=["POST"])
@blueprint.response(202, Job, headers=RETRY_AFTER)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.doc(operationId="cancelJob")
def cancel_job(job_id: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Cancel a job.

    Asking twice is asking once, and a job that has ended stays as it is. With a landscape go the points that it alone
    has asked for.
    """
    job = cancelled(job_id)
    return job.to_resource(), 202, {} if job.state.terminal else {"Retry-After": str(services().settings.poll_after_s)}


@blueprint.route("/<job_id>/retry", methods=["POST"])
@blueprint.response(202, Job, headers=CREATES)
@blueprint.alt_response(404)
@blueprint.alt_response(410)
@blueprint.alt_response(409)
@blueprint.alt_response(422)
@blueprint.reads_header(IDEMPOTENCY_KEY)
@blueprint.doc(operationId="retryJob")
def retry_job(job_id: str) -> Response:
    """Try a job again that ended without a result.

    The same request becomes a new job, whose `retry_of` is this one. There is one for each job: asking again shows it.
    409 `not_retryable` while the job goes on, and when it has succeeded.
    """
    return retried(job_of(job_id))


def cancelled(job_id: str) -> JobRecord:
    """Return the caller's job after they have changed their mind."""
    job = found(services().ledger.request_cancel(tenant(), job_id) or job_of(job_id), job_id)
    if job.kind == JobKind.LANDSCAPE:
        services().landscapes.cancel_points(job)
    return job


def _is_news(response: Response) -> bool:
    """Return whether the job has ended or is not as the caller knows it."""
    known = request.if_none_match
    return "Retry-After" not in response.headers or (
        bool(known) and not known.contains_weak(response.get_etag()[0] or "")
    )

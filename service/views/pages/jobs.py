"""Jobs: the list, the page of one, its files, stopping it and trying it again."""

from flask import Response, request

from jobs.contract.state import JobKind, JobState
from service.auth import tenant
from service.pages import jobs as shown
from service.pages import reports
from service.parsing import checked
from service.ports import services
from service.rendering import live_page
from service.schemas.requests import JobsQuery
from service.views.jobs import cancelled
from service.views.pages.guard import PrivatePages, see
from service.views.responses import job_of, redirected
from service.views.submitting import retry

blueprint = PrivatePages("job_pages", __name__)
LATEST = 100


@blueprint.get("/")
def show_jobs() -> Response:
    """Return the list, newest first."""
    given = {name: text for name, text in request.args.items() if text}
    query = checked(JobsQuery, given, "query")
    state = JobState(query.pop("state")) if "state" in query else None
    listed = services().ledger.page(tenant(), state=state, **query)
    view = shown.list_of(listed.jobs, given, listed.next_cursor)
    return live_page("jobs.html", view=view, states=JobState, kinds=JobKind, every=services().settings.poll_after_s)


@blueprint.get("/jobs/<job_id>")
def show_job(job_id: str) -> Response:
    """Return the page of one job."""
    job, ledger = job_of(job_id), services().ledger
    report, files = reports.page_of(ledger.report(tenant(), job_id)), shown.files_of(ledger.manifest(tenant(), job_id))
    told = {"events": shown.events_of(services().events.latest(job_id, limit=LATEST)), "report": report, "files": files}
    return live_page("job.html", view=shown.page_of(job), every=services().settings.poll_after_s, **told)


@blueprint.get("/jobs/<job_id>/files/<path:path>")
def download(job_id: str, path: str) -> Response:
    """Return where a file of the artifact can be had for a while."""
    return redirected(job_id, path)


@blueprint.post("/jobs/<job_id>/cancel")
def cancel(job_id: str) -> Response:
    """Stop a job, and show it."""
    cancelled(job_id)
    return see(f"/jobs/{job_id}")


@blueprint.post("/jobs/<job_id>/retry")
def try_again(job_id: str) -> Response:
    """Submit a job again, and show the new one."""
    return see(f"/jobs/{retry(job_of(job_id)).id}")

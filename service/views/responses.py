"""How jobs are answered: links, what to do next, and when nothing has changed."""

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any

from flask import Response, request

from jobs.state.records import Job as JobRecord
from service.auth import tenant
from service.errors import GoneError, NoResultError, NotFoundError, ReportNotReadyError
from service.parsing import JSON
from service.ports import services

Json = dict[str, Any]
COMPACT = (",", ":")


def _documented(about: str, kind: str = "string") -> Json:
    return {"schema": {"type": kind}, "description": about}


RETRY_AFTER = {"Retry-After": _documented("When to ask again [s]; only while the job has not ended", "integer")}
ACCEPTED = {"Location": _documented("Where the job is"), **RETRY_AFTER}
CONDITIONAL = {"ETag": _documented("Changes whenever the job does"), **RETRY_AFTER}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The ETag of an earlier answer: nothing is sent again while it holds",
}


def found(job: JobRecord | None, job_id: str) -> JobRecord:
    """Return *job*.

    Raises:
        NotFoundError: there is none with this id, or it is somebody else's.
        GoneError: its time is over.
    """
    if job is None:
        if services().ledger.is_gone(tenant(), job_id):
            raise GoneError(f"{job_id} was deleted, with all that it made, when its expires_at had passed.")
        raise NotFoundError(f"Expected the id of one of your jobs; got {job_id[:64]!r}.")
    return job


def job_of(job_id: str) -> JobRecord:
    """Return the caller's job, or raise as ``found`` does."""
    return found(services().ledger.show(tenant(), job_id), job_id)


def accepted(job: JobRecord) -> Response:
    """Return 202: the job, where it is and when to look."""
    response = job_response(job)
    response.status_code = 202
    response.headers["Location"] = job.to_resource()["links"]["self"]
    return response


def job_response(job: JobRecord) -> Response:
    """Return the job as ``answer_of`` has it."""
    body, headers = answer_of(job, services().settings.poll_after_s)
    return Response(body, headers=headers)


def answer_of(job: JobRecord, poll_after_s: int) -> tuple[bytes, dict[str, str]]:
    """Return the job as JSON, and headers with its ETag and, until it ends, when to ask again."""
    body = json.dumps(job.to_resource(), separators=COMPACT).encode()
    headers = {"Content-Type": JSON, "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
    return body, headers if job.state.terminal else headers | {"Retry-After": str(poll_after_s)}


def unless_known(response: Response) -> Response:
    """Return *response*, or 304 with the same headers when the caller has it already (compared weakly)."""
    etag, _ = response.get_etag()
    if not request.if_none_match.contains_weak(etag or ""):
        return response
    unchanged = Response(status=304)
    for name in ("ETag", "Retry-After"):
        if name in response.headers:
            unchanged.headers[name] = response.headers[name]
    return unchanged


def redirected(job_id: str, path: str) -> Response:
    """Return 307 to where a file of the artifact can be downloaded for a while.

    Raises:
        NotFoundError: the manifest names no such file, or there is no such job.
    """
    key = services().ledger.artifact_key(tenant(), job_id, path)
    if key is None:
        manifest = result(job_of(job_id), services().ledger.manifest(tenant(), job_id))
        names = ", ".join(each["path"] for each in manifest["files"])
        raise NotFoundError(f"Expected a file of the manifest ({names}); got {path[:128]!r}.")
    url = services().link(key, filename=PurePosixPath(path).name)
    return Response(status=307, headers={"Location": url, "Cache-Control": "no-store"})


def result(job: JobRecord, document: Json | None) -> Json:
    """Return the *document* that the job has published.

    Raises:
        ReportNotReadyError: it has not ended yet.
        NoResultError: it ended without one.
    """
    if document is not None:
        return document
    if not job.state.terminal:
        raise ReportNotReadyError(f"The job is {job.state}; its result can be read once it has succeeded.")
    raise NoResultError(f"The job is {job.state} and has no result; its error says why.")

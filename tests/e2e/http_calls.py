"""The API over real HTTP, as a careful caller without the client would speak it."""

import time
from typing import Any

import httpx

from deploy.embedded.stack import MODELS_BUCKET

Json = dict[str, Any]
PATIENCE_S = 200.0
PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance", "code", "request_id", "retryable", "errors"}
QUICK: Json = {"inputs": [{"kind": "text", "tokens": 8}], "repeats": 1}
"""As little measuring as may be asked for."""

HEADS: Json = {"technique": "head_pruning", "heads_removed": 0.5}
GOOD: Json = {"model": {"uri": f"s3://{MODELS_BUCKET}/dense/bert"}, "steps": [HEADS], "profile": QUICK}
"""A request that succeeds, once the fixture ``model_uris`` has put the model there."""


def step(technique: str, **params: Any) -> Json:
    """Return the part of a request that asks for one step."""
    return {"steps": [{"technique": technique, **params}]}


def accepted(api: httpx.Client, request: Json) -> Json:
    """Return the job that the service makes of *request*."""
    answer = api.post("/v1/compressions", json=request)

    assert answer.status_code == 202, answer.text
    job: Json = answer.json()
    assert answer.headers["Location"] == job["links"]["self"]
    return job


def ended(api: httpx.Client, job_id: str) -> Json:
    """Return the job once it has ended."""
    return waited(api, job_id, lambda job: job["terminal"])


def waited(api: httpx.Client, job_id: str, condition: Any) -> Json:
    """Return the job once *condition* holds of it."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job: Json = api.get(f"/v1/jobs/{job_id}").json()
        if condition(job):
            return job
        assert not job["terminal"], f"{job_id} ended too early: {job}"
        assert time.monotonic() < deadline, f"{job_id} is still {job['state']}: {job}"
        time.sleep(0.1)


def problem(answer: httpx.Response, status: int, code: str) -> Json:
    """Return the problem document that *answer* must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    said: Json = answer.json()
    assert set(said) == PROBLEM_FIELDS
    assert (said["status"], said["code"]) == (status, code)
    assert said["type"] == f"/docs/errors#{code}"
    assert said["request_id"] == answer.headers["X-Request-Id"]
    assert said["instance"] == answer.request.url.path
    return said


def events(api: httpx.Client, job_id: str) -> list[Json]:
    """Return every event of the job, read in small pages."""
    found: list[Json] = []
    page: Json = {"has_more": True, "next_after": None}
    while page["has_more"]:
        after = {"after": page["next_after"]} if page["next_after"] else {}
        page = api.get(f"/v1/jobs/{job_id}/events", params={"limit": 7, **after}).json()
        found += page["data"]
    return found

"""Two tenants of one service: what belongs to one is not there for the other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from http_calls import GOOD, HEADS, Json, accepted, ended, problem
from modelpress import ModelPress

CONTRACT: Json = yaml.safe_load((Path(__file__).parents[2] / "openapi.yaml").read_text())
OPERATIONS = {
    said["operationId"]: (method.upper(), path)
    for path, item in CONTRACT["paths"].items()
    for method, said in item.items()
    if method != "parameters"
}
"""Every operation of the contract: its method and path."""
NO_JOB, NO_UPLOAD = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV", "upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"
COMPLETION = {"json": {"files": [{"path": "sentences.txt", "parts": [{"number": 1, "etag": "x"}]}]}}

ON_ANOTHERS: Mapping[str, list[Json]] = {
    "getJob": [{}, {"params": {"wait": 1}}],
    "cancelJob": [{}],
    "retryJob": [{}, {"headers": {"Idempotency-Key": "theirs"}}],
    "getLandscape": [{}],
    "listEvents": [{}],
    "getReport": [{}],
    "getManifest": [{}],
    "getArtifact": [{}],
    "getUpload": [{}],
    "completeUpload": [COMPLETION],
    "getWebhook": [{}],
    "changeWebhook": [{"json": {"enabled": False}}],
    "deleteWebhook": [{}],
    "rotateWebhook": [{}],
    "testWebhook": [{}],
    "listDeliveries": [{}],
    "redeliver": [{}],
}
"""Operations on one thing, and what is sent along: for another tenant's thing all answer as for one that never was."""

OTHERWISE = {
    "listJobs": "test_anothers_jobs_are_not_listed",
    "createCompression": "test_anothers_files_are_no_source",
    "createPlan": "test_anothers_files_are_no_source",
    "createProfile": "test_anothers_files_are_no_source",
    "createLandscape": "test_anothers_files_are_no_source",
    "createUpload": "test_an_upload_is_its_tenants",
    "createWebhook": "test_a_webhook_is_its_tenants",
    "listWebhooks": "test_a_webhook_is_its_tenants",
}
"""Operations on everything that a tenant has, or on something new: the test that tries each."""

ALIKE = {"listTechniques", "getTechnique", "getLiveness", "getReadiness"}
"""Operations that know of no tenant."""

NO_WEBHOOK, NO_DELIVERY = "wh_01ARZ3NDEKTSV4RRFFQ69G5FAV", "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"
THINGS = {
    "job_id": NO_JOB,
    "upload_id": NO_UPLOAD,
    "webhook_id": NO_WEBHOOK,
    "delivery_id": NO_DELIVERY,
    "path": "config.json",
}
"""What stands in a path, made up."""


@pytest.fixture(scope="module")
def job(api: httpx.Client, model_uris: Mapping[str, str]) -> Json:
    """Return a job of the first tenant that succeeded."""
    return ended(api, accepted(api, GOOD | {"labels": {"secret": "name"}})["id"])


@pytest.fixture(scope="module")
def upload(press: ModelPress, data_folders: Mapping[str, Path]) -> str:
    """Return the id of a complete upload of the first tenant."""
    return press.upload(data_folders["bert"]).removeprefix("upload://")


@pytest.fixture(scope="module")
def webhook(api: httpx.Client) -> Iterator[dict[str, str]]:
    """Return the ids of a webhook endpoint of the first tenant and of a delivery there."""
    made = api.post("/v1/webhooks", json={"url": "https://hooks.example.com/", "events": []}).json()["id"]
    delivery = api.post(f"/v1/webhooks/{made}/test").json()["id"]
    yield {"webhook_id": made, "delivery_id": delivery}
    api.delete(f"/v1/webhooks/{made}")


@pytest.fixture(scope="module")
def theirs(job: Json, upload: str, webhook: dict[str, str]) -> dict[str, str]:
    """Return the ids of what the first tenant has, as they stand in paths."""
    return {"job_id": job["id"], "upload_id": upload, **webhook}


def test_every_operation_is_tried() -> None:
    """An operation that the contract has and no test here tries as a stranger fails this one."""
    assert set(ON_ANOTHERS) | set(OTHERWISE) | ALIKE == set(OPERATIONS)
    assert {name for name, (_, path) in OPERATIONS.items() if "_id}" in path} == set(ON_ANOTHERS)
    assert set(OTHERWISE.values()) <= set(globals())


@pytest.mark.parametrize(
    ("operation", "sent"), [(name, sent) for name, variants in ON_ANOTHERS.items() for sent in variants]
)
def test_anothers_thing_is_not_there(
    stranger: httpx.Client, theirs: dict[str, str], operation: str, sent: dict[str, Any]
) -> None:
    """What belongs to another tenant is answered exactly as what never was."""
    method, path = OPERATIONS[operation]
    said = [
        _said(stranger.request(method, path.format(**things), **sent), things) for things in (THINGS | theirs, THINGS)
    ]

    assert said[0] == said[1]


def _said(answer: httpx.Response, things: Mapping[str, str]) -> Json:
    """Return what is said of one of *things*, with what is particular to the request taken out."""
    said = problem(answer, 404, "not_found")
    for thing in (things[name] for name in things if name != "path"):
        said = {name: text.replace(thing, "…") if isinstance(text, str) else text for name, text in said.items()}
    return said | {"request_id": "…"}


def test_anothers_jobs_are_not_listed(stranger: httpx.Client, job: Json) -> None:
    """No filter shows another tenant's jobs, and its cursor leads nowhere."""
    for query in ({}, {"state": "succeeded"}, {"label": "secret"}, {"label": "secret=name"}, {"cursor": job["id"]}):
        page = stranger.get("/v1/jobs", params={**query, "limit": 100}).json()
        assert job["id"] not in {each["id"] for each in page["data"]}


def test_a_job_is_unharmed_by_strangers(api: httpx.Client, stranger: httpx.Client, job: Json) -> None:
    """After a stranger tried to cancel it, the job is as it was for its owner."""
    stranger.post(f"/v1/jobs/{job['id']}/cancel")

    assert api.get(f"/v1/jobs/{job['id']}").json() == job
    assert api.get(f"/v1/jobs/{job['id']}/report").status_code == 200


def _asks(kind: str, model: str) -> Json:
    """Return a request of *kind* for the model at *model*."""
    if kind == "landscapes":
        return {"model": {"uri": model}, "points": [{"name": "half", "steps": [HEADS]}]}
    return {"model": {"uri": model}} | ({} if kind == "profiles" else {"steps": [HEADS]})


def _failed(client: httpx.Client, kind: str, model: str) -> Json:
    """Return why the job that asks for *model* failed; of a landscape, why its point did."""
    job = ended(client, client.post(f"/v1/{kind}", json=_asks(kind, model)).json()["id"])
    if kind == "landscapes":
        points = client.get(f"/v1/landscapes/{job['id']}").json()["points"]
        return next(dict(each["error"]) for each in points if each["error"])
    return dict(job["error"])


@pytest.mark.parametrize("kind", ["compressions", "plans", "profiles", "landscapes"])
def test_anothers_files_are_no_source(stranger: httpx.Client, job: Json, upload: str, kind: str) -> None:
    """Another's upload is one that never was, and the bucket that holds every tenant's results is no source."""
    error, missing = (_failed(stranger, kind, f"upload://{each}") for each in (upload, NO_UPLOAD))
    prefix = f"s3://modelpress/tenants/local/jobs/{job['id']}/attempts/1/files"

    assert error["code"] == missing["code"] == "model_not_found"
    assert error["message"].replace(upload, "…") == missing["message"].replace(NO_UPLOAD, "…")
    assert _failed(stranger, kind, prefix)["code"] == "invalid_uri"


def test_an_upload_is_its_tenants(stranger: httpx.Client, api: httpx.Client) -> None:
    """An upload that a stranger begins is there for them, its files go below their prefix, and others see nothing."""
    begun = stranger.post("/v1/uploads", json={"files": [{"path": "a.txt", "bytes": 1}]}).json()
    url = begun["files"][0]["parts"][0]["url"]

    assert f"/modelpress/tenants/stranger/uploads/{begun['id']}/files/a.txt?" in url
    assert stranger.get(f"/v1/uploads/{begun['id']}").status_code == 200
    problem(api.get(f"/v1/uploads/{begun['id']}"), 404, "not_found")


def test_a_webhook_is_its_tenants(stranger: httpx.Client, api: httpx.Client, webhook: dict[str, str]) -> None:
    """A stranger lists their own endpoints alone, and no job of theirs tells another's."""
    made = stranger.post("/v1/webhooks", json={"url": "https://hooks.example.com/"}).json()["id"]
    listed = [each["id"] for each in stranger.get("/v1/webhooks").json()["data"]]
    refused = stranger.post("/v1/compressions", json=GOOD | {"webhook": webhook["webhook_id"]})
    stranger.delete(f"/v1/webhooks/{made}")

    assert listed == [made]
    problem(refused, 409, "webhook_conflict")
    assert api.get(f"/v1/webhooks/{webhook['webhook_id']}").status_code == 200

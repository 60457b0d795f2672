"""Two tenants of one service: what belongs to one is not there for the other."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
from http_calls import GOOD, Json, accepted, ended, problem
from modelpress import ModelPress

NO_JOB, NO_UPLOAD = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV", "upl_01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.fixture(scope="module")
def job(api: httpx.Client, model_uris: Mapping[str, str]) -> Json:
    """Return a job of the first tenant that succeeded."""
    return ended(api, accepted(api, GOOD | {"labels": {"secret": "name"}})["id"])


@pytest.fixture(scope="module")
def upload(press: ModelPress, data_folders: Mapping[str, Path]) -> str:
    """Return the id of a complete upload of the first tenant."""
    return press.upload(data_folders["bert"]).removeprefix("upload://")


JOB_ROUTES = (
    ("GET", "/v1/jobs/{}"),
    ("GET", "/v1/jobs/{}?wait=1"),
    ("POST", "/v1/jobs/{}/cancel"),
    ("GET", "/v1/landscapes/{}"),
    ("GET", "/v1/jobs/{}/events"),
    ("GET", "/v1/jobs/{}/report"),
    ("GET", "/v1/jobs/{}/artifacts"),
    ("GET", "/v1/jobs/{}/artifacts/config.json"),
    ("GET", "/v1/jobs/{}/artifacts/no-such-file"),
)
UPLOAD_ROUTES = (("GET", "/v1/uploads/{}"), ("POST", "/v1/uploads/{}/complete"))
COMPLETION = {"files": [{"path": "sentences.txt", "parts": [{"number": 1, "etag": "x"}]}]}


def _shown(client: httpx.Client, method: str, route: str, thing: str) -> Json:
    """Return what is said of *thing*, with what is particular to the request taken out."""
    body = {"json": COMPLETION} if route.endswith("/complete") else {}
    said = problem(client.request(method, route.format(thing), **body), 404, "not_found")
    return {
        name: text.replace(thing, "…") if isinstance(text, str) else text
        for name, text in said.items()
        if name != "request_id"
    }


def test_every_route_of_a_job_is_tried(api: httpx.Client) -> None:
    """The routes tried here are all that the published contract has for one job or one upload."""
    paths = api.get("/openapi.json").json()["paths"]
    one = {
        (method.upper(), path) for path in paths if "_id}" in path for method in paths[path] if method != "parameters"
    }
    tried = {(method, route.partition("?")[0].replace("{}", "{job_id}")) for method, route in JOB_ROUTES[:-2]}
    tried |= {(method, route.replace("{}", "{upload_id}")) for method, route in UPLOAD_ROUTES}

    assert one == {*tried, ("GET", "/v1/jobs/{job_id}/artifacts/{path}")}


@pytest.mark.parametrize(("method", "route"), JOB_ROUTES)
def test_anothers_job_is_not_there(stranger: httpx.Client, job: Json, method: str, route: str) -> None:
    """Another tenant's job is answered exactly as one that never was."""
    assert _shown(stranger, method, route, job["id"]) == _shown(stranger, method, route, NO_JOB)


@pytest.mark.parametrize(("method", "route"), UPLOAD_ROUTES)
def test_anothers_upload_is_not_there(stranger: httpx.Client, upload: str, method: str, route: str) -> None:
    """Another tenant's upload is answered exactly as one that never was."""
    assert _shown(stranger, method, route, upload) == _shown(stranger, method, route, NO_UPLOAD)


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


def test_anothers_upload_cannot_be_compressed(stranger: httpx.Client, upload: str) -> None:
    """A job that names another tenant's upload fails as if there were none."""
    error = ended(stranger, accepted(stranger, GOOD | {"model": {"uri": f"upload://{upload}"}})["id"])["error"]
    missing = ended(stranger, accepted(stranger, GOOD | {"model": {"uri": f"upload://{NO_UPLOAD}"}})["id"])["error"]

    assert error["code"] == "model_not_found"
    assert error["message"].replace(upload, "…") == missing["message"].replace(NO_UPLOAD, "…")


def test_the_service_never_reads_a_tenants_files_for_another(stranger: httpx.Client, job: Json) -> None:
    """The bucket that holds every tenant's results cannot be named as a source."""
    prefix = f"s3://modelpress/tenants/local/jobs/{job['id']}/attempts/1/files"
    error = ended(stranger, accepted(stranger, GOOD | {"model": {"uri": prefix}})["id"])["error"]

    assert error["code"] == "invalid_uri"

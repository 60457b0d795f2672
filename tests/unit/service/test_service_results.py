"""Reports, artifacts and uploads over HTTP."""

from urllib.parse import quote

import pytest
from service_fakes import FILES, TENANT, World

from jobs.contract.report import PLAN_SCHEMA, PROFILE_SCHEMA, REPORT_SCHEMA
from jobs.contract.state import JobState

RESULTS = ["/report", "/artifacts", "/artifacts/config.json"]


@pytest.mark.parametrize("path", RESULTS)
def test_has_no_result_yet(world: World, path: str) -> None:
    """Until a job ends its results are not found, and the answer says when to ask again."""
    answer = world.call("GET", f"/v1/jobs/{world.submit()}{path}")

    assert (answer.status_code, answer.get_json()["code"]) == (404, "report_not_ready")
    assert (answer.get_json()["retryable"], answer.headers["Retry-After"]) == (True, "2")


@pytest.mark.parametrize("path", RESULTS)
@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED])
def test_never_has_a_result(world: World, path: str, state: JobState) -> None:
    """A job that ended otherwise will never have results, and the answer says so."""
    job = world.submit()
    world.ledger.move(job, state)
    answer = world.call("GET", f"/v1/jobs/{job}{path}")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "no_result")
    assert str(state) in answer.get_json()["detail"]


def succeeded(world: World) -> str:
    """Return a job that has a manifest."""
    job = world.submit()
    world.ledger.move(job, JobState.SUCCEEDED, attempt=1)
    return job


def test_lists_the_files(world: World) -> None:
    """The manifest names every file with its size and hash."""
    job = succeeded(world)
    manifest = world.call("GET", f"/v1/jobs/{job}/artifacts").get_json()

    assert (manifest["job"], manifest["files"]) == (job, FILES)


@pytest.mark.parametrize("path", ["config.json", "sub/model.safetensors"])
def test_sends_to_the_store(world: World, path: str) -> None:
    """A file of the manifest is a redirect to a presigned URL, which nobody may keep."""
    job = succeeded(world)
    answer = world.call("GET", f"/v1/jobs/{job}/artifacts/{quote(path, safe='')}")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (307, "no-store")
    assert answer.headers["Location"] == (
        f"https://store.example/tenants/{TENANT}/jobs/{job}/attempts/1/files/{path}?filename={path.rpartition('/')[2]}"
    )


@pytest.mark.parametrize(
    "path", ["nope", "../manifest.json", "..%2Fmanifest.json", "sub", "config.json/", "%00", "./config.json"]
)
def test_sends_nowhere_else(world: World, path: str) -> None:
    """What the manifest does not name is not there, however it is spelt."""
    answer = world.call("GET", f"/v1/jobs/{succeeded(world)}/artifacts/{path}")

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_uploads_a_folder(world: World) -> None:
    """An upload is begun, shown and completed; its URLs may not be kept."""
    files = [{"path": "config.json", "bytes": 2}, {"path": "data/a b.txt", "bytes": 0}]
    begun = world.call("POST", "/v1/uploads", json={"files": files})
    upload = begun.get_json()
    shown = world.call("GET", begun.headers["Location"])
    sent = [{"path": each["path"], "parts": [{"number": 1, "etag": '"abc"'}]} for each in files]
    done = world.call("POST", f"/v1/uploads/{upload['id']}/complete", json={"files": sent})

    assert (begun.status_code, begun.headers["Cache-Control"], shown.headers["Cache-Control"]) == (
        201,
        *["no-store"] * 2,
    )
    assert shown.get_json() == upload
    assert upload["uri"] == f"upload://{upload['id']}"
    assert (done.status_code, done.get_json()["state"]) == (200, "complete")


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../x", "a/../b", "a//b", "", "a\\b", "a\nb", ".", "a/.", "x" * 513, "x/" * 256 + "x", "x" * 256],
)
def test_refuses_odd_paths(world: World, path: str) -> None:
    """A path that could leave its folder is refused by its place."""
    answer = world.call("POST", "/v1/uploads", json={"files": [{"path": path, "bytes": 1}]})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/files/0/path"


@pytest.mark.parametrize(
    "files",
    [[], [{"path": f"{'x' * 255}/{n:0255}", "bytes": 1} for n in range(10_001)]],
    ids=["none", "too many, with the longest names"],
)
def test_refuses_too_much(world: World, files: list[dict[str, object]]) -> None:
    """No file and too many files are refused before anything is signed, however long their names."""
    answer = world.call("POST", "/v1/uploads", json={"files": files})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/files"
    assert world.uploads.known == {}


def test_says_when_a_completion_does_not_match_its_upload(world: World) -> None:
    """What is well-formed but does not fit what was announced is a conflict, not a malformed request."""
    begun = world.call("POST", "/v1/uploads", json={"files": [{"path": "a.txt", "bytes": 1}]})
    other = {"files": [{"path": "b.txt", "parts": []}]}
    answer = world.call("POST", f"/v1/uploads/{begun.get_json()['id']}/complete", json=other)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "upload_conflict")


def test_takes_thousands_of_files(world: World) -> None:
    """A folder of recordings is one upload: its lists may be longer than other bodies."""
    files = [{"path": f"speaker-{n:05}/a recording with a long name, größe {n}.wav", "bytes": 1} for n in range(10_000)]
    upload = world.call("POST", "/v1/uploads", json={"files": files}).get_json()
    sent = [{"path": each["path"], "parts": [{"number": 1, "etag": f'"{"7" * 32}"'}]} for each in files]
    done = world.call("POST", f"/v1/uploads/{upload['id']}/complete", json={"files": sent})

    assert (done.status_code, len(done.get_json()["files"])) == (200, 10_000)


@pytest.mark.parametrize("query", ["offset=-1", "offset=", "offset=10001", "limit=0", "limit=1001", "limit=x"])
def test_refuses_an_odd_page_of_an_upload(world: World, query: str) -> None:
    """What is no path and no count is refused by its name."""
    answer = world.call("GET", f"/v1/uploads/upl_0?{query}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_knows_no_other_upload(world: World) -> None:
    """An upload that does not exist is not found, nor can it be completed."""
    sent = {"files": [{"path": "a", "parts": []}]}

    assert world.call("GET", "/v1/uploads/upl_0").status_code == 404
    assert world.call("POST", "/v1/uploads/upl_0/complete", json=sent).status_code == 404


@pytest.mark.parametrize("schema", [REPORT_SCHEMA, PLAN_SCHEMA, PROFILE_SCHEMA])
def test_shows_the_report_of_every_kind(world: World, schema: str) -> None:
    """What the worker has published is shown by its own schema, as its tag says."""
    job = succeeded(world)
    world.ledger.reports[job] = {"schema": schema, "door": "native", "exact": True, "speedup": [], "modules": []}
    world.ledger.reports[job]["unheard_of"] = 1
    shown = world.call("GET", f"/v1/jobs/{job}/report").get_json()

    own = {REPORT_SCHEMA: "speedup", PLAN_SCHEMA: "exact", PROFILE_SCHEMA: "modules"}
    assert shown["schema"] == schema
    assert shown.keys() & set(own.values()) == {own[schema]}
    assert "unheard_of" not in shown

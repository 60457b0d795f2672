"""Following jobs: cancel, list, wait, and not being sent again what is known."""

import time
from collections.abc import Iterator, Mapping
from uuid import uuid4

import httpx
import pytest
from http_calls import GOOD, Json, accepted, ended, events, problem, step, waited

ENDLESS = step("distillation", layers_kept=1, steps=1_000_000)
SOON_S = 20


@pytest.fixture
def running(api: httpx.Client, model_uris: Mapping[str, str], data_uris: Mapping[str, str]) -> Iterator[Json]:
    """Return a job that keeps the only worker busy."""
    job = accepted(api, GOOD | ENDLESS | {"data": {"uri": data_uris["bert"], "samples": 8}})
    yield waited(api, job["id"], lambda job: (job["progress"] or {}).get("stage") == "distillation")
    api.post(f"/v1/jobs/{job['id']}/cancel")
    ended(api, job["id"])


@pytest.fixture(scope="module")
def done(api: httpx.Client, model_uris: Mapping[str, str]) -> list[Json]:
    """Return five jobs that ended, oldest first: one failed, the others succeeded."""
    run = uuid4().hex
    wanted = [
        GOOD | {"labels": {"run": run, "place": str(place)}} | ({} if place else step("low_rank", rank=1000))
        for place in range(5)
    ]
    jobs = [accepted(api, each) for each in wanted]
    return [ended(api, job["id"]) for job in jobs]


def test_a_queued_job_is_cancelled_at_once(api: httpx.Client, running: Json) -> None:
    """A job that no worker has begun ends right away; cancelling again changes nothing."""
    job = accepted(api, GOOD)
    first = api.post(f"/v1/jobs/{job['id']}/cancel")
    second = api.post(f"/v1/jobs/{job['id']}/cancel")

    assert (job["state"], job["attempt"]) == ("queued", 0)
    assert (first.status_code, first.json()["state"]) == (202, "cancelled")
    assert first.json() == second.json()
    assert first.json()["error"]["code"] == "cancelled"
    assert [each["data"]["state"] for each in events(api, job["id"])][-1] == "cancelled"
    problem(api.get(f"/v1/jobs/{job['id']}/report"), 409, "no_result")
    assert api.get(f"/v1/jobs/{running['id']}").json()["state"] == "running"


def test_a_running_job_stops_soon_after_it_is_cancelled(api: httpx.Client, running: Json) -> None:
    """A running job passes through cancelling and ends cancelled, and the worker takes the next one."""
    asked = time.monotonic()
    answer = api.post(f"/v1/jobs/{running['id']}/cancel")
    job = ended(api, running["id"])
    took = time.monotonic() - asked
    states = [each["data"]["state"] for each in events(api, job["id"]) if each["type"] == "state"]

    assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
    assert answer.headers["Retry-After"]
    assert (job["state"], job["error"]["code"]) == ("cancelled", "cancelled")
    assert took < SOON_S
    assert states == ["queued", "running", "cancelling", "cancelled"]
    assert ended(api, accepted(api, GOOD)["id"])["state"] == "succeeded"


def test_a_job_without_its_result_says_so(api: httpx.Client, running: Json) -> None:
    """While a job runs, its report is not there yet: 404 with when to ask again, unlike a job that does not exist."""
    answer = api.get(f"/v1/jobs/{running['id']}/report")

    assert problem(answer, 404, "report_not_ready")["retryable"] is True
    assert answer.headers["Retry-After"]
    problem(api.get(f"/v1/jobs/{running['id']}/artifacts/config.json"), 404, "report_not_ready")
    problem(api.get("/v1/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV/report"), 404, "not_found")


def test_an_ended_job_stays_as_it_is(api: httpx.Client, done: list[Json]) -> None:
    """Cancelling too late does no harm."""
    answer = api.post(f"/v1/jobs/{done[-1]['id']}/cancel")

    assert (answer.status_code, answer.json()) == (202, done[-1])


def _ids(api: httpx.Client, **query: str | int) -> list[str]:
    answer = api.get("/v1/jobs", params=query)
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["data"]]


def test_jobs_are_listed_newest_first_and_filtered(api: httpx.Client, done: list[Json]) -> None:
    """State, kind and label narrow the list, alone and together."""
    newest_first = [job["id"] for job in reversed(done)]
    run = f"run={done[0]['labels']['run']}"

    assert [each for each in _ids(api, limit=100) if each in newest_first] == newest_first
    assert _ids(api, label=run) == newest_first
    assert _ids(api, label=run, state="failed") == newest_first[-1:]
    assert _ids(api, label=run, state="succeeded", kind="compression") == newest_first[:-1]
    assert _ids(api, label=run, state="queued") == []
    assert set(newest_first) <= set(_ids(api, label="place", limit=100))
    assert _ids(api, label="run=other") == []


def test_a_list_is_read_page_by_page(api: httpx.Client, done: list[Json]) -> None:
    """Following next_cursor gives every job once, in order, and ends."""
    query: dict[str, str | int] = {"label": f"run={done[0]['labels']['run']}", "limit": 2}
    pages, more = [], True
    while more:
        page = api.get("/v1/jobs", params=query).json()
        pages.append([job["id"] for job in page["data"]])
        more, query["cursor"] = page["has_more"], page["next_cursor"]

    assert [each for page in pages for each in page] == [job["id"] for job in reversed(done)]
    assert [len(page) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [({"state": "asleep"}, "state"), ({"limit": "0"}, "limit"), ({"cursor": "x"}, "cursor"), ({"page": "2"}, "page")],
)
def test_a_wrong_query_is_pointed_at(api: httpx.Client, query: dict[str, str], parameter: str) -> None:
    """A query parameter that is wrong or unknown is named."""
    said = problem(api.get("/v1/jobs", params=query), 422, "invalid_request")

    assert [each["parameter"] for each in said["errors"]] == [parameter]


def test_an_etag_saves_sending_the_same_again(api: httpx.Client, done: list[Json]) -> None:
    """If-None-Match with the job's ETag is answered 304 without a body, and with another the job is sent."""
    path = f"/v1/jobs/{done[0]['id']}"
    etag = api.get(path).headers["ETag"]
    same = api.get(path, headers={"If-None-Match": etag})
    weak = api.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    other = api.get(path, headers={"If-None-Match": '"other"'})

    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
    assert weak.status_code == 304
    assert (other.status_code, other.json()) == (200, done[0])


def test_a_long_poll_answers_when_the_job_ends(api: httpx.Client, model_uris: Mapping[str, str]) -> None:
    """?wait holds the answer back until the job has ended, not longer and not for an ended job."""
    job = accepted(api, GOOD)
    began, state = time.monotonic(), job
    while not state["terminal"] and time.monotonic() - began < 200:
        asked = time.monotonic()
        state = api.get(f"/v1/jobs/{job['id']}", params={"wait": 30}).json()
        assert state["terminal"] or time.monotonic() - asked >= 29
    again = time.monotonic()
    api.get(f"/v1/jobs/{job['id']}", params={"wait": 30})

    assert state["state"] == "succeeded"
    assert time.monotonic() - again < 5


def test_a_long_poll_answers_when_the_job_changes(api: httpx.Client, running: Json) -> None:
    """With If-None-Match, ?wait ends at any change: a running job's progress moves."""
    first = api.get(f"/v1/jobs/{running['id']}")
    began = time.monotonic()
    second = api.get(f"/v1/jobs/{running['id']}?wait=30", headers={"If-None-Match": first.headers["ETag"]})

    assert second.status_code == 200
    assert second.json()["progress"] != first.json()["progress"]
    assert time.monotonic() - began < 15


def test_events_are_read_from_where_one_stopped(api: httpx.Client, done: list[Json]) -> None:
    """`after` gives the events that follow, none twice and none left out, whatever the page's size."""
    path = f"/v1/jobs/{done[-1]['id']}/events"
    whole = api.get(path, params={"limit": 500}).json()
    half = len(whole["data"]) // 2
    rest = api.get(path, params={"after": whole["data"][half - 1]["id"], "limit": 500}).json()["data"]
    end = api.get(path, params={"after": whole["next_after"]}).json()

    assert whole["has_more"] is False
    assert events(api, done[-1]["id"]) == whole["data"]
    assert rest == whole["data"][half:]
    assert (end["data"], end["next_after"], end["has_more"]) == ([], whole["next_after"], False)

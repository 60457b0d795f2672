"""What an operator sees of a running stack, and what nobody may see."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from http_calls import GOOD, Json, accepted, ended, step
from prometheus_client.parser import text_string_to_metric_families

from deploy.embedded.stack import Stack

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
OURS = ("service", "worker", "janitor")
SOON_S = 30


@pytest.fixture(scope="module")
def traced(api: httpx.Client, model_uris: Mapping[str, str]) -> Json:
    """Return a job that ended, of a caller who traces."""
    job: Json = api.post("/v1/compressions", json=GOOD, headers=CALLER).json()
    return ended(api, job["id"])


def metrics(stack: Stack) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every sample by its name and its labels' values, in the order of the labels' names."""
    token = (stack.folder / "metrics_token").read_text()
    answer = httpx.get(f"{stack.url}/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def lines(stack: Stack, name: str) -> Iterator[Json]:
    """Yield the log of a program, line by line."""
    for line in stack.processes.log_of(name).read_text().splitlines():
        yield json.loads(line)


def test_attempts_and_their_seconds_are_counted(stack: Stack, api: httpx.Client, model_uris: Mapping[str, str]) -> None:
    """A job that succeeds and one that fails count once each, and the work of both is the tenant's."""
    before = metrics(stack)
    ended(api, accepted(api, GOOD)["id"])
    ended(api, accepted(api, GOOD | step("low_rank", rank=1000))["id"])
    deadline = time.monotonic() + SOON_S
    grown: dict[tuple[str, tuple[str, ...]], float] = {}
    while time.monotonic() < deadline and ("modelpress_attempts_total", ("compression", "failed")) not in grown:
        after = metrics(stack)
        grown = {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}

    assert grown["modelpress_attempts_total", ("compression", "succeeded")] == 1
    assert grown["modelpress_attempts_total", ("compression", "failed")] == 1
    assert grown["modelpress_work_seconds_total", ("compression", "local")] > 0
    assert grown["modelpress_http_requests_total", ("POST", "/v1/compressions", "202")] == 2


def test_the_processes_of_the_service_count_together(stack: Stack, api: httpx.Client) -> None:
    """Whichever process answers a scrape, it knows of the calls that the others answered."""
    key = ("modelpress_http_requests_total", ("GET", "/v1/techniques", "200"))
    before = metrics(stack).get(key, 0)
    for _ in range(20):
        with httpx.Client(base_url=stack.url, headers=api.headers) as fresh:
            fresh.get("/v1/techniques")

    assert {metrics(stack)[key] - before for _ in range(5)} == {20}


def test_the_janitor_shows_how_the_open_jobs_are(stack: Stack, traced: Json) -> None:
    """Its gauges say that it goes round, and how long anybody waits."""
    found = metrics(stack)

    assert found["modelpress_queue_age_seconds", ()] >= 0
    assert time.time() - found["modelpress_janitor_round_timestamp_seconds", ()] < SOON_S


def test_every_line_of_every_log_is_json(stack: Stack, traced: Json) -> None:
    """Service, worker and janitor write one object a line, from their first line on."""
    for name in OURS:
        assert all(each.keys() >= {"event", "level", "logger", "at"} for each in lines(stack, name)), name


def test_a_job_is_followed_through_the_logs_by_its_callers_trace(stack: Stack, traced: Json) -> None:
    """The service's line of the submission and the worker's lines of the attempt carry one trace id."""
    submission = [each for each in lines(stack, "service") if each.get("trace_id") == TRACE]
    attempt = [each for each in lines(stack, "worker") if each.get("job_id") == traced["id"]]

    assert [(each["path"], each["status"], each["tenant"]) for each in submission] == [
        ("/v1/compressions", 202, "local")
    ]
    assert submission[0]["request_id"]
    assert attempt
    assert {(each["trace_id"], each["attempt"], each["tenant"]) for each in attempt} == {(TRACE, 1, "local")}


def test_no_secret_is_in_a_log_an_argument_or_a_metric(stack: Stack, api: httpx.Client, traced: Json) -> None:
    """Keys of the store, of Redis and of callers are nowhere that others may look, nor are signatures of URLs."""
    link = api.get(f"/v1/jobs/{traced['id']}/artifacts/config.json").headers["Location"]
    token = (stack.folder / "metrics_token").read_text()
    secret = stack.settings["MODELPRESS_S3_SECRET_KEY"]
    canaries = {
        "API key": stack.api_key,
        "store": secret,
        "metrics": token,
        "URL": httpx.URL(link).params["X-Amz-Signature"],
    }
    problem = api.get("/v1/jobs/unknown").text
    scraped = httpx.get(f"{stack.url}/metrics", headers={"Authorization": f"Bearer {token}"}).text
    seen = {name: stack.processes.log_of(name).read_text() for name in OURS}
    seen |= {"problem": problem, "metrics": scraped, "arguments": "\n".join(arguments())}
    found = {(place, name) for place, text in seen.items() for name, value in canaries.items() if value in text}

    assert stack.url.rpartition(":")[2] in seen["arguments"]
    assert not found


def arguments() -> Iterator[str]:
    """Yield the command line of every process of this machine."""
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield each.read_text(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue

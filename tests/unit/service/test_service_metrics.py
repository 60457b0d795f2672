"""What Prometheus scrapes, and what is logged of every call."""

import logging
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_fakes import REQUEST, TENANT, World

from jobs.telemetry.tally import ATTEMPTS, QUEUE_AGE_SECONDS, Counted
from service.settings import ServiceSettings

TOKEN = "the-token-of-the-metrics"
CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def scraped() -> World:
    """Return an application that shows its metrics to who has the token."""
    return World(ServiceSettings(metrics_token=TOKEN))


def samples(world: World) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every value by its name and the values of its labels."""
    answer = world.call("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.get_data(as_text=True))
        for sample in family.samples
    }


def test_metrics_are_hidden_until_a_token_is_set(world: World) -> None:
    """They name tenants: an operator who has not chosen a token shows nobody anything."""
    answer = world.call("GET", "/metrics")

    assert answer.status_code == 404
    assert "MODELPRESS_METRICS_TOKEN" in answer.get_json()["detail"]


@pytest.mark.parametrize("credentials", ["", f"Bearer {TOKEN}x", TOKEN, "Bearer "])
def test_metrics_open_to_their_token_alone(scraped: World, credentials: str) -> None:
    """A wrong token, and an API key, get 401."""
    answer = scraped.call("GET", "/metrics", headers={"Authorization": credentials})

    assert answer.status_code == 401


def test_calls_are_counted_by_route_and_status(scraped: World) -> None:
    """A call counts under its route's pattern, so that ids do not become labels."""
    before = samples(scraped)
    for _ in range(2):
        scraped.call("GET", "/v1/jobs/job_unknown")
    after = samples(scraped)
    key = ("modelpress_http_requests_total", ("GET", "/v1/jobs/<job_id>", "404"))

    assert after[key] - before.get(key, 0) == 2
    assert ("modelpress_http_request_seconds_count", ("GET", "/v1/jobs/<job_id>")) in after


def test_addresses_that_do_not_exist_are_counted_together(scraped: World) -> None:
    """Whoever tries addresses does not fill Prometheus with them."""
    before = samples(scraped)
    for name in ("one", "two"):
        scraped.call("GET", f"/zebra/{name}")
    after = samples(scraped)
    key = ("modelpress_http_requests_total", ("GET", "none", "404"))

    assert after[key] - before.get(key, 0) == 2
    assert not [name for name in after if "zebra" in str(name[1])]


def test_what_workers_counted_is_shown(scraped: World) -> None:
    """Counters and gauges of the other processes appear with their labels."""
    scraped.tally.counted = [Counted(ATTEMPTS, ("compression", "succeeded"), 5), Counted(QUEUE_AGE_SECONDS, (), 1.5)]
    found = samples(scraped)

    assert found["modelpress_attempts_total", ("compression", "succeeded")] == 5
    assert found["modelpress_redis_up", ()] == 1


def test_metrics_are_shown_without_redis(scraped: World) -> None:
    """When Redis is away, that is what the scrape says, beside the service's own figures."""
    scraped.tally.broken = True
    found = samples(scraped)

    assert found["modelpress_redis_up", ()] == 0
    assert any(name == "modelpress_http_requests_total" for name, _ in found)


def test_a_call_is_logged_with_what_an_operator_asks_for(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Method, path, status and time are in one line, without the query, which may hold what is private."""
    with caplog.at_level(logging.INFO, "modelpress.access"):
        world.call("GET", "/v1/jobs?label=secret")
    (line,) = caplog.records
    told: Any = line.__dict__

    assert (told["method"], told["path"], told["status"]) == ("GET", "/v1/jobs", 200)
    assert told["duration_ms"] >= 0
    assert "secret" not in str(told)


def test_probes_are_not_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What asks every few seconds does not fill the log."""
    with caplog.at_level(logging.INFO, "modelpress.access"):
        world.call("GET", "/livez")

    assert not caplog.records


def test_a_job_keeps_the_trace_of_its_caller(world: World) -> None:
    """The worker can continue the trace that the submission was part of."""
    answer = world.call("POST", "/v1/compressions", json=REQUEST, headers={"traceparent": CALLER})
    job = world.ledger.show(TENANT, answer.get_json()["id"])

    assert job is not None
    assert job.traceparent == CALLER


def test_a_malformed_trace_is_ignored(world: World) -> None:
    """A header that is not of the standard's form costs nobody their job."""
    answer = world.call("POST", "/v1/compressions", json=REQUEST, headers={"traceparent": "00-x-y-z"})
    job = world.ledger.show(TENANT, answer.get_json()["id"])

    assert job is not None
    assert job.traceparent is None


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "203.0.113.9"), (2, "198.51.100.7")])
def test_an_address_is_what_the_proxies_in_front_say(
    proxies: int, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the addresses that a call went through, as many are believed as there are proxies, from the last on."""
    world = World(ServiceSettings(proxies=proxies))
    with caplog.at_level(logging.INFO, "modelpress.access"):
        world.call("GET", "/v1/jobs", headers={"X-Forwarded-For": "192.0.2.1, 198.51.100.7, 203.0.113.9"})

    assert caplog.records[0].__dict__["address"] == address

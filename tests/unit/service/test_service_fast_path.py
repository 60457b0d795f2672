"""Polls that are answered before Flask: as Flask would have, to the letter."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from service_fakes import KEY, NOW, OTHER_KEY, World
from werkzeug.test import Client

from jobs.contract.errors import QueueError
from jobs.contract.state import JobState
from jobs.state.keys import Scope
from jobs.state.records import Job
from jobs.state.working_memory import Glance
from jobs.telemetry.logs import formatter
from jobs.telemetry.settings import TelemetrySettings
from jobs.telemetry.tracing import NoTracer
from service import metrics
from service.app import create_app
from service.fast_path import ROUTE, FastPath
from service.limiting import AWAY_S
from service.openapi import document
from service.ports import EXTENSION, Services
from service.settings import ServiceSettings

Said = tuple[int, list[tuple[str, str]], bytes]
GOOD = {"Authorization": f"Bearer {KEY}"}
OF_ITS_OWN = {"X-Request-Id", "request_id", "duration_ms", "at"}
"""What is said of one call and no other."""


@dataclass
class Elsewhere:
    """An application that only remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        """Answer that it was here."""
        self.asked.append(environ)
        start_response("418 Somebody else", [])
        return [b""]


class Lines(logging.Handler):
    """Keeps the access log, as an operator reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(formatter(TelemetrySettings(log_json=True)))
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        line = json.loads(self.format(record))
        self.lines.append({name: value for name, value in line.items() if name not in OF_ITS_OWN})


@pytest.fixture(scope="module")
def log() -> Iterator[Lines]:
    """Return the access log of this module's tests."""
    access, lines = logging.getLogger("modelpress.access"), Lines()
    access.setLevel(logging.INFO)
    access.addHandler(lines)
    yield lines
    access.removeHandler(lines)
    access.setLevel(logging.NOTSET)


def services_of(world: World) -> Services:
    """Return what the application works with."""
    found: Services = world.app.extensions[EXTENSION]
    return found


def fast(world: World, **changed: Any) -> tuple[Client, Elsewhere]:
    """Return the fast path with nothing behind it that could answer, and a key that is in use."""
    elsewhere = Elsewhere()
    world.keys.identify(KEY)
    return Client(FastPath(elsewhere, replace(services_of(world), **changed))), elsewhere


def asked(client: Client, path: str, method: str = "GET", headers: dict[str, str] = GOOD) -> Said:
    """Return what is said to a call, apart from the name that it was given."""
    answer = client.open(path, method=method, headers=headers)
    said = sorted((name, value) for name, value in answer.headers if name not in OF_ITS_OWN)
    return answer.status_code, said, answer.get_data()


def counted() -> dict[tuple[str, tuple[str, ...]], float]:
    """Return how often every metric of calls has counted."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in metrics.OWN.collect()
        for sample in family.samples
        if not sample.name.endswith(("_bucket", "_sum", "_created"))
    }


def since(before: dict[Any, float]) -> dict[Any, float]:
    """Return what has been counted since."""
    return {name: value - before.get(name, 0) for name, value in counted().items() if value != before.get(name, 0)}


STATES = st.builds(
    dict,
    state=st.sampled_from([*JobState]),
    progress=st.none() | st.builds(dict, stage=st.text(max_size=5), step=st.integers(0, 9)),
    ended_at=st.none() | st.just(NOW),
    expires_at=st.none() | st.just(NOW) | st.just(NOW.replace(year=2031)),
    labels=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
HEADERS = st.builds(
    dict,
    Authorization=st.sampled_from([f"Bearer {KEY}", f"bearer  {KEY} ", f"Bearer {OTHER_KEY}", f"Basic {KEY}", "", "x"]),
    **{
        "X-Request-Id": st.sampled_from(["mine-1", "not plain!", ""]),
        "If-None-Match": st.sampled_from(["*", '"other"', ""]),
        "traceparent": st.sampled_from(["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "none", ""]),
        "Accept": st.sampled_from(["application/json", "text/html"]),
    },
).map(lambda headers: {name: value for name, value in headers.items() if value})
PATHS = st.sampled_from(["{}", "{}", "{}?", "{}?wait=0", "{}?x=1", "{}/", "{}/events", "job_1", "", "%00", "{}%0a"])
METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE", "POST"])
CALLS = st.just(("{}", "GET", GOOD)) | st.tuples(PATHS, METHODS, HEADERS)


@given(steps=st.lists(st.tuples(st.none() | STATES, CALLS), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_whatever_is_asked_is_answered_as_without_it(log: Lines, steps: list[Any]) -> None:
    """Status, headers, body, the line of the log and the counters: nobody sees which way a call has gone."""
    world = WORLD
    job = world.submit()
    short, long = Client(world.app.wsgi_app), Client(lambda *call: Flask.wsgi_app(world.app, *call))
    for state, (path, method, headers) in steps:
        if state is not None:
            world.ledger.move(job, **state)
        seen = []
        for client in (long, short):
            log.lines, before = [], counted()
            said = asked(client, "/v1/jobs/" + path.format(job), method, headers)
            seen.append((blurred(said), log.lines, since(before)))

        assert seen[0] == seen[1]


def blurred(said: Said) -> Said:
    """Return what is said without the name of the call, which a problem's body has too."""
    status, headers, body = said
    problem = json.loads(body) if b'"request_id"' in body else None
    return status, headers, json.dumps(problem | {"request_id": ""}).encode() if problem else body


WORLD = World()


def test_a_poll_does_not_reach_the_application(world: World) -> None:
    """It is answered again and again, with a name of its own or the caller's."""
    job = world.submit()
    client, elsewhere = fast(world)
    answers = [client.get(f"/v1/jobs/{job}", headers=GOOD | more) for more in ({}, {"X-Request-Id": "mine"})]

    assert [answer.get_json()["id"] for answer in answers] == [job, job]
    assert answers[0].headers["X-Request-Id"].startswith("req_")
    assert answers[1].headers["X-Request-Id"] == "mine"
    assert elsewhere.asked == []


def test_the_route_is_the_one_that_the_contract_has(world: World) -> None:
    """A route that is renamed takes this one with it."""
    shown = document()["paths"][ROUTE.replace("<", "{").replace(">", "}")]["get"]

    assert shown["operationId"] == "getJob"
    assert ROUTE in {rule.rule for rule in world.app.url_map.iter_rules()}


def test_a_change_is_seen_at_once(world: World) -> None:
    """What is kept of an answer is worth nothing once the record has changed."""
    job = world.submit()
    client, _ = fast(world)
    states = []
    for state in (JobState.RUNNING, JobState.RUNNING, JobState.SUCCEEDED):
        world.ledger.move(job, state)
        states.append(client.get(f"/v1/jobs/{job}", headers=GOOD).get_json()["state"])

    assert states == ["running", "running", "succeeded"]


def test_who_has_lost_the_job_or_the_right_is_not_shown_what_was_kept(world: World) -> None:
    """Another tenant, a key without the scope, a key that was revoked, a job whose time is over: all go on."""
    job, path = world.submit(), f"/v1/jobs/{world.submit()}"
    client, elsewhere = fast(world)
    kept = asked(client, path)[0]
    world.keys.identify(OTHER_KEY)
    foreign = asked(client, path, headers={"Authorization": f"Bearer {OTHER_KEY}"})[0]
    world.keys.held[KEY] = replace(world.keys.held[KEY], scopes=frozenset({Scope.WRITE}))
    narrow = asked(client, path)[0]
    del world.keys.held[KEY]
    revoked = asked(client, path)[0]

    assert (kept, foreign, narrow, revoked) == (200, 418, 418, 418)
    assert len(elsewhere.asked) == 3
    assert job in world.ledger.jobs


def test_a_call_too_many_is_counted_once_and_refused(world: World) -> None:
    """The application hears where the caller stands, and does not count them again."""
    world = World(ServiceSettings(rate_limit=3, rate_limit_failures=0))
    job = world.submit()
    answers = [world.call("GET", f"/v1/jobs/{job}") for _ in range(4)]
    left = [answer.headers["RateLimit"].split(";")[1] for answer in answers]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert left == ["r=1", "r=0", "r=0", "r=0"]


def test_while_redis_does_not_answer_it_stands_aside(world: World) -> None:
    """One poll waits for it in vain; those of the next seconds go straight to the application, which knows better."""
    job, ledger = world.submit(), Away()
    elsewhere, now = Elsewhere(), [0.0]
    world.keys.identify(KEY)
    client = Client(FastPath(elsewhere, replace(services_of(world), ledger=ledger), monotonic=lambda: now[0]))
    for now[0] in (0.0, 1.0, AWAY_S - 0.1, AWAY_S):
        client.get(f"/v1/jobs/{job}", headers=GOOD)

    assert len(elsewhere.asked) == 4
    assert ledger.asked == 2


def test_what_is_kept_stays_small(world: World) -> None:
    """Neither many jobs nor long requests make it grow."""
    world.keys.identify(KEY)
    path = FastPath(Elsewhere(), services_of(world))
    client, long = Client(path), world.submit(labels={"a": "b" * 60})
    world.ledger.jobs[long] = replace(world.ledger.jobs[long], request={"model": {"uri": "s3://" + "x" * 20_000}})
    shown = {len(client.get(f"/v1/jobs/{job}", headers=GOOD).get_data()) for job in (long, *copies(world, long, 600))}

    assert max(shown) > 20_000
    assert sum(len(each.body) for each in path._answers.values()) < 2**20
    assert 0 < len(path._answers) < 512


def test_a_traced_call_is_the_applications(world: World) -> None:
    """Where spans are recorded, all that answers a call is inside its span."""
    traced = create_app(replace(services_of(world), tracer=Tracing()))

    assert isinstance(world.app.wsgi_app, FastPath)
    assert not isinstance(traced.wsgi_app, FastPath)


class Tracing:
    """A tracer that records, as far as this is asked here."""

    span = NoTracer.span
    flush = NoTracer.flush


class Away:
    """A ledger over a Redis that hangs."""

    asked = 0

    def glance(self, tenant: str, job_id: str, last: Glance | None) -> Glance | None:
        """Fail."""
        self.asked += 1
        raise QueueError("Redis did not answer; try again.")


def copies(world: World, job_id: str, number: int) -> list[str]:
    """Return the ids of as many new jobs of the same tenant, with short requests."""
    some: list[Job] = [
        replace(world.ledger.jobs[job_id], id=f"job_{index:026d}", request={}) for index in range(number)
    ]
    world.ledger.jobs |= {each.id: each for each in some}
    return [each.id for each in some]

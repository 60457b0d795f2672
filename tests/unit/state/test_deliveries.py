"""What is sent, when it is tried again, and what is written down of it."""

import json
from typing import Any

import pytest
from receivers import URL, World
from redis import Redis
from standardwebhooks import Webhook
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.state import JobState
from jobs.delivering import FAILING_MAX, SCHEDULE_S, headers
from jobs.posting import Answer
from jobs.state.deliveries import KEPT, Delivery
from jobs.state.ledger import Ledger
from jobs.state.records import Job, utc_now
from jobs.state.webhooks import Endpoint

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}


@pytest.fixture
def world(memory: MemoryStore, clock: Clock) -> World:
    """Return a world without endpoints."""
    return World(memory, clock)


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    """Return an endpoint that hears of everything."""
    return world.webhooks.create("acme", {"url": URL})


@pytest.fixture
def told(world: World, memory: MemoryStore, redis: Redis, clock: Clock) -> Ledger:
    """Return a ledger whose ends are announced."""
    return Ledger(memory, redis, clock=clock, ended=(world.deliveries.announce,))


def ended(told: Ledger, state: JobState = JobState.SUCCEEDED, error: Any = None, **more: Any) -> Job:
    """Return a job that has ended so."""
    job = told.accept("acme", "compression", {**REQUEST, **more}, labels=more.get("labels"))
    return told.finish(told.claim(job.id, "w"), state, error)


def log(world: World, endpoint: Endpoint) -> list[Delivery]:
    """Return the endpoint's deliveries, newest first."""
    return world.deliveries.page("acme", endpoint.id, limit=100)[0]


def test_the_end_of_a_job_is_sent_signed(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """One message arrives, thin and signed as the standard says; the log has it and nothing waits any more."""
    job = ended(told, labels={"team": "speech"})
    world.deliver_due()
    (sent,), (delivery,) = world.sent, log(world, endpoint)

    assert sent.url == URL
    assert (sent.json["type"], sent.json["timestamp"]) == ("job.succeeded", "2030-01-01T00:00:00.000Z")
    assert {name: sent.json["data"][name] for name in ("id", "state", "labels", "error")} == {
        "id": job.id,
        "state": "succeeded",
        "labels": {"team": "speech"},
        "error": None,
    }
    assert sent.headers["webhook-id"] == delivery.id
    assert (delivery.state, delivery.due, [each.status for each in delivery.attempts]) == ("delivered", None, [204])
    assert world.outbox() == []


def test_signatures_are_those_of_the_standards_own_library() -> None:
    """Both secrets of a rotation verify a message; another secret does not."""
    secrets, body = ("whsec_" + "QUJD" * 8, "whsec_" + "REVG" * 8), '{"type":"é"}'.encode()
    sent = headers("msg_1", body, secrets, utc_now())

    assert [Webhook(secret).verify(body, sent) for secret in secrets] == [{"type": "é"}] * 2
    with pytest.raises(Exception, match="No matching signature"):
        Webhook("whsec_" + "R0hJ" * 8).verify(body, sent)


def test_an_end_that_is_told_twice_is_sent_once(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """Whoever settles a job again, before or after its delivery, makes no second message."""
    job = ended(told)
    told.settle(job)
    world.deliver_due()
    told.settle(job)
    world.deliver_due()

    assert len(world.sent) == 1
    assert len(log(world, endpoint)) == 1
    assert world.outbox() == []


@pytest.mark.parametrize(
    ("state", "type_"), [("failed", "job.failed"), ("cancelled", "job.cancelled"), ("succeeded", "job.succeeded")]
)
def test_endpoints_hear_what_they_chose(world: World, told: Ledger, state: str, type_: str) -> None:
    """An endpoint hears of the ends it asked for; a job that names an endpoint tells it whatever it asked for."""
    chosen = world.webhooks.create("acme", {"url": URL, "events": [type_]})
    deaf = world.webhooks.create("acme", {"url": URL, "events": []})
    world.webhooks.create("acme", {"url": URL, "enabled": False})
    world.webhooks.create("other", {"url": URL})
    ended(told, JobState(state), {"code": "x", "message": "secret words", "stage": "load"})
    ended(told, JobState.SUCCEEDED if state != "succeeded" else JobState.FAILED, webhook=deaf.id)
    world.deliver_due()

    assert [(each.endpoint, each.body["type"]) for each in log(world, chosen)] == [(chosen.id, type_)]
    assert [each.endpoint for each in log(world, deaf)] == [deaf.id]
    assert len(world.sent) == 2
    assert all(b"secret words" not in each.body for each in world.sent)


def test_a_message_stays_below_20_kb(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """The largest labels that a job may have, in letters of four bytes, fit."""
    labels = {f"{number:02}" + "k" * 61: "𝄞" * 255 for number in range(16)}
    ended(told, JobState.FAILED, {"code": "x", "message": "𝄞" * 9999, "stage": "load"}, labels=labels)
    world.deliver_due()

    assert 16_000 < len(world.sent[0].body) < 20_000


def test_a_failing_receiver_is_tried_as_the_schedule_says(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """Ten tries, each after its wait and not before, with one id; then the delivery is given up and kept."""
    ended(told)
    world.answers(500)
    for wait in SCHEDULE_S:
        world.clock.pass_seconds(max(wait - 1, 0))
        assert world.deliver_due() == (wait == 0)
        world.clock.pass_seconds(1 if wait else 0)
        world.deliver_due()
    (delivery,) = log(world, endpoint)

    assert len(world.sent) == len(SCHEDULE_S)
    assert len({each.headers["webhook-id"] for each in world.sent}) == 1
    assert len({each.headers["webhook-timestamp"] for each in world.sent}) == len(SCHEDULE_S)
    assert (delivery.state, world.outbox()) == ("failed", [])
    assert delivery.attempts[0].error == "Expected a 2xx status; got 500."


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("100", 100),
        ("1", 5),
        ("Tue, 01 Jan 2030 00:02:00 GMT", 120),
        ("99999999999999999999", 86_400),
        ("soon", 5),
        ("-7", 5),
        ("Tue, 01 Jan 2030 00:02:99999999999 GMT", 5),
        ("Tue, 01 Jan 1999 00:02:00 -0000", 5),
    ],
)
def test_a_receiver_may_ask_for_time(
    world: World, endpoint: Endpoint, told: Ledger, retry_after: str, seconds: int
) -> None:
    """Retry-After, as seconds or a date, puts the next try off, never before its time and at most by a day."""
    ended(told)
    world.answers(503, retry_after)
    world.deliver_due()

    assert (log(world, endpoint)[0].due - world.clock()).total_seconds() == seconds


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 404, 500, 503])
def test_only_2xx_is_success(world: World, endpoint: Endpoint, told: Ledger, status: int) -> None:
    """Redirects and errors are failures, tried again."""
    ended(told)
    world.answers(status)
    world.deliver_due()
    (delivery,) = log(world, endpoint)

    assert (delivery.state, delivery.attempts[0].status) == ("pending", status)
    assert len(world.outbox()) == 1


def test_gone_switches_an_endpoint_off(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """410 ends the delivery and all others, until the tenant enables the endpoint again."""
    ended(told)
    world.answers(410)
    world.deliver_due()
    off = world.webhooks.show("acme", endpoint.id)
    ended(told)
    world.answers(204)
    world.webhooks.change("acme", endpoint.id, {"enabled": True})
    world.clock.pass_seconds(1)
    ended(told)
    world.deliver_due()

    assert (off.active, off.switched_off) == (False, "It answered 410 Gone.")
    assert [each.state for each in log(world, endpoint)] == ["delivered", "failed"]
    assert world.webhooks.show("acme", endpoint.id).active


def test_days_of_failure_switch_an_endpoint_off(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """Where nothing has arrived for days the endpoint is switched off, and what waits for it is dropped."""
    ended(told)
    world.hangs()
    world.deliver_due()
    world.clock.pass_seconds(FAILING_MAX.total_seconds() - 1)
    ended(told)
    world.deliver_due()
    before = world.webhooks.show("acme", endpoint.id)
    world.clock.pass_seconds(90_000)
    world.deliver_due()
    after = world.webhooks.show("acme", endpoint.id)
    world.clock.pass_seconds(90_000)
    world.deliver_due()

    assert before.active
    assert not after.active
    assert after.switched_off.startswith("Nothing has arrived there since 2030-01-01")
    assert {each.state for each in log(world, endpoint)} == {"failed"}
    assert world.outbox() == []


def test_one_arrival_ends_a_time_of_failure(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """An endpoint that works again is not counted as failing since long ago."""
    ended(told)
    world.answers(500)
    world.deliver_due()
    failing = world.webhooks.show("acme", endpoint.id).failing_since
    world.answers(200)
    world.clock.pass_seconds(10)
    world.deliver_due()

    assert failing is not None
    assert world.webhooks.show("acme", endpoint.id).failing_since is None


def test_a_test_is_tried_once(world: World, endpoint: Endpoint) -> None:
    """A message for trying things out is signed like any other, and given up at its first failure."""
    world.answers(500)
    made = world.deliveries.test(endpoint, world.clock())
    world.deliver_due()

    assert world.sent[0].json["type"] == "webhook.test"
    assert world.deliveries.show("acme", endpoint.id, made.id).state == "failed"
    assert world.outbox() == []


@pytest.mark.parametrize("status", [200, 500])
def test_a_delivery_can_be_asked_for_again(world: World, endpoint: Endpoint, told: Ledger, status: int) -> None:
    """What arrived, was given up or still waits is sent once more at once, under the same id."""
    ended(told)
    world.answers(status)
    world.deliver_due()
    world.deliveries.again(log(world, endpoint)[0], world.clock())
    world.answers(200)
    world.deliver_due()
    (delivery,) = log(world, endpoint)
    world.clock.pass_seconds(100_000)
    world.deliver_due()

    assert [each.status for each in delivery.attempts] == [status, 200]
    assert len({each.headers["webhook-id"] for each in world.sent}) == 1
    assert (len(world.sent), delivery.state, world.outbox()) == (2, "delivered", [])


def test_nothing_is_sent_to_a_deleted_endpoint(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """What waits for an endpoint that is deleted meanwhile is dropped."""
    ended(told)
    world.webhooks.delete("acme", endpoint.id)
    world.deliver_due()

    assert world.sent == []
    assert world.outbox() == []


def test_an_endpoint_that_moved_is_judged_again(world: World, endpoint: Endpoint, memory: MemoryStore) -> None:
    """A URL that came into the store by another way is not trusted for being there."""
    key = f"tenants/acme/webhooks/{endpoint.id}/endpoint.json"
    memory.put(key, memory.get(key).replace(URL.encode(), b"http://127.0.0.1:6379/"))
    world.deliveries.test(endpoint, world.clock())
    world.deliver_due()
    (delivery,) = log(world, endpoint)

    assert world.sent == []
    assert "Expected https, port 443" in delivery.attempts[0].error


class CrashError(BaseException):
    """The process dies."""


class Brittle(MemoryStore):
    """A store during whose calls the process may die."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 10**9

    def put(self, key: str, body: bytes) -> None:
        """Write, unless the process dies before."""
        self._count()
        super().put(key, body)

    def delete(self, key: str) -> None:
        """Remove, unless the process dies before."""
        self._count()
        super().delete(key)

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise CrashError


@pytest.mark.parametrize("calls", range(10))
def test_a_crash_loses_nothing(redis: Redis, calls: int) -> None:
    """Wherever courier or worker die between two writes, the message arrives in the end, always under one id."""
    store, clock = Brittle(), Clock()
    world = World(store, clock)
    endpoint = world.webhooks.create("acme", {"url": URL})
    told = Ledger(store, redis, clock=clock, ended=(world.deliveries.announce,))
    job = told.accept("acme", "compression", REQUEST)
    lease = told.claim(job.id, "w")
    store.left, answers = calls, iter([500, 500, 200])
    world.answer = lambda: Answer(next(answers, 200), None)
    for step in (lambda: told.finish(lease, JobState.SUCCEEDED), world.deliver_due):
        try:
            step()
        except CrashError:
            store.left = 10**9
    store.left = 10**9
    if told.settle(job) is None:  # died before the outcome: the attempt ends again
        told.finish(lease, JobState.SUCCEEDED)
    for _ in range(6):
        clock.pass_seconds(2000)
        world.deliver_due()

    assert {each.headers["webhook-id"] for each in world.sent} == {log(world, endpoint)[0].id}
    assert [each.state for each in log(world, endpoint)] == ["delivered"]
    assert world.outbox() == []


def test_the_log_pages_newest_first(world: World, endpoint: Endpoint, told: Ledger) -> None:
    """Pages of the log follow each other without gap or repetition."""
    jobs = []
    for _ in range(5):
        jobs.append(ended(told).id)
        world.clock.pass_seconds(0.001)
    cursor, pages = "", []
    while cursor is not None:
        page, cursor = world.deliveries.page("acme", endpoint.id, cursor=cursor, limit=2)
        pages.append([each.body["data"]["id"] for each in page])

    assert pages == [[jobs[4], jobs[3]], [jobs[2], jobs[1]], [jobs[0]]]


def test_the_log_forgets(world: World, endpoint: Endpoint, told: Ledger, memory: MemoryStore) -> None:
    """What is older than the log keeps is removed, and all of an endpoint that is gone."""
    gone = world.webhooks.create("acme", {"url": URL})
    ended(told)
    world.deliver_due()
    world.clock.pass_seconds(KEPT.total_seconds() - 1)
    ended(told)
    world.webhooks.delete("acme", gone.id)
    world.deliver_due()
    world.clock.pass_seconds(2)

    assert world.deliveries.tidy(world.clock()) == 3
    assert len(log(world, endpoint)) == 1
    assert list(memory.list(f"tenants/acme/webhooks/{gone.id}/")) == []


@pytest.mark.parametrize("name", ["", "x", "0000000000000.acme.x.y", "9.9.9.9", "0000000000000.acme"])
def test_what_is_no_marker_stops_nobody(world: World, endpoint: Endpoint, memory: MemoryStore, name: str) -> None:
    """An object in the outbox that somebody else has put there is left alone."""
    memory.put(f"outbox/{name}", b"")
    world.deliveries.test(endpoint, world.clock())
    world.deliver_due()

    assert len(world.sent) == 1
    assert world.outbox() == [f"outbox/{name}"]


def test_documents_are_json(world: World, endpoint: Endpoint, told: Ledger, memory: MemoryStore) -> None:
    """Deliveries lie in the store as documents with the version of their form."""
    ended(told)
    (key,) = [found.key for found in memory.list(f"tenants/acme/webhooks/{endpoint.id}/deliveries/")]

    assert json.loads(memory.get(key))["schema"] == "modelpress/delivery/v1"

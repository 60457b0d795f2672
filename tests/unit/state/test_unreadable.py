"""One object that nobody can read, in the store or in Redis, costs nobody else anything."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from receivers import URL, World
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.state import JobKind, JobState
from jobs.janitor import Janitor
from jobs.state.admission import Admission
from jobs.state.audit import STREAM, AuditLog
from jobs.state.documents import UnreadableDocumentError
from jobs.state.idempotency import Asked, Idempotency
from jobs.state.keys import Keys, Scope, key_id_of
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue, Place
from jobs.state.records import Job, utc_now
from jobs.state.retention import Retention
from jobs.state.tenants import Quotas, Tenants
from jobs.state.uploads import Uploads
from jobs.state.versions import NewerDocumentError

REQUEST = {"model": {"uri": "s3://models/tiny"}}
QUOTAS = Quotas(open_jobs=3, running_jobs=0, stored_bytes=1000, steps_per_job=2, points_per_landscape=2, buckets=("*",))
SPOILT = [
    b"",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{}",
    b'{"schema": 1}',
    b"[" * 100_000,
]
"""What may lie where a document belongs."""


@pytest.fixture
def queue(raw_redis: Redis) -> JobQueue:
    """Return an empty queue."""
    return JobQueue(raw_redis)


@pytest.fixture
def janitor(ledger: Ledger, queue: JobQueue, memory: MemoryStore, clock: Clock) -> Janitor:
    """Return a janitor with the test's clock."""
    return Janitor(ledger, queue, Landscapes(memory, ledger, queue), clock)


def base(job: Job) -> str:
    """Return where the job's objects are."""
    return f"tenants/{job.tenant}/jobs/{job.id}/"


def record(job: Job) -> str:
    """Return where Redis has the job."""
    return f"modelpress:{{{job.id}}}:record"


@pytest.mark.parametrize("content", SPOILT)
@pytest.mark.parametrize("name", ["request.json", "outcome.json", "cancel", "attempts/1/claim"])
def test_jobs_beside_one_that_cannot_be_read(
    *, ledger: Ledger, janitor: Janitor, queue: JobQueue, memory: MemoryStore, redis: Redis, name: str, content: bytes
) -> None:
    """Whichever object of a job is spoilt, and Redis has forgotten all: the others are listed, rebuilt and enqueued."""
    good, bad, other = (ledger.accept("acme", "compression", REQUEST) for _ in range(3))
    redis.flushdb()
    memory.put(base(bad) + name, content)
    janitor.round()

    assert {good.id, other.id} <= {job.id for job in ledger.page("acme").jobs}
    assert [queue.place(job) for job in (good, other)] == [Place.WAITING] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"tenant": 3},
        {"created_at": "soon"},
        {"request": []},
        {"request": {"limits": {"queue_timeout_s": "long"}}},
        {"request": {"limits": {"queue_timeout_s": 10**30}}},
        {"labels": "x"},
        {"max_attempts": "3"},
    ],
)
def test_a_request_of_other_types(ledger: Ledger, memory: MemoryStore, redis: Redis, changes: dict[str, Any]) -> None:
    """A request whose fields have other types is told of as a fault of the store, and listings go on without it."""
    bad, good = (ledger.accept("acme", "compression", REQUEST) for _ in range(2))
    redis.flushdb()
    memory.put(f"{base(bad)}request.json", json.dumps(bad.to_request() | changes).encode())

    assert [job.id for job in ledger.page("acme").jobs] == [good.id]
    with pytest.raises(UnreadableDocumentError, match=bad.id):
        ledger.show("acme", bad.id)


@pytest.mark.parametrize("change", [{"state": "lost"}, {"attempt": "x"}, {"request": "{"}, {"created_at": ""}])
def test_a_record_that_redis_spoilt(
    ledger: Ledger, janitor: Janitor, redis: Redis, change: Mapping[str, str], queue: JobQueue
) -> None:
    """A record in Redis that nobody can read is as good as lost: the archive has the job."""
    job = ledger.accept("acme", "compression", REQUEST)
    redis.hset(record(job), mapping=change)

    assert [each.id for each in ledger.page("acme").jobs] == [job.id]
    redis.hset(record(job), mapping=change)
    assert janitor.round() == 1
    assert (ledger.show("acme", job.id).state, queue.place(job)) == (JobState.QUEUED, Place.WAITING)


def test_a_record_of_a_newer_release_stays(ledger: Ledger, redis: Redis) -> None:
    """A record that only a newer release can read is not taken for a spoilt one."""
    job = ledger.accept("acme", "compression", REQUEST)
    redis.hset(record(job), mapping={"schema": "modelpress/request/v2", "state": "dreaming"})

    with pytest.raises(NewerDocumentError):
        ledger.find(job.id)
    assert redis.hget(record(job), "state") == "dreaming"


def test_a_kind_and_a_limit_of_a_newer_release(ledger: Ledger) -> None:
    """A job of an unknown kind is shown, and left to newer workers; a limit that is not known is overlooked."""
    newer = ledger.accept("acme", "merger", REQUEST)
    limited = ledger.accept("acme", "compression", REQUEST | {"limits": {"queue_timeout_s": 5, "carbon_g": 3}})

    assert ledger.show("acme", newer.id).kind == "merger"
    with pytest.raises(NewerDocumentError):
        ledger.claim(newer.id, "worker")
    assert ledger.show("acme", limited.id).limits.queue_timeout_s == 5


def test_foreign_things_among_the_objects(
    ledger: Ledger, janitor: Janitor, queue: JobQueue, memory: MemoryStore, redis: Redis
) -> None:
    """What is no job below ``open/``, and no number below ``attempts/``, is passed over."""
    job = ledger.accept("acme", "compression", REQUEST)
    memory.put("open/README", b"hello")
    memory.put("open/job_00000000000000000000000000", b"hello")
    memory.put(f"{base(job)}attempts/old/claim", b"{}")
    redis.flushdb()

    assert janitor.round() == 1
    assert queue.place(job) is Place.WAITING


@pytest.mark.parametrize("content", SPOILT)
def test_a_spoilt_roster_costs_no_landscape(
    ledger: Ledger, janitor: Janitor, memory: MemoryStore, content: bytes
) -> None:
    """Neither what says which points are taken up by others, nor the index of them, keeps a landscape from going on."""
    grid = {"techniques": ["head_pruning"], "removed": [0.25, 0.5]}
    first = ledger.accept("acme", JobKind.LANDSCAPE, {**REQUEST, "grid": grid})
    janitor.round()
    for found in list(memory.list("tenants/acme/points/")):
        memory.put(found.key, content)
    second = ledger.accept("acme", JobKind.LANDSCAPE, {**REQUEST, "grid": grid})
    memory.put(f"{base(second)}points.json", content)
    janitor.round()

    parents = [job.parent for job in ledger.page("acme").jobs]
    assert (parents.count(first.id), parents.count(second.id)) == (2, 2)


@pytest.mark.parametrize("content", SPOILT)
def test_a_webhook_that_cannot_be_read_keeps_no_job_open(
    *, memory: MemoryStore, redis: Redis, clock: Clock, content: bytes
) -> None:
    """A spoilt endpoint is not told; the others are, the job's marker goes, and the endpoint can be deleted."""
    world = World(memory, clock)
    good, bad = (world.webhooks.create("acme", {"url": URL}) for _ in range(2))
    memory.put(f"tenants/acme/webhooks/{bad.id}/endpoint.json", content)
    told = Ledger(memory, redis, clock=clock, ended=(world.deliveries.announce,))
    job = told.accept("acme", "compression", REQUEST)
    told.finish(told.claim(job.id, "w"), JobState.SUCCEEDED)
    world.deliver_due()

    assert (list(told.open_ids()), len(world.sent)) == ([], 1)
    assert world.deliveries.page("acme", good.id)[0][0].state == "delivered"
    assert world.deliveries.tidy(clock()) == 0
    assert world.webhooks.delete("acme", bad.id)
    assert [each.id for each in world.webhooks.of("acme")] == [good.id]


@pytest.mark.parametrize("content", SPOILT)
def test_a_delivery_that_cannot_be_read_holds_up_no_other(memory: MemoryStore, clock: Clock, content: bytes) -> None:
    """A spoilt delivery leaves the outbox and the log; those behind it arrive."""
    world = World(memory, clock)
    endpoint = world.webhooks.create("acme", {"url": URL})
    bad = world.deliveries.test(endpoint, clock())
    clock.pass_seconds(1)
    good = world.deliveries.test(endpoint, clock())
    prefix = f"tenants/acme/webhooks/{endpoint.id}/deliveries/"
    (key,) = (found.key for found in memory.list(prefix) if bad.id in found.key)
    memory.put(key, content)
    memory.put(f"{prefix}README", b"hello")
    world.deliver_due()

    assert [each.headers["webhook-id"] for each in world.sent] == [good.id]
    assert (world.outbox(), [each.id for each in world.deliveries.page("acme", endpoint.id)[0]]) == ([], [good.id])


@pytest.mark.parametrize("content", [each for each in SPOILT if each != b"null"])
def test_a_key_that_cannot_be_read(memory: MemoryStore, redis: Redis, content: bytes) -> None:
    """A spoilt key lets nobody in and is no 500; the others open the door, are listed, and it can be revoked."""
    keys = Keys(memory, redis)
    good, bad = (keys.create("acme", name) for name in ("good", "bad"))
    memory.put(f"keys/{key_id_of(bad)}.json", content)
    redis.flushdb()
    keys = Keys(memory, redis)

    with pytest.raises(UnreadableDocumentError):
        keys.identify(bad)
    assert keys.identify(good).name == "good"
    assert [each.name for each in keys.all()] == ["good"]
    assert keys.revoke(bad) is None
    assert keys.identify(bad) is None


def test_scopes_that_are_not_known_allow_nothing(memory: MemoryStore, redis: Redis) -> None:
    """A key with scopes of a newer release may do what this one knows of them, and with none of them nothing."""
    keys = Keys(memory, redis)
    key = keys.create("acme", "ci")
    place = f"keys/{key_id_of(key)}.json"
    found = []
    for scopes in (["read", "dream"], ["dream"], []):
        memory.put(place, json.dumps(json.loads(memory.get(place)) | {"scopes": scopes}).encode())
        redis.flushdb()
        found.append(Keys(memory, redis).identify(key).scopes)

    assert found == [{Scope.READ}, set(), set()]


@pytest.mark.parametrize("content", [*SPOILT[:3], b'{"quotas": {"open_jobs": "many"}}', b'{"quotas": {"buckets": 3}}'])
def test_quotas_that_cannot_be_read(memory: MemoryStore, redis: Redis, ledger: Ledger, content: bytes) -> None:
    """A tenant whose quotas are spoilt is let in nowhere, others are; the counts of all are put right."""
    tenants = Tenants(memory, redis, QUOTAS)
    admission = Admission(memory, redis, tenants)
    memory.put("tenants/acme/tenant.json", content)

    with pytest.raises(UnreadableDocumentError):
        ledger.accept("acme", "compression", REQUEST, admit=admission.admit)
    assert ledger.accept("beta", "compression", REQUEST, admit=admission.admit).tenant == "beta"


def test_a_landscape_without_sense_is_not_counted(memory: MemoryStore, redis: Redis, ledger: Ledger) -> None:
    """An open landscape whose points nobody can tell does not keep the counts of others from being put right."""
    admission = Admission(memory, redis, Tenants(memory, redis, QUOTAS))
    jobs = [ledger.accept("acme", "landscape", {"grid": 3}), ledger.accept("beta", "compression", REQUEST)]
    admission.recount(jobs, 0)

    assert (admission.usage("acme")["open_jobs"], admission.usage("beta")["open_jobs"]) == (0, 1)


@pytest.mark.parametrize("content", SPOILT)
def test_an_idempotency_record_that_cannot_be_read(memory: MemoryStore, redis: Redis, content: bytes) -> None:
    """Nobody can say what a spoilt record made, so nothing is made twice: that key fails, and others work."""
    idempotency = Idempotency(memory, redis, kept_s=100)
    bad, good = (Asked("acme", key, "POST /v1/compressions", {}, "job_1") for key in ("bad", "good"))
    memory.put(bad.place, content)
    made: list[str] = []

    with pytest.raises(UnreadableDocumentError):
        idempotency.once(bad, find=lambda _: None, make=made.append)
    idempotency.once(good, find=lambda _: None, make=made.append)
    assert made == ["job_1"]


@pytest.mark.parametrize("content", SPOILT)
def test_the_collector_passes_over_what_it_cannot_read(
    *, ledger: Ledger, redis: Redis, clock: Clock, memory: MemoryStore, content: bytes
) -> None:
    """Whatever is spoilt stays; what may go besides goes."""
    job = ledger.accept("acme", "compression", REQUEST)
    ledger.finish(ledger.claim(job.id, "w"), JobState.SUCCEEDED)
    spoilt = {
        f"{base(job)}outcome.json",
        "tenants/acme/idempotency/aa",
        "tenants/acme/points/aa",
        "tenants/acme/uploads/upl_01J82KZW24PSVGGD4BVJ8FCZ0V/upload.json",
    }
    for key in spoilt:
        memory.put(key, content)
    memory.put("tenants/zeta/gone/job_1", b"{}")
    later = clock() + timedelta(days=10_000)
    found = [each.info.key for each in Retention(memory, redis, clock=lambda: later).collect(delete=True)]

    assert found == ["tenants/zeta/gone/job_1"]
    assert spoilt <= {each.key for each in memory.list("tenants/")}


def test_uploads_of_a_newer_release_are_left_to_it(memory: MemoryStore, redis: Redis, clock: Clock) -> None:
    """The collector lets no upload go that it cannot understand."""
    uploads = Uploads(memory)
    shown = uploads.create("acme", [{"path": "a", "bytes": 1}])
    key = f"tenants/acme/uploads/{shown['id']}/upload.json"
    memory.put(key, json.dumps(json.loads(memory.get(key)) | {"schema": "modelpress/upload/v9"}).encode())
    later = utc_now() + timedelta(days=10_000)

    assert list(Retention(memory, redis, clock=lambda: later).collect(delete=True)) == []
    with pytest.raises(NewerDocumentError):
        uploads.show("acme", shown["id"])


@pytest.mark.parametrize("content", SPOILT[2:])
def test_an_audit_that_somebody_spoilt(memory: MemoryStore, redis: Redis, clock: Clock, content: bytes) -> None:
    """Lines that are no notes, in Redis or in the store, hide none of the others, and are gathered once."""
    audit = AuditLog(memory, redis, clock)
    audit.note(who="key:1", tenant="acme", what="a", outcome="202")
    redis.xadd(STREAM, {"note": content.decode()})
    redis.xadd(STREAM, {"other": "x"})
    audit.note(who="key:1", tenant="acme", what="b", outcome="202")
    memory.put("audit/2030-01-01/aa.jsonl", content)

    assert audit.gather() == 4
    assert ([each["what"] for each in audit.read("2030-01-01")], audit.gather()) == (["a", "b"], 0)

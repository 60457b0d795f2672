"""Releases of before and after side by side: what one does not know, it leaves to the other, and loses nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state import versions
from jobs.state.deliveries import Deliveries
from jobs.state.keys import Keys
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job, utc_now
from jobs.state.uploads import Uploads
from jobs.state.versions import NewerDocumentError, readable, schema_of
from jobs.state.webhooks import Webhooks

REQUEST = {"model": {"uri": "s3://models/tiny"}}


@pytest.fixture
def janitor(ledger: Ledger, memory: MemoryStore, raw_redis: Redis, clock: Clock) -> Janitor:
    """Return a janitor who finds every job too long in the queue."""
    queue = JobQueue(raw_redis)
    return Janitor(ledger, queue, Landscapes(memory, ledger, queue), lambda: clock() + timedelta(days=100))


def edit(store: MemoryStore, key: str, **fields: Any) -> None:
    """Change fields of a document."""
    store.put(key, json.dumps(json.loads(store.get(key)) | fields).encode())


def accepted_by_newer(ledger: Ledger, store: MemoryStore, redis: Redis, schema: str) -> Job:
    """Return a job as a release would accept it that knows more fields and *schema*."""
    job = ledger.accept("acme", "compression", REQUEST)
    edit(store, f"tenants/acme/jobs/{job.id}/request.json", schema=schema, priority="high")
    redis.hset(f"modelpress:{{{job.id}}}:record", mapping={"schema": schema, "priority": "high"})
    return job


@pytest.mark.parametrize("forget", [False, True])
def test_a_field_that_is_not_known_is_overlooked(
    ledger: Ledger, memory: MemoryStore, redis: Redis, forget: bool
) -> None:
    """An older worker does a job with more fields than it knows, from Redis and from the store alike."""
    job = accepted_by_newer(ledger, memory, redis, "modelpress/request/v1")
    if forget:
        redis.flushdb()
    lease = ledger.claim(job.id, "worker")

    assert lease is not None
    assert ledger.finish(lease, JobState.SUCCEEDED).state is JobState.SUCCEEDED


@pytest.mark.parametrize("forget", [False, True])
def test_a_newer_request_is_left_to_others(
    ledger: Ledger, memory: MemoryStore, redis: Redis, janitor: Janitor, forget: bool
) -> None:
    """An older worker and janitor do nothing to it, not even fail it; callers see it, and a newer release does it."""
    job = accepted_by_newer(ledger, memory, redis, "modelpress/request/v2")
    if forget:
        redis.flushdb()

    assert janitor.round() == 0
    with pytest.raises(NewerDocumentError, match=r"v1 or older; got modelpress/request/v2, which a newer release"):
        ledger.claim(job.id, "worker")
    shown = ledger.show("acme", job.id)
    assert (shown.state, shown.to_resource()["request"]) == (JobState.QUEUED, REQUEST)
    assert ledger.page("acme").jobs == (shown,)
    assert redis.keys("rq:job:*") == []


def test_a_newer_release_goes_on(
    ledger: Ledger, memory: MemoryStore, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does what the older one left, and what the older one accepted."""
    newer, older = accepted_by_newer(ledger, memory, redis, "modelpress/request/v2"), ledger.accept("acme", "plan", {})
    monkeypatch.setitem(versions.KNOWN, "request", 2)

    assert ledger.claim(newer.id, "worker") is not None
    assert ledger.claim(older.id, "worker") is not None


def test_documents_of_before_there_were_numbers_are_read(ledger: Ledger, memory: MemoryStore, redis: Redis) -> None:
    """A job that an early release accepted, claimed and ended is shown as it ended."""
    job = ledger.accept("acme", "compression", REQUEST)
    ledger.finish(ledger.claim(job.id, "worker"), JobState.SUCCEEDED)
    for key in ("request.json", "attempts/1/claim", "outcome.json"):
        edit(memory, f"tenants/acme/jobs/{job.id}/{key}", schema="")
    redis.flushdb()

    assert ledger.show("acme", job.id).state is JobState.SUCCEEDED


@pytest.mark.parametrize(("kind", "key"), [("claim", "attempts/1/claim"), ("outcome", "outcome.json")])
def test_what_a_newer_worker_wrote_is_worth_another_try(
    ledger: Ledger, memory: MemoryStore, redis: Redis, kind: str, key: str
) -> None:
    """An older release that cannot read how a job went says so as a fault that passes, and changes nothing."""
    job = ledger.accept("acme", "compression", REQUEST)
    ledger.finish(ledger.claim(job.id, "worker"), JobState.SUCCEEDED)
    edit(memory, f"tenants/acme/jobs/{job.id}/{key}", schema=f"modelpress/{kind}/v2")
    redis.flushdb()

    with pytest.raises(StorageError, match=f"modelpress/{kind}/v2"):
        ledger.show("acme", job.id)


def test_every_document_says_its_schema(ledger: Ledger, memory: MemoryStore, redis: Redis) -> None:
    """Request, claim, outcome, upload, key, webhook and delivery carry the schema of their kind."""
    ledger.finish(ledger.claim(ledger.accept("acme", "compression", REQUEST).id, "worker"), JobState.SUCCEEDED)
    Uploads(memory).create("acme", [{"path": "config.json", "bytes": 2}])
    Keys(memory, redis).create("acme", "laptop")
    webhooks = Webhooks(memory)
    Deliveries(memory, webhooks).test(webhooks.create("acme", {"url": "https://hooks.example.com/"}), utc_now())
    said = {
        json.loads(memory.get(info.key)).get("schema")
        for info in memory.list("")
        if not info.key.startswith(("open/", "outbox/"))
    }

    assert said == {schema_of(kind) for kind in versions.KNOWN}


@pytest.mark.parametrize("said", ["modelpress/claim/v1", "modelpress/request/vX", "v1"])
def test_a_schema_of_something_else_is_refused(said: str) -> None:
    """What is not a request is not read as one."""
    with pytest.raises(NewerDocumentError):
        readable({"schema": said}, "request")

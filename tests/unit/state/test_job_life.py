"""The life of a job in the ledger, move by move."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import CancelledError, InvalidRequestError, LeaseLostError, StorageError, UnsafeFormatError
from jobs.contract.state import JobState
from jobs.state.events import EventLog
from jobs.state.failures import AttemptLostError
from jobs.state.ledger import Ledger
from jobs.state.records import Job

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}
PROGRESS = {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5}


def accepted(ledger: Ledger, **more: Any) -> Job:
    """Return a job just accepted."""
    return ledger.accept("acme", "compression", {**REQUEST, **more})


def stored(memory: MemoryStore, job: Job, name: str) -> dict:
    """Return one of the job's documents in the store."""
    return json.loads(memory.get(f"tenants/acme/jobs/{job.id}/{name}"))


def test_accepting_stores_request_and_marker_before_it_returns(ledger: Ledger, memory: MemoryStore) -> None:
    """An accepted job is in the store: its request, and a marker that it has not ended."""
    job = accepted(ledger)

    assert stored(memory, job, "request.json")["request"] == REQUEST
    assert json.loads(memory.get(f"open/{job.id}")) == {"tenant": "acme"}
    assert ledger.show("acme", job.id) == job


def test_accepting_does_without_redis(memory: MemoryStore) -> None:
    """A job is accepted, shown and listed as open while Redis is away."""
    ledger = Ledger(memory, Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True))

    job = accepted(ledger)

    assert ledger.show("acme", job.id).state is JobState.QUEUED
    assert list(ledger.open_ids()) == [job.id]


def test_a_resource_has_every_field_of_the_contract(ledger: Ledger) -> None:
    """What callers see of a fresh job is complete."""
    resource = accepted(ledger, limits={"queue_timeout_s": 60}).to_resource()

    assert {key: resource[key] for key in ("kind", "state", "terminal", "attempt", "max_attempts")} == {
        "kind": "compression",
        "state": "queued",
        "terminal": False,
        "attempt": 0,
        "max_attempts": 3,
    }
    assert resource["created_at"] == "2030-01-01T00:00:00.000Z"
    assert resource["expires_at"] == "2030-01-01T00:01:00.000Z"
    assert resource["links"]["report"] == f"/v1/jobs/{resource['id']}/report"
    assert resource["progress"] is resource["error"] is resource["parent"] is resource["retry_of"] is None


@pytest.mark.parametrize("job_id", ["job_01ARZ3NDEKTSV4RRFFQ69G5FAV", "nonsense", "../../open", "job_01ARZ3/../x"])
def test_an_unknown_id_is_nothing(ledger: Ledger, job_id: str) -> None:
    """An id that was never given shows nothing, whatever its form."""
    assert ledger.show("acme", job_id) is None
    assert ledger.request_cancel("acme", job_id) is None


def test_a_foreign_job_is_as_unknown_as_a_made_up_one(ledger: Ledger, redis: Redis) -> None:
    """Another tenant sees, cancels and downloads nothing, with Redis and without."""
    job = accepted(ledger)
    for _ in range(2):
        assert ledger.show("other", job.id) is None
        assert ledger.request_cancel("other", job.id) is None
        assert ledger.manifest("other", job.id) is None
        assert ledger.artifact_key("other", job.id, "config.json") is None
        assert ledger.page("other").jobs == ()
        redis.flushdb()

    assert ledger.show("acme", job.id).state is JobState.QUEUED


def test_a_claim_runs_the_job_and_is_written_down(ledger: Ledger, memory: MemoryStore) -> None:
    """Claiming makes attempt 1, whose claim in the store has the lease's proof."""
    job = accepted(ledger)

    lease = ledger.claim(job.id, "w1")

    running = ledger.show("acme", job.id)
    assert (running.state, running.attempt, running.worker) == (JobState.RUNNING, 1, "w1")
    assert stored(memory, job, "attempts/1/claim")["token"] == lease.token == running.token


def test_of_many_claimers_one_wins(ledger: Ledger) -> None:
    """Eight threads claim one job: exactly one gets the lease."""
    job = accepted(ledger)

    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda n: ledger.claim(job.id, f"w{n}"), range(8)))

    assert sum(lease is not None for lease in leases) == 1


def test_a_claim_that_the_store_knows_better_is_not_given(ledger: Ledger, memory: MemoryStore, redis: Redis) -> None:
    """Where the store has a claim that Redis does not know of, nobody gets the same attempt again."""
    job = accepted(ledger)
    before = redis.hgetall(f"modelpress:{{{job.id}}}:record")
    ledger.claim(job.id, "w1")
    redis.delete(f"modelpress:{{{job.id}}}:record")
    redis.hset(f"modelpress:{{{job.id}}}:record", mapping=before)

    assert ledger.claim(job.id, "w2") is None
    assert ledger.show("acme", job.id).worker == "w1"


def test_a_finished_job_ends_once(ledger: Ledger, memory: MemoryStore) -> None:
    """Finishing writes the outcome, removes the marker and cannot be repeated."""
    lease = ledger.claim(accepted(ledger).id, "w1")

    job = ledger.finish(lease, JobState.SUCCEEDED)

    assert job.state is JobState.SUCCEEDED
    assert stored(memory, job, "outcome.json")["manifest"].endswith("/attempts/1/manifest.json")
    assert list(ledger.open_ids()) == []
    with pytest.raises(LeaseLostError):
        ledger.finish(lease, JobState.FAILED)
    assert ledger.show("acme", job.id).state is JobState.SUCCEEDED


def test_only_the_first_outcome_counts(ledger: Ledger, memory: MemoryStore) -> None:
    """An attempt whose job got an outcome behind its back loses the lease and settles on that outcome."""
    job = accepted(ledger)
    lease = ledger.claim(job.id, "w1")
    other = {"state": "cancelled", "attempt": 1, "token": "other", "ended_at": "2030-01-01T00:00:00Z", "error": None}
    memory.put(f"tenants/acme/jobs/{job.id}/outcome.json", json.dumps(other).encode())

    with pytest.raises(LeaseLostError):
        ledger.finish(lease, JobState.SUCCEEDED)

    assert ledger.show("acme", job.id).state is JobState.CANCELLED


def test_nobody_takes_a_job_over_while_its_outcome_is_written(ledger: Ledger, memory: MemoryStore) -> None:
    """A janitor that saw the lease lapse comes too late once the attempt has begun to end the job."""
    lease = ledger.claim(accepted(ledger).id, "w1")
    seen = ledger.show("acme", lease.job.id)
    taken_over = []
    write = memory.put_if_absent

    def write_slowly(key: str, body: bytes) -> bool:
        taken_over.append(ledger.abandon(seen, AttemptLostError("silent")))
        return write(key, body)

    memory.put_if_absent = write_slowly

    assert ledger.finish(lease, JobState.SUCCEEDED).state is JobState.SUCCEEDED
    assert taken_over == [None]


def test_a_job_that_has_ended_is_not_claimed(ledger: Ledger, memory: MemoryStore, redis: Redis) -> None:
    """Where Redis still says queued, but the store has the outcome, nobody computes it again."""
    job = accepted(ledger)
    before = redis.hgetall(f"modelpress:{{{job.id}}}:record")
    ledger.finish(ledger.claim(job.id, "w1"), JobState.SUCCEEDED)
    redis.hset(f"modelpress:{{{job.id}}}:record", mapping=before)

    assert ledger.claim(job.id, "w2") is None
    assert ledger.show("acme", job.id).state is JobState.SUCCEEDED
    assert memory.head(f"tenants/acme/jobs/{job.id}/attempts/2/claim") is None


def test_a_request_that_was_never_accepted_is_no_job(ledger: Ledger, memory: MemoryStore) -> None:
    """Where the marker could not be written the caller was told so: no job comes of the request, and none is listed."""
    job = accepted(ledger)
    body = memory.get(f"tenants/acme/jobs/{job.id}/request.json")
    orphan = "job_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    memory.put(f"tenants/acme/jobs/{orphan}/request.json", body.replace(job.id.encode(), orphan.encode()))

    assert ledger.show("acme", orphan) is None
    assert [each.id for each in ledger.page("acme").jobs] == [job.id]


def test_progress_is_shown_and_told(ledger: Ledger) -> None:
    """Progress appears in the job and as an event with its stage."""
    lease = ledger.claim(accepted(ledger).id, "w1")

    ledger.progress(lease, PROGRESS, message="halfway")

    assert ledger.show("acme", lease.job.id).progress == PROGRESS
    event = EventLog(ledger._memory._redis).page(lease.job.id)[-1]
    assert (event["type"], event["stage"], event["message"], event["data"]) == (
        "progress",
        "compress",
        "halfway",
        PROGRESS,
    )


def test_cancelling_a_waiting_job_ends_it_at_once(ledger: Ledger, memory: MemoryStore) -> None:
    """A queued job that is cancelled has its outcome, and no worker can claim it; doing it again changes nothing."""
    job = accepted(ledger)

    cancelled = ledger.request_cancel("acme", job.id)

    assert (cancelled.state, cancelled.error["code"]) == (JobState.CANCELLED, "cancelled")
    assert stored(memory, job, "outcome.json")["state"] == "cancelled"
    assert ledger.claim(job.id, "w1") is None
    assert ledger.request_cancel("acme", job.id) == cancelled


def test_cancelling_a_running_job_stops_it_at_its_next_progress(ledger: Ledger) -> None:
    """A running job is asked to stop; its next progress says so, and giving up cancels it."""
    lease = ledger.claim(accepted(ledger).id, "w1")

    assert ledger.request_cancel("acme", lease.job.id).state is JobState.CANCELLING
    with pytest.raises(CancelledError) as caught:
        ledger.progress(lease, PROGRESS)
    ended = ledger.give_up(lease, caught.value, stage="compress")

    assert ended.state is JobState.CANCELLED


def test_cancelling_a_job_that_ended_changes_nothing(ledger: Ledger) -> None:
    """The caller who is too late gets the job as it ended."""
    lease = ledger.claim(accepted(ledger).id, "w1")
    job = ledger.finish(lease, JobState.SUCCEEDED)

    assert ledger.request_cancel("acme", job.id).state is JobState.SUCCEEDED


def test_a_failure_of_the_caller_is_final(ledger: Ledger) -> None:
    """An error that trying again cannot mend fails the job at its first attempt, with its code and stage."""
    lease = ledger.claim(accepted(ledger).id, "w1")

    job = ledger.give_up(lease, UnsafeFormatError("pickled"), stage="fetch")

    assert job.state is JobState.FAILED
    assert job.error == {
        "code": "unsafe_format",
        "message": "pickled",
        "stage": "fetch",
        "retryable": False,
        "attempt": 1,
    }


def test_a_failure_of_the_store_is_tried_again_until_the_last_attempt(ledger: Ledger) -> None:
    """A retryable error queues the job again, twice; the third time it fails for good."""
    job, seen = accepted(ledger), []
    for _ in range(3):
        lease = ledger.claim(job.id, "w1")
        seen.append(ledger.give_up(lease, StorageError("away"), stage="fetch").state)

    assert seen == [JobState.QUEUED, JobState.QUEUED, JobState.FAILED]
    assert ledger.show("acme", job.id).error["attempt"] == 3


def test_a_stale_lease_can_do_nothing(ledger: Ledger, clock: Clock) -> None:
    """Once another attempt runs, the old one cannot report, finish or give up."""
    job = accepted(ledger)
    stale = ledger.claim(job.id, "w1")
    ledger.abandon(ledger.show("acme", job.id), AttemptLostError("silent"))
    fresh = ledger.claim(job.id, "w2")

    for forbidden in (lambda: ledger.progress(stale, PROGRESS), lambda: ledger.finish(stale, JobState.SUCCEEDED)):
        with pytest.raises(LeaseLostError):
            forbidden()
    assert ledger.give_up(stale, StorageError("away"), stage=None) is None
    assert ledger.heartbeat(job.id, "w1") is None
    assert ledger.finish(fresh, JobState.SUCCEEDED).attempt == 2


def test_a_heartbeat_prolongs_the_lease(ledger: Ledger, clock: Clock) -> None:
    """A job whose worker is heard of does not lapse; one that falls silent does."""
    job = accepted(ledger)
    ledger.claim(job.id, "w1")
    clock.pass_seconds(59)
    assert ledger.heartbeat(job.id, "w1") is JobState.RUNNING
    clock.pass_seconds(59)

    assert not ledger.show("acme", job.id).lapsed(clock())
    clock.pass_seconds(2)
    assert ledger.show("acme", job.id).lapsed(clock())


def test_a_worker_that_is_heard_of_is_not_overtaken(ledger: Ledger) -> None:
    """Giving a silent worker's job away fails when it was heard of in between."""
    job = accepted(ledger)
    ledger.claim(job.id, "w1")
    seen = ledger.show("acme", job.id)
    ledger.heartbeat(job.id, "w1")

    assert ledger.abandon(seen, AttemptLostError("silent")) is None
    assert ledger.show("acme", job.id).state is JobState.RUNNING


def test_a_job_that_waited_too_long_expires_when_claimed(ledger: Ledger, clock: Clock) -> None:
    """A worker that comes too late gets nothing, and the job says why."""
    job = accepted(ledger, limits={"queue_timeout_s": 60})
    clock.pass_seconds(60)

    assert ledger.claim(job.id, "w1") is None
    ended = ledger.show("acme", job.id)
    assert (ended.state, ended.error["code"], ended.error["stage"]) == (JobState.EXPIRED, "limit_exceeded", "queue")


def test_pages_go_through_all_jobs_newest_first(ledger: Ledger) -> None:
    """Following the cursor shows each job once, newest first."""
    ids = [accepted(ledger).id for _ in range(5)]
    first = ledger.page("acme", limit=2)
    second = ledger.page("acme", limit=2, cursor=first.next_cursor)
    third = ledger.page("acme", limit=2, cursor=second.next_cursor)

    assert [job.id for page in (first, second, third) for job in page.jobs] == sorted(ids, reverse=True)
    assert third.next_cursor is None


def test_pages_can_be_filtered(ledger: Ledger) -> None:
    """State, kind and label each leave only what fits."""
    plain = accepted(ledger)
    labelled = ledger.accept("acme", "profile", REQUEST, labels={"team": "speech"})
    ledger.claim(plain.id, "w1")

    def ids(**filters: Any) -> list[str]:
        return [job.id for job in ledger.page("acme", **filters).jobs]

    assert ids(state=JobState.RUNNING) == [plain.id]
    assert ids(kind="profile") == ids(label="team") == ids(label="team=speech") == [labelled.id]
    assert ids(label="team=vision") == ids(label="owner") == []


def test_a_page_looks_at_so_many_jobs_and_no_more(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that nearly nothing fits gives short pages, whose cursors lead to what fits."""
    wanted = ledger.accept("acme", "compression", REQUEST, labels={"team": "speech"})
    for _ in range(4):
        accepted(ledger)
    monkeypatch.setattr("jobs.state.reading.SCANNED_MAX", 3)

    first = ledger.page("acme", label="team")

    assert first.jobs == ()
    assert ledger.page("acme", label="team", cursor=first.next_cursor).jobs == (wanted,)


def test_a_made_up_cursor_is_refused(ledger: Ledger) -> None:
    """A cursor that no page gave is an error of the caller."""
    with pytest.raises(InvalidRequestError, match="next_cursor"):
        ledger.page("acme", cursor="yesterday")


def test_the_latest_events_come_newest_first(ledger: Ledger) -> None:
    """Whoever wants to know how a job stands reads its last events, without all that came before."""
    job = accepted(ledger)
    ledger.request_cancel("acme", job.id)
    all_of_them = EventLog(ledger._memory._redis).page(job.id)

    assert EventLog(ledger._memory._redis).latest(job.id, limit=2) == all_of_them[:-3:-1]
    assert len(all_of_them) > 2

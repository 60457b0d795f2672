"""The janitor's rounds: whatever was left behind is brought in line."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.contract.state import JobState
from jobs.janitor import Janitor, beside, safely
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue, Place
from jobs.state.records import Job

REQUEST = {
    "model": {"uri": "s3://models/tiny"},
    "steps": [{"technique": "low_rank"}],
    "limits": {"queue_timeout_s": 1000, "run_timeout_s": 300},
}


@pytest.fixture
def queue(raw_redis: Redis) -> JobQueue:
    """Return an empty queue."""
    return JobQueue(raw_redis)


@pytest.fixture
def janitor(ledger: Ledger, queue: JobQueue, memory: MemoryStore, clock: Clock) -> Janitor:
    """Return a janitor with the test's clock."""
    return Janitor(ledger, queue, Landscapes(memory, ledger, queue), clock)


@pytest.fixture
def job(ledger: Ledger) -> Job:
    """Return a job that was accepted, but never put on the queue."""
    return ledger.accept("acme", "compression", REQUEST)


def test_a_waiting_job_is_put_on_the_queue_once(janitor: Janitor, queue: JobQueue, job: Job) -> None:
    """A job whose enqueueing was lost is enqueued; the next round has nothing to do."""
    assert janitor.round() == 1
    assert queue.place(job) is Place.WAITING
    assert janitor.round() == 0


def test_everything_is_rebuilt_after_redis_was_lost(
    janitor: Janitor, ledger: Ledger, queue: JobQueue, job: Job, redis: Redis
) -> None:
    """Redis comes back empty: the job is known, told of and on the queue again after one round."""
    queue.enqueue(job)
    redis.flushdb()

    assert janitor.round() == 1
    assert ledger.show("acme", job.id).state is JobState.QUEUED
    assert queue.place(job) is Place.WAITING


def test_a_job_that_vanished_between_queue_and_worker_comes_back(
    janitor: Janitor, queue: JobQueue, job: Job, redis: Redis
) -> None:
    """A worker died with a job in its hand: the second round that sees this enqueues it again."""
    queue.enqueue(job)
    redis.lmove("rq:queue:modelpress", "rq:queue:modelpress:intermediate")

    assert janitor.round() == 0
    assert janitor.round() == 1
    assert queue.place(job) is Place.WAITING
    assert redis.llen("rq:queue:modelpress:intermediate") == 0


def test_a_silent_worker_loses_its_job_to_the_next_attempt(
    janitor: Janitor, ledger: Ledger, queue: JobQueue, clock: Clock, job: Job
) -> None:
    """When the lease lapses the job waits for attempt 2, on the queue."""
    ledger.claim(job.id, "w1")
    clock.pass_seconds(59)
    assert janitor.round() == 0
    clock.pass_seconds(2)

    assert janitor.round() == 1
    assert ledger.show("acme", job.id).state is JobState.QUEUED
    assert queue.place(ledger.find(job.id)) is Place.WAITING


def test_the_last_attempt_is_the_last(janitor: Janitor, ledger: Ledger, clock: Clock, job: Job) -> None:
    """After three silent workers the job has failed and is open no more."""
    for worker in ("w1", "w2", "w3"):
        ledger.claim(job.id, worker)
        clock.pass_seconds(61)
        janitor.round()

    ended = ledger.show("acme", job.id)
    assert (ended.state, ended.error["code"], ended.error["attempt"]) == (JobState.FAILED, "internal_error", 3)
    assert list(ledger.open_ids()) == []


def test_a_silent_job_that_ran_out_of_time_is_not_repeated(
    janitor: Janitor, ledger: Ledger, clock: Clock, job: Job
) -> None:
    """An attempt that was silent past its limit ends the job as a limit, not as another attempt."""
    ledger.claim(job.id, "w1")
    clock.pass_seconds(301)
    janitor.round()

    ended = ledger.show("acme", job.id)
    assert (ended.state, ended.error["code"]) == (JobState.FAILED, "limit_exceeded")


def test_a_cancelled_job_whose_worker_is_gone_ends(janitor: Janitor, ledger: Ledger, clock: Clock, job: Job) -> None:
    """Nobody answers the wish to stop: the janitor does."""
    ledger.claim(job.id, "w1")
    ledger.request_cancel("acme", job.id)
    clock.pass_seconds(61)
    janitor.round()

    assert ledger.show("acme", job.id).state is JobState.CANCELLED


def test_a_job_that_waited_too_long_expires(janitor: Janitor, ledger: Ledger, clock: Clock, job: Job) -> None:
    """Past its queue timeout a job is expired and open no more."""
    clock.pass_seconds(1000)
    janitor.round()

    assert ledger.show("acme", job.id).state is JobState.EXPIRED
    assert list(ledger.open_ids()) == []


def test_an_outcome_without_an_end_is_settled(
    *, janitor: Janitor, ledger: Ledger, memory: MemoryStore, redis: Redis, clock: Clock, job: Job
) -> None:
    """The worker died between the outcome and the rest: marker and record follow the outcome."""
    lease = ledger.claim(job.id, "w1")
    before = redis.hgetall(f"modelpress:{{{job.id}}}:record")
    ledger.finish(lease, JobState.SUCCEEDED)
    memory.put(f"open/{job.id}", b'{"tenant": "acme"}')
    redis.hset(f"modelpress:{{{job.id}}}:record", mapping=before)
    clock.pass_seconds(61)
    janitor.round()

    assert ledger.show("acme", job.id).state is JobState.SUCCEEDED
    assert list(ledger.open_ids()) == []


def test_an_end_that_redis_missed_is_told_later(
    *, janitor: Janitor, ledger: Ledger, memory: MemoryStore, clock: Clock, job: Job
) -> None:
    """A job that ended while Redis was away, which then comes back as it was, does not stay running for ever."""
    lease = ledger.claim(job.id, "w1")
    alone = Ledger(memory, Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True), clock=clock)
    alone.finish(lease, JobState.SUCCEEDED)
    assert ledger.show("acme", job.id).state is JobState.RUNNING
    clock.pass_seconds(61)
    janitor.round()

    assert ledger.show("acme", job.id).state is JobState.SUCCEEDED
    assert list(ledger.open_ids()) == []


def test_a_marker_that_was_left_is_removed(
    janitor: Janitor, ledger: Ledger, memory: MemoryStore, redis: Redis, job: Job
) -> None:
    """A job that has ended, but still has its marker, loses it in the next round, with Redis or without."""
    ledger.finish(ledger.claim(job.id, "w1"), JobState.SUCCEEDED)
    for _ in range(2):
        memory.put(f"open/{job.id}", b'{"tenant": "acme"}')
        janitor.round()
        assert list(ledger.open_ids()) == []
        redis.flushdb()


def test_a_delayed_attempt_waits(janitor: Janitor, ledger: Ledger, queue: JobQueue, clock: Clock, job: Job) -> None:
    """After a failure of the store the next attempt is not enqueued before its delay is over."""
    ledger.give_up(ledger.claim(job.id, "w1"), StorageError("away"), stage=None, delay_s=20)
    assert janitor.round() == 0
    clock.pass_seconds(20)

    assert janitor.round() == 1
    assert queue.place(ledger.find(job.id)) is Place.WAITING


@pytest.mark.parametrize("content", [b'{"tenant": "acme"}', b"{}", b"cut sh"])
def test_one_bad_marker_does_not_stop_the_round(
    janitor: Janitor, memory: MemoryStore, queue: JobQueue, job: Job, content: bytes
) -> None:
    """A marker without a request, or one that cannot be read, is left alone; the other jobs are looked after."""
    memory.put("open/job_00000000000000000000000000", content)

    assert janitor.round() == 1
    assert queue.place(job) is Place.WAITING


def test_a_part_of_the_round_that_meets_a_surprise_costs_nobody_the_janitor(caplog: pytest.LogCaptureFixture) -> None:
    """A document that cannot be read, or a store that is away, ends that part and is logged; nothing is raised."""

    def unreadable() -> None:
        raise KeyError("schema")

    def away() -> None:
        raise StorageError("The object store failed.")

    safely(unreadable)
    safely(away)

    assert ["left for the next" in each.message or "cut short" in each.message for each in caplog.records] == [
        True,
        True,
    ]


def test_what_takes_long_goes_on_beside_the_rounds() -> None:
    """A part that has not ended is not begun again, and once it has ended it is."""
    begun, go_on = [], threading.Event()

    def long() -> None:
        begun.append(1)
        go_on.wait(30)

    first = beside(None, long)
    same = beside(first, long)
    go_on.set()
    first.join(30)
    second = beside(same, long)
    second.join(30)

    assert same is first
    assert len(begun) == 2


def test_a_round_costs_little_however_many_wait(
    *, janitor: Janitor, ledger: Ledger, queue: JobQueue, memory: MemoryStore, redis: Redis
) -> None:
    """With 600 jobs that wait for a worker a round asks the store for its markers, and Redis some twenty times."""
    for _ in range(600):
        queue.enqueue(ledger.accept("acme", "compression", REQUEST))
    janitor.round()
    calls = Counter[str]()
    for name in ("get", "head", "put", "list", "folders"):
        setattr(memory, name, partial(_counted, calls, name, getattr(memory, name)))
    redis.config_resetstat()
    janitor.round()
    commands = redis.info("commandstats")
    asked = sum(commands[name]["calls"] for name in commands if name != "cmdstat_hgetall")

    assert calls == {"list": 1}
    assert commands["cmdstat_hgetall"]["calls"] == 600
    assert asked < 20
    assert len(janitor.found) == 600


def test_what_rq_cannot_read_is_enqueued_afresh(janitor: Janitor, queue: JobQueue, job: Job, raw_redis: Redis) -> None:
    """A waiting job whose trace in RQ somebody spoilt comes back to the queue, and costs others no round."""
    queue.enqueue(job)
    (key,) = raw_redis.keys("rq:job:*")
    raw_redis.hset(key, mapping={"data": "x", "timeout": "long", "created_at": "2026-01-01T00:00:00Z"})
    raw_redis.delete("rq:queue:modelpress")
    raw_redis.zadd("rq:wip:modelpress", {b"\xff:x": 1})

    assert janitor.round() == 1
    assert queue.place(job) is Place.WAITING


def _counted(calls: Counter[str], name: str, call: Callable[..., Any], *args: Any) -> Any:
    calls[name] += 1
    return call(*args)

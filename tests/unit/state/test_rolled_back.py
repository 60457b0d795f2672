"""Redis comes back as it was a while ago: what it has lost is told again, by the first janitor that sees it."""

from collections.abc import Callable

import pytest
from redis import Redis
from state_clock import Clock

from jobs import janitor as rounds
from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import LeaseLostError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.events import EventLog
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job

REQUEST = {"model": {"uri": "s3://models/tiny"}, "limits": {"run_timeout_s": 300}}
RollBack = Callable[[], None]


@pytest.fixture
def queue(raw_redis: Redis) -> JobQueue:
    """Return an empty queue."""
    return JobQueue(raw_redis)


@pytest.fixture
def janitor(ledger: Ledger, queue: JobQueue, memory: MemoryStore, clock: Clock) -> Janitor:
    """Return a janitor with the test's clock."""
    return Janitor(ledger, queue, Landscapes(memory, ledger, queue), clock)


@pytest.fixture
def job(ledger: Ledger, queue: JobQueue) -> Job:
    """Return a job on the queue."""
    job = ledger.accept("acme", "compression", REQUEST)
    queue.enqueue(job)
    return job


@pytest.fixture
def photograph(raw_redis: Redis, monkeypatch: pytest.MonkeyPatch) -> Callable[[], RollBack]:
    """Return what returns what brings Redis back to how it is now, as a server that was started again."""

    def take() -> RollBack:
        contents = {key: raw_redis.dump(key) for key in raw_redis.scan_iter()}

        def roll_back() -> None:
            raw_redis.flushdb()
            for key, content in contents.items():
                raw_redis.restore(key, 0, content)
            monkeypatch.setattr(JobQueue, "server", lambda _: "started again")

        return roll_back

    return take


@pytest.fixture
def running(ledger: Ledger, janitor: Janitor, job: Job, photograph: Callable[[], RollBack]) -> tuple[Job, RollBack]:
    """Return a job whose first attempt was under way when the picture was taken."""
    lease = ledger.claim(job.id, "w1")
    janitor.round()
    roll_back = photograph()
    ledger.finish(lease, JobState.SUCCEEDED)
    return job, roll_back


def test_a_job_that_had_ended_has_ended(
    ledger: Ledger, janitor: Janitor, running: tuple[Job, RollBack], redis: Redis
) -> None:
    """Nobody looks for it, because its marker is gone: still it does not stay under way, and its end is told."""
    job, roll_back = running
    roll_back()
    before = ledger.show("acme", job.id).state
    janitor.round()
    told = [each["data"]["state"] for each in EventLog(redis).page(job.id)]

    assert (before, ledger.show("acme", job.id).state) == (JobState.RUNNING, JobState.SUCCEEDED)
    assert told == ["queued", "running", "succeeded"]
    assert redis.ttl(f"modelpress:{{{job.id}}}:record") > 0
    assert not janitor.unfinished


def test_nothing_is_compared_while_redis_stays(
    ledger: Ledger, janitor: Janitor, memory: MemoryStore, monkeypatch: pytest.MonkeyPatch, job: Job
) -> None:
    """Round after round the same Redis is believed: the store is asked for its markers and no more."""
    janitor.round()
    asked: list[str] = []
    monkeypatch.setattr(memory, "get", asked.append)
    monkeypatch.setattr(memory, "head", asked.append)

    assert janitor.round() == 0
    assert asked == []


def test_a_wish_to_stop_is_remembered(
    *, ledger: Ledger, janitor: Janitor, job: Job, photograph: Callable[[], RollBack]
) -> None:
    """The caller was told that the job will stop: it does."""
    lease = ledger.claim(job.id, "w1")
    janitor.round()
    roll_back = photograph()
    ledger.request_cancel("acme", job.id)
    roll_back()
    janitor.round()

    assert ledger.show("acme", job.id).state is JobState.CANCELLING
    assert ledger.heartbeat(job.id, lease.job.worker) is JobState.CANCELLING


def test_the_attempt_that_is_under_way_goes_on(
    *,
    ledger: Ledger,
    janitor: Janitor,
    job: Job,
    clock: Clock,
    photograph: Callable[[], RollBack],
) -> None:
    """Redis takes the first attempt for the present one: the second keeps the job, and the first gets nothing done."""
    first = ledger.claim(job.id, "w1")
    janitor.round()
    roll_back = photograph()
    clock.pass_seconds(61)
    janitor.round()
    second = ledger.claim(job.id, "w2")
    roll_back()
    janitor.round()

    assert ledger.heartbeat(job.id, "w2") is JobState.RUNNING
    with pytest.raises(LeaseLostError):
        ledger.progress(first, {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5})
    assert ledger.finish(second, JobState.SUCCEEDED).attempt == 2


def test_what_came_and_ended_meanwhile_is_listed(
    *, ledger: Ledger, janitor: Janitor, job: Job, photograph: Callable[[], RollBack]
) -> None:
    """A job that was accepted and has ended since is in the list again, though Redis takes its list for whole."""
    ledger.page("acme")
    janitor.round()
    roll_back = photograph()
    later = ledger.accept("acme", "compression", REQUEST)
    ledger.finish(ledger.claim(later.id, "w1"), JobState.SUCCEEDED)
    roll_back()
    janitor.round()

    assert [each.id for each in ledger.page("acme").jobs] == [later.id, job.id]


def test_a_record_without_a_job_goes(ledger: Ledger, janitor: Janitor, memory: MemoryStore, job: Job) -> None:
    """What the collector has deleted, and a Redis of before takes to go on, is not there."""
    for found in [*memory.list(f"tenants/acme/jobs/{job.id}/"), *memory.list("open/")]:
        memory.delete(found.key)
    memory.put(f"tenants/acme/gone/{job.id}", b"{}")
    janitor.round()

    assert ledger.show("acme", job.id) is None
    assert list(ledger.page("acme").jobs) == []


def test_a_round_ends_in_time_and_the_next_goes_on(
    ledger: Ledger, janitor: Janitor, redis: Redis, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more to look up than there is time for, the rest is for the next round, which comes soon."""
    redis.flushdb()
    monkeypatch.setattr(rounds, "LOOK_UP_S", 0.0)
    first = janitor.round(), janitor.unfinished
    monkeypatch.setattr(rounds, "LOOK_UP_S", 5.0)

    assert first == (0, True)
    assert (janitor.round(), janitor.unfinished, janitor.found[0].id) == (1, False, job.id)

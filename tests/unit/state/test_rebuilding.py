"""Redis comes back empty: what the store knows is enough."""

from collections.abc import Callable

import pytest
from redis import Redis

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import LeaseLostError, StorageError
from jobs.contract.state import JobState
from jobs.state.events import EventLog
from jobs.state.ledger import Ledger

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}
PROGRESS = {"stage": "compress", "step": 1, "steps": 2, "fraction": 0.5}
SAME = ("id", "tenant", "kind", "state", "request", "created_at", "attempt", "token", "worker", "labels", "error")


def known(ledger: Ledger, job_id: str) -> dict:
    """Return what a rebuilt job has to have in common with the job before."""
    job = ledger.show("acme", job_id)
    return {name: getattr(job, name) for name in SAME}


def told(ledger: Ledger, job_id: str) -> list[tuple]:
    """Return the times and states of the state-changing events."""
    events = EventLog(ledger._memory._redis).page(job_id)
    return [(each["at"], each["data"]["state"]) for each in events if each["type"] == "state"]


def waiting(ledger: Ledger) -> str:
    """Return the id of a job that waits."""
    return ledger.accept("acme", "compression", REQUEST, labels={"team": "speech"}).id


def running(ledger: Ledger) -> str:
    """Return the id of a job that runs."""
    return ledger.claim(waiting(ledger), "w1").job.id


def cancelling(ledger: Ledger) -> str:
    """Return the id of a job that is asked to stop."""
    return ledger.request_cancel("acme", running(ledger)).id


def succeeded(ledger: Ledger) -> str:
    """Return the id of a job that succeeded."""
    return ledger.finish(ledger.claim(waiting(ledger), "w1"), JobState.SUCCEEDED).id


def failed(ledger: Ledger) -> str:
    """Return the id of a job that failed."""
    lease = ledger.claim(waiting(ledger), "w1")
    return ledger.finish(lease, JobState.FAILED, {"code": "unsafe_format", "message": "pickled"}).id


def cancelled(ledger: Ledger) -> str:
    """Return the id of a job that was cancelled while it waited."""
    return ledger.request_cancel("acme", waiting(ledger)).id


STORIES = [waiting, running, cancelling, succeeded, failed, cancelled]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_every_state_is_rebuilt_as_it_was(ledger: Ledger, redis: Redis, story: Callable[[Ledger], str]) -> None:
    """After Redis lost everything, a job in any state shows the same as before."""
    job_id = story(ledger)
    before = known(ledger, job_id)
    redis.flushdb()

    assert known(ledger, job_id) == before


def test_the_story_of_a_job_is_told_again(ledger: Ledger, redis: Redis, memory: MemoryStore) -> None:
    """State-changing events come back in order; those of the present attempt keep their times."""
    real = Ledger(memory, redis)
    job_id = succeeded(real)
    before = told(real, job_id)
    redis.flushdb()
    real.show("acme", job_id)

    after = told(real, job_id)
    assert [state for _, state in after] == [state for _, state in before] == ["queued", "running", "succeeded"]


def test_the_list_is_rebuilt(ledger: Ledger, redis: Redis) -> None:
    """Listing after a loss shows every job of the tenant, ended ones too."""
    ids = [waiting(ledger), succeeded(ledger), running(ledger)]
    redis.flushdb()

    assert [job.id for job in ledger.page("acme").jobs] == sorted(ids, reverse=True)


def test_an_attempt_under_way_goes_on(ledger: Ledger, redis: Redis) -> None:
    """A worker whose job Redis forgot keeps its lease: it reports, is heard of and finishes."""
    lease = ledger.claim(waiting(ledger), "w1")
    redis.flushdb()
    ledger.progress(lease, PROGRESS)
    redis.flushdb()
    assert ledger.heartbeat(lease.job.id, "w1") is JobState.RUNNING
    redis.flushdb()

    assert ledger.finish(lease, JobState.SUCCEEDED).state is JobState.SUCCEEDED


def test_a_stale_attempt_stays_stale(ledger: Ledger, redis: Redis) -> None:
    """Losing Redis does not give an old attempt its lease back."""
    stale = ledger.claim(waiting(ledger), "w1")
    ledger.give_up(stale, StorageError("away"), stage=None)
    ledger.claim(stale.job.id, "w2")
    redis.flushdb()

    with pytest.raises(LeaseLostError):
        ledger.finish(stale, JobState.SUCCEEDED)


def test_finishing_does_without_redis(ledger: Ledger, memory: MemoryStore, redis: Redis) -> None:
    """A job ends in the store although Redis is away, and Redis learns of it later."""
    lease = ledger.claim(waiting(ledger), "w1")
    alone = Ledger(memory, Redis.from_url("redis://127.0.0.1:1/0", decode_responses=True))

    assert alone.finish(lease, JobState.SUCCEEDED).state is JobState.SUCCEEDED
    assert ledger.settle(ledger.show("acme", lease.job.id)).state is JobState.SUCCEEDED
    assert ledger.show("acme", lease.job.id).state is JobState.SUCCEEDED

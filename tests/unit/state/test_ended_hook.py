"""What is told of a job that ended, and for how long it is told again."""

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import StorageError
from jobs.contract.state import JobState
from jobs.janitor import Janitor
from jobs.state.landscapes import Landscapes
from jobs.state.ledger import Ledger
from jobs.state.queue import JobQueue
from jobs.state.records import Job

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}


class Ear:
    """Hears of jobs that ended, once it listens."""

    def __init__(self) -> None:
        self.listens = True
        self.heard: list[tuple[str, JobState]] = []

    def __call__(self, job: Job) -> None:
        """Hear of *job*, or fail as a store does."""
        if not self.listens:
            raise StorageError("The store does not answer.")
        self.heard.append((job.id, job.state))


@pytest.fixture
def ear() -> Ear:
    """Return one that listens."""
    return Ear()


@pytest.fixture
def told(memory: MemoryStore, redis: Redis, clock: Clock, ear: Ear) -> Ledger:
    """Return a ledger that tells *ear*."""
    return Ledger(memory, redis, clock=clock, ended=(ear,))


def test_every_end_is_told(told: Ledger, ear: Ear, memory: MemoryStore) -> None:
    """Success, failure, cancelling and expiry are told, each with the state that the job ended in."""
    one, two, three = (told.accept("acme", "compression", REQUEST) for _ in range(3))
    told.finish(told.claim(one.id, "w"), JobState.SUCCEEDED)
    told.request_cancel("acme", two.id)
    told.expire(three)

    assert ear.heard == [(one.id, "succeeded"), (two.id, "cancelled"), (three.id, "expired")]
    assert list(memory.list("open/")) == []


def test_an_end_that_nobody_heard_is_told_again(
    told: Ledger, ear: Ear, memory: MemoryStore, raw_redis: Redis, clock: Clock
) -> None:
    """A job whose end could not be told has ended, keeps its marker, and the janitor tells it until it is heard."""
    job, queue = told.accept("acme", "compression", REQUEST), JobQueue(raw_redis)
    janitor = Janitor(told, queue, Landscapes(memory, told, queue), clock)
    ear.listens = False
    ended = told.finish(told.claim(job.id, "w"), JobState.SUCCEEDED)
    janitor.round()

    assert ended.state is told.show("acme", job.id).state is JobState.SUCCEEDED
    assert list(told.open_ids()) == [job.id]

    ear.listens = True
    janitor.round()
    janitor.round()

    assert ear.heard == [(job.id, "succeeded")]
    assert list(told.open_ids()) == []


def test_an_end_outlives_redis(told: Ledger, ear: Ear, memory: MemoryStore, redis: Redis, raw_redis: Redis) -> None:
    """An end that was not heard before Redis was emptied is told from the archive."""
    job, queue = told.accept("acme", "compression", REQUEST), JobQueue(raw_redis)
    ear.listens = False
    told.finish(told.claim(job.id, "w"), JobState.FAILED, {"code": "internal_error", "message": "No."})
    redis.flushdb()
    ear.listens = True
    Janitor(told, queue, Landscapes(memory, told, queue)).round()

    assert ear.heard == [(job.id, "failed")]

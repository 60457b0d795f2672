"""Looking at a job again and again, without reading the same record twice."""

from collections.abc import Callable

import pytest
from redis import Redis
from state_clock import Clock

from jobs.adapters.memory import MemoryStore
from jobs.contract.errors import QueueError
from jobs.contract.state import JobState
from jobs.state.ledger import Ledger

REQUEST = {"model": {"uri": "s3://models/tiny"}, "steps": [{"technique": "low_rank"}]}


def begin(ledger: Ledger, job_id: str) -> None:
    """Let a worker take it."""
    ledger.claim(job_id, "w1")


def cancel(ledger: Ledger, job_id: str) -> None:
    """Ask for the end."""
    ledger.request_cancel("acme", job_id)


def test_a_job_that_has_not_changed_is_the_same_object(ledger: Ledger) -> None:
    """Whoever has made something of it can tell so by identity."""
    job = ledger.accept("acme", "compression", REQUEST)
    first = ledger.glance("acme", job.id, None)

    assert first.job == ledger.show("acme", job.id)
    assert ledger.glance("acme", job.id, first) is first


@pytest.mark.parametrize("change", [cancel, begin])
def test_a_change_makes_another(ledger: Ledger, change: Callable[[Ledger, str], None]) -> None:
    """Of whatever kind it is; what was seen before stays as it was."""
    job = ledger.accept("acme", "compression", REQUEST)
    first = ledger.glance("acme", job.id, None)
    change(ledger, job.id)
    second = ledger.glance("acme", job.id, first)

    assert first.job.state is JobState.QUEUED
    assert second is not first
    assert second.job == ledger.show("acme", job.id)


def test_what_is_not_the_tenants_is_not_seen(ledger: Ledger, redis: Redis) -> None:
    """Neither with the glance of its owner in hand, nor where Redis has lost it: `show` knows."""
    job = ledger.accept("acme", "compression", REQUEST)
    first = ledger.glance("acme", job.id, None)
    foreign = ledger.glance("other", job.id, first)
    redis.flushall()

    assert foreign is None
    assert ledger.glance("acme", job.id, first) is None
    assert ledger.show("acme", job.id) is not None


def test_a_job_whose_time_is_over_is_not_seen(memory: MemoryStore, redis: Redis, clock: Clock) -> None:
    """Time passes without a change of the record."""
    ledger = Ledger(memory, redis, retention_s=3600, clock=clock)
    job = ledger.accept("acme", "compression", REQUEST)
    cancel(ledger, job.id)
    first = ledger.glance("acme", job.id, None)
    clock.pass_seconds(3600)

    assert first.job.state is JobState.CANCELLED
    assert ledger.glance("acme", job.id, first) is None


def test_a_redis_that_is_away_is_said_to_be(memory: MemoryStore) -> None:
    """The archive is not asked in its place: who glances wants an answer at once."""
    with Redis(port=1, decode_responses=True) as nowhere, pytest.raises(QueueError, match="try again"):
        Ledger(memory, nowhere).glance("acme", "job_" + "0" * 26, None)
